// <form data-guard> and <form data-draft>: what was typed outlives a session that ended meanwhile.
// It is remembered for this tab alone, until a page of somebody signed in shows: if that is the same
// page, come back to by way of the sign-in, its form is filled as it was; else it is forgotten.
const KEY = "stepgate-draft";
const FORMS = "form[data-guard], form[data-draft]";

function fill(form, entries) {
  for (const [name, value] of entries) {
    const field = form.elements.namedItem(name);
    if (field && !(field instanceof RadioNodeList) && field.type !== "hidden") field.value = value;
  }
}

function keep(form) {
  const entries = [...new FormData(form)].filter(([, value]) => typeof value === "string");
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
