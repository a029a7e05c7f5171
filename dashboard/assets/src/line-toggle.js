// <button type="button" data-line-of="id_webhook_events" hidden>push</button>: puts its text into that text area as
// a line of its own, or takes it out; pressed while it stands there. Without scripts it stays hidden.
const linesOf = (area) => area.value.split("\n").map((line) => line.trim()).filter(Boolean);

export function startLineToggles() {
  const buttons = [...document.querySelectorAll("button[data-line-of]")];
  const areaOf = (button) => document.getElementById(button.dataset.lineOf);
  const show = () => {
    for (const button of buttons)
      button.setAttribute("aria-pressed", String(linesOf(areaOf(button)).includes(button.textContent)));
  };
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const area = areaOf(button);
      const lines = linesOf(area);
      const others = lines.filter((line) => line !== button.textContent);
      area.value = (others.length < lines.length ? others : [...lines, button.textContent]).join("\n");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  if (!buttons.length) return;
  document.addEventListener("input", show);
  addEventListener("pageshow", show);
  show();
}
