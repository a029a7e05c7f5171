// <button data-copy="text">            copies the text
// <button data-copy-from="#selector">  copies that element's value or text
// The button says "Copied" for 2 s (app.css draws it over the button, so nothing moves).
import { announce } from "./announce.js";

const SHOWN_MS = 2000;

function textOf(button) {
  if (button.dataset.copy !== undefined) return button.dataset.copy;
  const from = document.querySelector(button.dataset.copyFrom);
  return from?.value ?? from?.textContent ?? "";
}

// navigator.clipboard exists on https and localhost only; dashboards also run on plain http.
function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  area.readOnly = true;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  return done;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy],[data-copy-from]");
    if (!button) return;
    event.preventDefault();
    const done = await copy(textOf(button));
    button.classList.remove("is-copied", "is-not-copied");
    button.classList.add(done ? "is-copied" : "is-not-copied");
    announce(done ? "Copied" : "The browser did not allow copying. Select the text and copy it by hand.");
    clearTimeout(button.copiedTimer);
    button.copiedTimer = setTimeout(
      () => button.classList.remove("is-copied", "is-not-copied"),
      SHOWN_MS,
    );
  });
}
