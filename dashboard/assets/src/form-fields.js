// Fields that follow other fields.
//
// <div data-show-when="field=value|value2">   shown while the form's field has one of the values
// <input data-fill-from="method path">        fills itself: POST + /orders/{id} → "post-orders-id", until typed in
// <select data-default-by="method" data-defaults='{"GET":"FIXED","*":"BODY"}'>
//                                             follows the method until the person chooses
const fieldValue = (form, name) => {
  const field = form.elements.namedItem(name);
  if (!field) return "";
  if (field instanceof RadioNodeList) return field.value;
  if (field.type === "checkbox") return field.checked ? field.value : "";
  return field.value;
};

// Sets a value as a person would, for previews and followers; "own" is the field being set,
// so that its own listener can tell this from the person.
let own = null;
function setValue(element, value) {
  own = element;
  element.value = value;
  element.dispatchEvent(new Event("input", { bubbles: true }));
  element.dispatchEvent(new Event("change", { bubbles: true }));
  own = null;
}

function showWhen(block) {
  const form = block.closest("form");
  const [name, values] = block.dataset.showWhen.split("=", 2);
  const wanted = values.split("|");
  block.hidden = !wanted.includes(fieldValue(form, name));
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

function startDefault(select) {
  const form = select.closest("form");
  const defaults = JSON.parse(select.dataset.defaults ?? "{}");
  const wanted = () => {
    const by = fieldValue(form, select.dataset.defaultBy);
    return defaults[by] ?? defaults["*"];
  };
  // A saved choice that is not the method's default was made by a person.
  let following = wanted() === undefined || select.value === "" || select.value === wanted();
  form.addEventListener("change", (event) => {
    if (event.target === select) {
      if (own !== select) following = false;
      return;
    }
    if (!following || event.target.name !== select.dataset.defaultBy) return;
    const value = wanted();
    if (value === undefined || value === select.value) return;
    setValue(select, value);
  });
}

export function startFields() {
  const blocks = [...document.querySelectorAll("form [data-show-when]")];
  const refresh = () => blocks.forEach(showWhen);
  refresh();
  if (blocks.length) {
    document.addEventListener("input", refresh);
    document.addEventListener("change", refresh);
    document.addEventListener("reset", () => setTimeout(refresh));
    addEventListener("pageshow", refresh); // the browser puts back old choices
  }
  document.querySelectorAll("form [data-fill-from]").forEach(startFilling);
  document.querySelectorAll("form [data-default-by]").forEach(startDefault);
}
