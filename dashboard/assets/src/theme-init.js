// Runs in <head> before the first paint, so that a dark page never flashes white.
// Also marks <html> with .js: app.css hides what only scripts can do when it is missing.
const root = document.documentElement;
root.classList.add("js");
let stored = null;
try {
  stored = localStorage.getItem("stepgate-theme");
} catch {
  // Storage may be forbidden; the system's preference serves then.
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
root.dataset.bsTheme = stored === "dark" || stored === "light" ? stored : dark ? "dark" : "light";
