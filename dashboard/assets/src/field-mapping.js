// <div data-field-mapping>: a table in place of the text area inside, which holds a JSON list of
// {"name", "source", "value", "type", "required", "default"} and stays the form's field: each change is
// written into it and sends "input" on it; a "change" on it (a script set its value) is read back.
// Inside: <template> with one row, whose controls have data-column="name"; an empty <ol>;
// <button data-add> and <template>'s <button data-move="-1|1">, <button data-remove>.
// Enter adds a row below, Alt+↑ and Alt+↓ move a row. Text that is no such list stays to be mended as text.
import { announce } from "./announce.js";

const EMPTY = { name: "", source: "BODY", value: "", type: "STRING", required: false, default: "" };
const EXAMPLES = {
  BODY: "$.order.id",
  QUERY: "page",
  HEADER: "X-Tenant",
  PATH: "id",
  CONTEXT: "sourceIp",
  CONSTANT: '"text", 42, {"a": 1}',
};

function read(text) {
  try {
    const rows = text.trim() ? JSON.parse(text) : [];
    const objects = Array.isArray(rows) && rows.every((row) => row && typeof row === "object" && !Array.isArray(row));
    return objects ? rows.map((row) => ({ ...EMPTY, ...row })) : null;
  } catch {
    return null;
  }
}

/** Where a field of that name most likely stands in the source. */
function likely(name, source) {
  if (!name || source === "CONTEXT" || source === "CONSTANT") return "";
  if (source !== "BODY") return name;
  return /^[A-Za-z_][\w-]*$/.test(name) ? `$.${name}` : `$['${name}']`;
}

class FieldMapping {
  constructor(box) {
    this.area = box.querySelector("textarea");
    this.text = box.querySelector("[data-text]");
    this.table = box.querySelector("[data-table]");
    this.list = box.querySelector("ol");
    this.template = box.querySelector("template");
    this.add = box.querySelector("[data-add]");
    this.add.addEventListener("click", () => this.insert(null));
    this.list.addEventListener("input", (event) => this.typed(event));
    this.list.addEventListener("change", (event) => this.typed(event));
    this.list.addEventListener("click", (event) => this.pressed(event));
    this.list.addEventListener("keydown", (event) => this.key(event));
    const readBack = () => this.writing || this.show();
    this.area.addEventListener("change", readBack);
    this.area.form?.addEventListener("reset", () => setTimeout(readBack));
    addEventListener("pageshow", readBack); // the browser puts back what was typed
    this.show();
  }

  get rows() {
    return [...this.list.children];
  }

  show() {
    const rows = read(this.area.value);
    this.table.hidden = rows === null;
    this.text.hidden = rows !== null;
    if (rows && JSON.stringify(rows) !== JSON.stringify(this.rows.map((row) => this.valuesOf(row))))
      this.list.replaceChildren(...rows.map((values) => this.make(values)));
    this.number();
  }

  make(values) {
    const row = this.template.content.cloneNode(true).firstElementChild;
    row.values = values;
    for (const control of row.querySelectorAll("[data-column]")) {
      const value = values[control.dataset.column];
      if (control.type === "checkbox") control.checked = Boolean(value);
      else control.value = typeof value === "string" ? value : JSON.stringify(value);
    }
    row.likely = likely(values.name, values.source);
    this.fit(row);
    return row;
  }

  control(row, column) {
    return row.querySelector(`[data-column="${column}"]`);
  }

  valuesOf(row) {
    const typed = [...row.querySelectorAll("[data-column]")].map((control) => [
      control.dataset.column,
      control.type === "checkbox" ? control.checked : control.value,
    ]);
    return { ...row.values, ...Object.fromEntries(typed) };
  }

  /** Only what the row's source needs: a constant has no type, and only bodies and constants hold any JSON. */
  fit(row) {
    const source = this.control(row, "source").value;
    const value = this.control(row, "value");
    value.placeholder = EXAMPLES[source] ?? "";
    if (source === "CONTEXT") value.setAttribute("list", this.table.dataset.names);
    else value.removeAttribute("list");
    for (const part of row.querySelectorAll("[data-sent]")) part.hidden = source === "CONSTANT";
    const type = this.control(row, "type");
    const json = type.querySelector('[value="JSON"]');
    json.disabled = json.hidden = !["BODY", "CONSTANT"].includes(source);
    if (json.disabled && type.value === "JSON") type.value = "STRING";
  }

  typed(event) {
    event.stopPropagation(); // the text area tells of it
    const row = event.target.closest("li");
    const column = event.target.dataset.column;
    if (column === "name" || column === "source") {
      const value = this.control(row, "value");
      const next = likely(this.control(row, "name").value, this.control(row, "source").value);
      if (value.value === row.likely) value.value = next;
      row.likely = next;
    }
    this.fit(row);
    this.number();
    this.write();
  }

  write() {
    this.writing = true;
    const rows = this.rows.map((row) => this.valuesOf(row));
    this.area.value = rows.length ? JSON.stringify(rows, null, 1) : "";
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
    this.writing = false;
  }

  number() {
    this.rows.forEach((row, at) => {
      row.setAttribute("aria-label", `Field ${at + 1}: ${this.control(row, "name").value || "no name yet"}`);
      row.querySelector('[data-move="-1"]').disabled = at === 0;
      row.querySelector('[data-move="1"]').disabled = at === this.rows.length - 1;
    });
  }

  insert(after) {
    const row = this.make({ ...EMPTY });
    if (after) after.after(row);
    else this.list.append(row);
    this.number();
    this.write();
    this.control(row, "name").focus();
  }

  move(row, by, focus) {
    const other = by < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (by < 0) other.before(row);
    else other.after(row);
    this.number();
    this.write();
    (focus.disabled ? row.querySelector("[data-move]:not(:disabled)") : focus).focus();
    announce(`Moved to place ${this.rows.indexOf(row) + 1} of ${this.rows.length}`);
  }

  remove(row) {
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    this.number();
    this.write();
    (neighbour?.querySelector("[data-remove]") ?? this.add).focus();
    announce("Field removed");
  }

  pressed(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const row = button.closest("li");
    if (button.dataset.move) this.move(row, Number(button.dataset.move), button);
    else this.remove(row);
  }

  key(event) {
    const row = event.target.closest("li");
    if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key) && !event.target.matches("select")) {
      event.preventDefault();
      this.move(row, event.key === "ArrowUp" ? -1 : 1, event.target);
    } else if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault(); // it would send the form
      this.insert(row);
    }
  }
}

export function startFieldMappings() {
  document.querySelectorAll("[data-field-mapping]").forEach((box) => new FieldMapping(box));
}
