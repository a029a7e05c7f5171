// Reads JSON text strictly, to say where it is wrong and to lay it out anew.
// The browser's JSON.parse names no place in some errors, and would round long numbers.
const TOKEN = /\s+|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)|[{}[\],:]/y;

export class JsonError extends Error {
  /** from, to: character offsets of what is wrong. */
  constructor(message, from, to) {
    super(message);
    this.from = from;
    this.to = to;
  }
}

function badToken(text, at) {
  const rest = text.slice(at);
  if (rest[0] === '"') {
    const end = /[\n\r]|$/.exec(rest).index;
    const escape = /^"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*(\\.?)/.exec(rest);
    if (escape?.[1] && escape[0].length <= end)
      return new JsonError(`"${escape[1]}" is not an escape that JSON knows`, at + escape[0].length - escape[1].length, at + escape[0].length);
    return new JsonError('this text has no closing "', at, at + end);
  }
  if (rest[0] === "'") return new JsonError('JSON text takes double quotes: "', at, at + 1);
  if (rest.startsWith("//") || rest.startsWith("/*")) return new JsonError("JSON has no comments", at, at + 2);
  const word = /^[\w.+$-]+/.exec(rest)?.[0] ?? rest[0];
  return new JsonError(`"${word}" is not JSON; text needs quotes around it`, at, at + word.length);
}

function tokens(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw badToken(text, at);
    if (match[0].trim()) found.push({ text: match[0], from: at, to: at + match[0].length });
    at += match[0].length;
  }
  return found;
}

class Reader {
  constructor(text) {
    this.tokens = tokens(text);
    this.end = text.trimEnd().length;
    this.at = 0;
  }

  get next() {
    return this.tokens[this.at] ?? { text: "", from: Math.max(0, this.end - 1), to: this.end };
  }

  wrong(expected) {
    const { text, from, to } = this.next;
    return new JsonError(text ? `expected ${expected}, found ${text.slice(0, 30)}` : `the end came too soon; expected ${expected}`, from, to);
  }

  take(text, expected) {
    if (this.next.text !== text) throw this.wrong(expected ?? `"${text}"`);
    this.at += 1;
  }

  value() {
    const { text } = this.next;
    if (text === "{") return this.items("{", "}", () => this.member());
    if (text === "[") return this.items("[", "]", () => this.value());
    if (!text || "}],:".includes(text)) throw this.wrong("a value");
    this.at += 1;
    return { text };
  }

  member() {
    const { text } = this.next;
    if (text[0] !== '"') throw this.wrong("a key in double quotes");
    this.at += 1;
    this.take(":", "a colon after the key");
    return { key: text, ...this.value() };
  }

  items(open, close, item) {
    this.take(open);
    const items = [];
    while (this.next.text !== close) {
      items.push(item());
      if (this.next.text === close) break;
      const comma = this.next;
      this.take(",", `a comma or ${close}`);
      if (this.next.text === close) throw new JsonError("a comma after the last item", comma.from, comma.to);
    }
    this.take(close);
    return { open, close, items };
  }
}

function parse(text) {
  const reader = new Reader(text);
  const value = reader.value();
  if (reader.next.text) throw reader.wrong("nothing after the value");
  return value;
}

/** The first JsonError in the text, or null. Empty text has none. */
export function findError(text) {
  if (!text.trim()) return null;
  try {
    parse(text);
    return null;
  } catch (error) {
    if (error instanceof JsonError) return error;
    throw error;
  }
}

function print({ key, text, open, close, items }, indent) {
  const head = key ? `${key}: ` : "";
  if (!open) return head + text;
  if (!items.length) return head + open + close;
  const inner = `${indent}  `;
  return `${head}${open}\n${items.map((i) => inner + print(i, inner)).join(",\n")}\n${indent}${close}`;
}

/** The text laid out with two spaces; every key, number and string stays as it was written. Throws JsonError. */
export const format = (text) => print(parse(text), "");
