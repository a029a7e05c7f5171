// <form data-guard>: leaving the page with unsaved changes asks first; sending the form does not.
// data-guard="dirty": unsaved from the start, for a form that came back with errors.
// Fields in a [data-unguarded] block are no part of what is saved.
const saves = (form, name) => !form.querySelector(`[data-unguarded] [name="${CSS.escape(name)}"]`);
const state = (form) =>
  JSON.stringify(
    [...new FormData(form)].filter(([k]) => saves(form, k)).map(([k, v]) => [k, typeof v === "string" ? v : v.name]),
  );

export function startGuards() {
  for (const form of document.querySelectorAll("form[data-guard]")) {
    // After the other modules have filled in names and defaults.
    let saved;
    let leaving = false;
    setTimeout(() => (saved = form.dataset.guard === "dirty" ? "" : state(form)));
    form.addEventListener("submit", (event) => {
      leaving = !event.defaultPrevented;
    });
    addEventListener("beforeunload", (event) => {
      if (!leaving && saved !== undefined && form.isConnected && state(form) !== saved) event.preventDefault();
    });
    // A session that ended: the page goes to the sign-in, and what was typed is kept (draft.js).
    document.addEventListener("htmx:beforeOnLoad", (event) => {
      if (event.detail.xhr.getResponseHeader("HX-Redirect")) leaving = true;
    });
    addEventListener("pageshow", () => (leaving = false));
  }
}
