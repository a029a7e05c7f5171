// One polite live region for the whole page, for what a sighted person sees change.
let region;

export function announce(text) {
  if (!region) {
    region = document.createElement("div");
    region.className = "visually-hidden";
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  // An unchanged text is not read again, so empty it first.
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}
