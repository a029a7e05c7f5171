// Fields that follow other fields. Conditions are those of conditions.js.
//
// <div data-show-when="field=value|value2">   shown while the condition holds; and while it is as it was
//                                             when the form came back with an error in the block
// <form data-limits="condition -> field=a|b; …">   while the condition holds, the select offers only a and b,
//                                             and goes to the first of them (a box to tick: "" takes the tick out);
//                                             it goes back once it may
// <input data-fill-from="method path">        fills itself: POST + /orders/{id} → "post-orders-id", until typed in
// <div data-default-by="method" data-defaults='{"GET":"FIXED","*":"BODY"}'>
//                                             the field, or the one field in the box, follows the method until the
//                                             person chooses; "authorization method": keys such as "NONE GET"
// <span data-text-of="path">/orders</span>    shows what the field holds, without a slash at its end
import { fieldValue, fieldsOf, holds } from "./conditions.js";

// Sets a value as a person would, for previews and followers; "own" is the field being set,
// so that listeners can tell this from the person.
let own = null;
function setValue(element, value) {
  const before = own;
  own = element;
  if (element.type === "checkbox") element.checked = value !== "";
  else element.value = value;
  element.dispatchEvent(new Event("input", { bubbles: true }));
  element.dispatchEvent(new Event("change", { bubbles: true }));
  own = before;
}

function startShowing(block) {
  const form = block.closest("form");
  const condition = block.dataset.showWhen;
  // An error of the server is seen, until what hides its field changes.
  const asSent = block.querySelector(".field-error[id$=_error]") && fieldsOf(form, condition);
  const show = () => {
    block.hidden = !(holds(form, condition) || (asSent !== null && fieldsOf(form, condition) === asSent));
  };
  show();
  return show;
}

function startLimits(form) {
  const rules = form.dataset.limits
    .split(";")
    .map((rule) => /^\s*(.+?)\s*->\s*(\w+)=(.*?)\s*$/.exec(rule))
    .filter(Boolean)
    .map(([, condition, name, values]) => ({ condition, name, values: values.split("|") }));
  const left = new Map(); // field → the value that it had to leave
  const apply = (name, may) => {
    const field = form.elements.namedItem(name);
    const old = left.get(field);
    if (may && !may(fieldValue(form, name))) {
      const options = field.options ? [...field.options].map((option) => option.value) : [""];
      left.set(field, old ?? fieldValue(form, name));
      setValue(field, options.find(may));
    } else if (old !== undefined && (!may || may(old))) {
      left.delete(field);
      setValue(field, old);
    }
  };
  const allowed = (name) => {
    const now = rules.filter((rule) => rule.name === name && holds(form, rule.condition));
    return now.length ? (value) => now.every((rule) => rule.values.includes(value)) : null;
  };
  const names = [...new Set(rules.map((rule) => rule.name))].filter((name) => form.elements.namedItem(name));
  const offer = () => {
    for (const name of names) {
      const may = allowed(name);
      for (const option of form.elements.namedItem(name).options ?? [])
        option.hidden = option.disabled = !option.selected && may !== null && !may(option.value);
    }
  };
  form.addEventListener("change", (event) => own || left.delete(event.target));
  offer(); // what came with the page stays: the server says what is wrong with it
  return () => {
    if (!own) names.forEach((name) => apply(name, allowed(name)));
    offer();
  };
}

function startTexts(span) {
  const form = span.closest("form");
  return () => (span.textContent = fieldValue(form, span.dataset.textOf).trim().replace(/\/+$/, ""));
}

export function slug(method, path) {
  const words = path
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return [method.toLowerCase(), words || "root"].filter(Boolean).join("-");
}

function fillFrom(input) {
  const form = input.closest("form");
  const [method, path] = input.dataset.fillFrom.split(/\s+/).map((name) => fieldValue(form, name).trim());
  if (!path) return "";
  const text = slug(method, path);
  return input.maxLength > 0 ? text.slice(0, input.maxLength).replace(/-+$/, "") : text;
}

function startFilling(input) {
  const form = input.closest("form");
  let filled = fillFrom(input);
  // A saved name, or one that came back with errors, is the person's own.
  let following = input.value === "" || input.value === filled;
  const follow = () => {
    if (!following) return;
    filled = fillFrom(input);
    if (input.value !== filled) setValue(input, filled);
  };
  form.addEventListener("input", (event) => {
    if (event.target !== input) follow();
    else if (own !== input) following = input.value === "";
  });
  form.addEventListener("change", (event) => event.target !== input && follow());
  follow();
}

function startDefault(box) {
  const field = box.matches("input, select, textarea") ? box : box.querySelector("input, select, textarea");
  const form = field.form;
  const defaults = JSON.parse(box.dataset.defaults);
  const names = box.dataset.defaultBy.split(/\s+/);
  const wanted = () => defaults[names.map((name) => fieldValue(form, name)).join(" ")] ?? defaults["*"];
  // A saved choice that is not the default was made by a person.
  let following = wanted() === undefined || field.value === wanted();
  form.addEventListener("change", (event) => {
    if (event.target === field) {
      if (!own) following = false;
      return;
    }
    if (!following || !names.includes(event.target.name)) return;
    const value = wanted();
    if (value === undefined || value === field.value) return;
    setValue(field, value);
  });
}

export function startFields() {
  const all = (selector, start) => [...document.querySelectorAll(selector)].map(start);
  const followers = [
    ...all("form[data-limits]", startLimits),
    ...all("form [data-show-when]", startShowing),
    ...all("form [data-text-of]", startTexts),
  ];
  const refresh = () => followers.forEach((follow) => follow());
  if (followers.length) {
    document.addEventListener("input", refresh);
    document.addEventListener("change", refresh);
    document.addEventListener("reset", () => setTimeout(refresh));
    addEventListener("pageshow", refresh); // the browser puts back old choices
  }
  all("form [data-fill-from]", startFilling);
  all("form [data-default-by]", startDefault);
  // An <output> that came with a partial has a new value, and nobody typed it.
  document.addEventListener("htmx:afterSettle", (event) => {
    refresh();
    for (const output of event.target.querySelectorAll?.("output[name]") ?? [])
      output.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
