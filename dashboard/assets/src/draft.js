// <form data-guard>: what was typed outlives a session that ended before the form was sent.
// A sent form is remembered for this tab alone until a page of somebody signed in shows: if that
// is the same form again, empty, it is filled as it was; else the form went through.
const KEY = "stepgate-draft";

function fill(form, entries) {
  for (const [name, value] of entries) {
    const field = form.elements.namedItem(name);
    if (field && !(field instanceof RadioNodeList) && field.type !== "hidden") field.value = value;
  }
}

export function startDrafts() {
  if (!document.querySelector(".frame-menu")) return; // the sign-in page
  const draft = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  sessionStorage.removeItem(KEY);
  for (const form of document.querySelectorAll("form[data-guard]")) {
    const cameBack = draft?.path === location.pathname && document.referrer.includes("/accounts/login");
    if (cameBack && form.dataset.guard !== "dirty") {
      fill(form, draft.entries);
      form.dataset.guard = "dirty";
    }
    form.addEventListener("submit", () => {
      const entries = [...new FormData(form)].filter(([, value]) => typeof value === "string");
      sessionStorage.setItem(KEY, JSON.stringify({ path: location.pathname, entries }));
    });
  }
}
