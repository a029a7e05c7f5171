// <form data-guard> and <form data-draft>: what was typed outlives a session that ended meanwhile.
// It is remembered for this tab alone, until a page of somebody signed in shows: if that is the same
// page, come back to by way of the sign-in, its form is filled as it was; else it is forgotten.
// A secret (input type=password) is never remembered.
const KEY = "stepgate-draft";
const FORMS = "form[data-guard], form[data-draft]";

const NOT_FILLED = new Set(["hidden", "password", "submit", "button", "output", "fieldset"]);

function fill(form, entries) {
  for (const field of form.elements) {
    if (!field.name || NOT_FILLED.has(field.type)) continue;
    const values = entries.filter(([name]) => name === field.name).map(([, value]) => value);
    if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
    else if (values.length) field.value = values[0];
  }
}

function keep(form) {
  const secret = (name) => form.querySelector(`input[type=password][name="${CSS.escape(name)}"]`);
  const entries = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !secret(name));
  sessionStorage.setItem(KEY, JSON.stringify({ path: location.pathname, entries }));
}

export function startDrafts() {
  if (!document.querySelector(".frame-menu")) return; // the sign-in page
  const draft = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  sessionStorage.removeItem(KEY);
  const cameBack = draft?.path === location.pathname && document.referrer.includes("/accounts/login");
  for (const form of document.querySelectorAll(FORMS)) {
    if (cameBack && form.dataset.guard !== "dirty") {
      fill(form, draft.entries);
      if ("guard" in form.dataset) form.dataset.guard = "dirty";
    }
    for (const event of ["input", "submit"]) form.addEventListener(event, () => keep(form));
  }
}
