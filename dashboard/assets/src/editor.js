// <textarea data-editor="json">: a JSON editor in its place.
// The textarea stays the form's field: each change is copied into it and sends "input" on it,
// and a "change" on it (a script set its value) is copied back.
// data-error-line="3" (data-error-column, data-error-message): a place that the server found wrong,
// marked until the text changes. Tab leaves the editor; it does not indent.
// <div data-plain-when="input_mode=VTL"> around it: plain text while the condition (conditions.js) holds.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { forceLinting, lintGutter, linter } from "@codemirror/lint";
import { Compartment, EditorState, StateEffect } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { holds } from "./conditions.js";
import { findError, format } from "./json-text.js";

// Colours are app.css variables, so the editor follows light and dark by itself.
const highlight = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--sg-code-key)" },
  { tag: tags.string, color: "var(--sg-code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--sg-code-value)" },
  { tag: tags.invalid, color: "var(--sg-failed)" },
]);

const lookAgain = StateEffect.define();
const JSON_LANGUAGE = [json(), syntaxHighlighting(highlight), lintGutter()];

function sentence(doc, diagnostic) {
  const line = doc.lineAt(diagnostic.from);
  return `Line ${line.number}, column ${diagnostic.from - line.from + 1}: ${diagnostic.message}`;
}

class JsonEditor {
  constructor(textarea) {
    this.textarea = textarea;
    this.attributes = new Compartment();
    this.language = new Compartment();
    this.plainWhen = textarea.closest("[data-plain-when]")?.dataset.plainWhen;
    this.plain = false;
    this.serverError = this.readServerError();
    this.box = document.createElement("div");
    this.box.className = "editor";
    this.build();
    textarea.after(this.box);
    textarea.classList.add("editor-field");
    textarea.tabIndex = -1;
    textarea.setAttribute("aria-hidden", "true");
    this.followTextarea();
    this.followCondition();
    forceLinting(this.view);
  }

  build() {
    const label = this.textarea.labels?.[0];
    if (label) label.id ||= `${this.textarea.id || this.textarea.name}-label`;
    this.labelId = label?.id;
    this.message = document.createElement("p");
    this.message.className = "editor-message field-error";
    this.message.id = `${this.textarea.id || this.textarea.name}-json`;
    this.message.setAttribute("aria-live", "polite");
    this.formatButton = document.createElement("button");
    this.formatButton.type = "button";
    this.formatButton.className = "btn btn-sm editor-format";
    this.formatButton.textContent = "Format";
    this.formatButton.addEventListener("click", () => this.format());
    this.view = new EditorView({
      state: EditorState.create({ doc: this.textarea.value, extensions: this.extensions() }),
    });
    this.box.append(this.view.dom, this.message, this.formatButton);
  }

  extensions() {
    const nonce = document.querySelector('meta[name="csp-nonce"]')?.content;
    const locked = this.textarea.readOnly || this.textarea.disabled;
    return [
      nonce ? EditorView.cspNonce.of(nonce) : [],
      lineNumbers(),
      history(),
      drawSelection(),
      highlightActiveLine(),
      bracketMatching(),
      indentOnInput(),
      indentUnit.of("  "),
      this.language.of(JSON_LANGUAGE),
      EditorView.lineWrapping,
      placeholder(this.textarea.placeholder),
      EditorState.readOnly.of(locked),
      linter((view) => this.lint(view), {
        delay: 300,
        needsRefresh: ({ transactions }) => transactions.some((one) => one.effects.some((each) => each.is(lookAgain))),
      }),
      keymap.of([...defaultKeymap, ...historyKeymap]),
      this.attributes.of(EditorView.contentAttributes.of(this.contentAttributes(false))),
      EditorView.updateListener.of((update) => update.docChanged && this.changed()),
    ];
  }

  contentAttributes(invalid) {
    const described = [this.textarea.getAttribute("aria-describedby"), this.message.id].filter(Boolean).join(" ");
    return {
      ...(this.labelId ? { "aria-labelledby": this.labelId } : { "aria-label": this.textarea.getAttribute("aria-label") ?? "JSON" }),
      "aria-describedby": described,
      "aria-invalid": String(invalid),
      spellcheck: "false",
    };
  }

  readServerError() {
    const { errorLine, errorColumn, errorMessage } = this.textarea.dataset;
    if (!errorLine) return null;
    return { line: Number(errorLine), column: Number(errorColumn) || 1, message: errorMessage || "not accepted" };
  }

  lint({ state }) {
    const found = this.plain ? null : findError(state.doc.toString());
    const diagnostics = found
      ? [{ from: found.from, to: Math.max(found.to, found.from), severity: "error", message: found.message }]
      : this.serverDiagnostics(state.doc);
    const invalid = diagnostics.length > 0;
    this.message.textContent = invalid ? sentence(state.doc, diagnostics[0]) : "";
    this.box.classList.toggle("is-invalid", invalid);
    this.textarea.setAttribute("aria-invalid", String(invalid));
    // Not inside the lint call: that would be an update within an update.
    queueMicrotask(() =>
      this.view.dispatch({
        effects: this.attributes.reconfigure(EditorView.contentAttributes.of(this.contentAttributes(invalid))),
      }),
    );
    return diagnostics;
  }

  serverDiagnostics(doc) {
    if (!this.serverError || this.plain) return [];
    const { line, column, message } = this.serverError;
    const at = doc.line(Math.min(Math.max(1, line), doc.lines));
    const from = Math.min(at.from + Math.max(0, column - 1), at.to);
    return [{ from, to: at.to, severity: "error", message }];
  }

  changed() {
    this.serverError = null;
    document.getElementById(`${this.textarea.id}_error`)?.remove(); // it was about the old text
    this.copying = true;
    this.textarea.value = this.view.state.doc.toString();
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
    this.copying = false;
  }

  followCondition() {
    const { form } = this.textarea;
    if (!this.plainWhen || !form) return;
    const follow = () => {
      const plain = holds(form, this.plainWhen);
      if (plain === this.plain) return;
      this.plain = plain;
      this.formatButton.hidden = plain;
      this.view.dispatch({
        effects: [this.language.reconfigure(plain ? [] : JSON_LANGUAGE), lookAgain.of(null)],
      });
      forceLinting(this.view);
    };
    follow();
    form.addEventListener("change", follow);
    addEventListener("pageshow", follow);
  }

  followTextarea() {
    const { textarea, view } = this;
    const copyBack = () => {
      const doc = view.state.doc.toString();
      if (this.copying || textarea.value === doc) return;
      view.dispatch({ changes: { from: 0, to: doc.length, insert: textarea.value } });
    };
    textarea.addEventListener("change", copyBack);
    textarea.form?.addEventListener("reset", () => setTimeout(copyBack));
    addEventListener("pageshow", copyBack); // the browser puts back what was typed
    // A label's click, a link to the field, the browser's own "fill in this field".
    textarea.addEventListener("focus", () => view.focus());
  }

  format() {
    const text = this.view.state.doc.toString();
    if (findError(text)) {
      forceLinting(this.view);
      this.view.focus();
      return;
    }
    if (!text.trim()) return;
    this.view.dispatch({ changes: { from: 0, to: text.length, insert: format(text) } });
    this.view.focus();
  }
}

export function startEditors(root = document) {
  for (const textarea of root.querySelectorAll("textarea[data-editor=json]"))
    textarea.jsonEditor ??= new JsonEditor(textarea);
}
