// [data-theme-toggle]: a button that switches light and dark.
// The choice is kept in localStorage; until there is one, the system's preference is followed.
// theme-init.js sets the theme before the first paint.
const KEY = "stepgate-theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function show(theme) {
  root.dataset.bsTheme = theme;
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    const label = theme === "dark" ? "Switch to light" : "Switch to dark";
    button.setAttribute("aria-label", label);
    button.title = label;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice lasts for this page only.
  }
}

function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function startTheme() {
  show(root.dataset.bsTheme === "dark" ? "dark" : "light");
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    show(theme);
    remember(theme);
  });
  system.addEventListener("change", () => {
    if (!chosen()) show(system.matches ? "dark" : "light");
  });
  // Another tab of the same person changed it.
  addEventListener("storage", (event) => {
    if (event.key === KEY && event.newValue) show(event.newValue);
  });
}
