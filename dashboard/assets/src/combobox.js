// A text field that suggests, after the WAI-ARIA combobox pattern.
//
// <div data-combobox data-source="/machines?environment=3" data-combobox-include="environment">
//   <input name="state_machine_arn" role="combobox" aria-controls="machines" aria-expanded="false"
//          aria-autocomplete="list" autocomplete="off">
//   <ul id="machines" role="listbox" aria-label="State machines" hidden></ul>
// </div>
//
// Typing (after 150 ms) or focus fetches <source>&q=…: <li role="option" data-value="arn">…</li>, and
// <li class="disabled"> for what cannot be chosen (an error, "none found").
// data-combobox-include names fields of the form whose values go along. Choosing sets the value
// and dispatches input and change. Without scripts it is a plain text field.
const WAIT_MS = 150;
let made = 0;

class Combobox {
  constructor(box) {
    this.box = box;
    this.input = box.querySelector("input:not([type=hidden])");
    this.list = box.querySelector("[role=listbox]");
    this.list.id ||= `combobox-${(made += 1)}`;
    this.input.setAttribute("role", "combobox");
    this.input.setAttribute("aria-controls", this.list.id);
    this.input.setAttribute("aria-autocomplete", "list");
    this.input.autocomplete = "off";
    this.close();
    this.input.addEventListener("focus", () => this.search(0));
    this.input.addEventListener("click", () => this.list.hidden && this.search(0));
    this.input.addEventListener("input", () => this.choosing || this.search(WAIT_MS));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
    // Before blur, which would close the list under the pointer.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option && this.options.includes(option)) this.choose(option);
    });
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]:not(.disabled,[aria-disabled=true])")];
  }

  get url() {
    const url = new URL(this.box.dataset.source, location.href);
    for (const name of (this.box.dataset.comboboxInclude ?? "").split(/[\s,]+/).filter(Boolean)) {
      const field = this.input.form?.elements.namedItem(name);
      if (field) url.searchParams.set(name, field.value);
    }
    // A field that already holds a choice is opened to see the others, not that one alone.
    const chosen = this.input.value === this.chosen;
    url.searchParams.set("q", chosen ? "" : this.input.value.trim());
    return url;
  }

  search(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), wait);
  }

  async fetch() {
    this.request?.abort();
    const request = (this.request = new AbortController());
    const { url } = this;
    this.input.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, signal: request.signal });
      const elsewhere = answer.redirected && new URL(answer.url).pathname !== url.pathname;
      if (elsewhere || answer.headers.has("HX-Redirect")) this.say("You are signed out. Load the page again to sign in.");
      else if (!answer.ok) this.say(`No suggestions: the server answered ${answer.status}. An ARN can be pasted.`);
      else this.show(await answer.text());
    } catch (error) {
      if (error.name === "AbortError") return; // a later search took over
      this.say("No suggestions: the server cannot be reached. An ARN can be pasted.");
    }
    if (this.request === request) this.input.removeAttribute("aria-busy");
  }

  say(text) {
    const item = document.createElement("li");
    item.className = "disabled";
    item.textContent = text;
    this.list.replaceChildren(item);
    this.open();
  }

  show(html) {
    this.list.innerHTML = html; // our own server's partial; the CSP keeps scripts out
    this.options.forEach((option, i) => (option.id ||= `${this.list.id}-${i}`));
    for (const item of this.list.querySelectorAll(".disabled")) item.setAttribute("aria-disabled", "true");
    this.open();
  }

  open() {
    if (document.activeElement !== this.input) return;
    this.mark(null);
    this.list.hidden = this.list.childElementCount === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  close() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.input.removeAttribute("aria-busy");
    this.mark(null);
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }

  mark(option) {
    this.active?.setAttribute("aria-selected", "false");
    this.active = option;
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  move(step) {
    const { options } = this;
    if (!options.length) return;
    const at = options.indexOf(this.active);
    const next = at < 0 ? (step > 0 ? 0 : options.length - 1) : (at + step + options.length) % options.length;
    this.mark(options[next]);
  }

  choose(option) {
    this.choosing = true;
    this.input.value = this.chosen = option.dataset.value;
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    this.choosing = false;
    this.close();
  }

  key(event) {
    if (event.isComposing) return;
    const down = event.key === "ArrowDown";
    if (down || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.search(0);
      else this.move(down ? 1 : -1);
    } else if (event.key === "Enter" && !this.list.hidden && this.active) {
      event.preventDefault(); // chooses; does not send the form
      this.choose(this.active);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }
}

export function startComboboxes(root = document) {
  for (const box of root.querySelectorAll("[data-combobox]")) box.combobox ??= new Combobox(box);
}
