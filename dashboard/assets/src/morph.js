// The htmx swap styles "morph" (= morph:outerHTML) and "morph:innerHTML", by idiomorph.
// A partial replaces only what changed; what the person did to the page stays:
// focus, selection, scroll, open folds and menus, typed but unsent values, running clocks.
// (idiomorph's own htmx extension evaluates strings, which the CSP forbids; so this one.)
import { Idiomorph } from "idiomorph";

const STATEFUL = "[data-poll-status],[data-combobox],[data-editor],.editor,.is-copied,.is-not-copied";
const OPENED = new Set(["class", "style", "aria-expanded", "aria-hidden", "aria-modal", "data-popper-placement"]);

function sameTime(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE || fresh.nodeType !== Node.ELEMENT_NODE) return false;
  if (old.matches("time[data-relative]") && fresh.matches("time[data-relative]"))
    return old.dateTime === fresh.dateTime;
  const since = old.dataset?.elapsedSince;
  return since !== undefined && since === fresh.dataset.elapsedSince;
}

function typedIn(element) {
  if (element.matches("input[type=checkbox],input[type=radio]"))
    return element.checked !== element.defaultChecked;
  if (element.matches("input,textarea")) return element.value !== element.defaultValue;
  if (element.matches("option")) return element.selected !== element.defaultSelected;
  return false;
}

const callbacks = {
  beforeNodeMorphed: (old, fresh) =>
    !(old.nodeType === Node.ELEMENT_NODE && (old.matches(STATEFUL) || sameTime(old, fresh))),
  beforeAttributeUpdated(name, element) {
    if (name === "open" && element.matches("details,dialog")) return false;
    if (name === "title" && element.matches("time[data-relative]")) return false;
    if (OPENED.has(name) && element.matches(".show,.collapsing,[aria-expanded=true]")) return false;
    if (["value", "checked", "selected"].includes(name) && typedIn(element)) return false;
    return true;
  },
};

export function defineMorph(htmx) {
  htmx.defineExtension("morph", {
    isInlineSwap: (style) => style === "morph" || style === "morph:outerHTML",
    handleSwap(style, target, fragment) {
      if (style !== "morph" && !style.startsWith("morph:")) return false;
      const inner = style === "morph:innerHTML";
      const only = fragment.childElementCount === 1 ? fragment.firstElementChild : null;
      // A partial may come with the part's own element around it; its inside is what goes in.
      const nodes = inner && only?.id && only.id === target.id ? only.childNodes : fragment.childNodes;
      return Idiomorph.morph(target, [...nodes], {
        morphStyle: inner ? "innerHTML" : "outerHTML",
        ignoreActiveValue: true,
        callbacks,
      });
    },
  });
  // The extension holds for the whole page, so that a template only writes hx-swap="morph".
  document.body.setAttribute("hx-ext", "morph");
}
