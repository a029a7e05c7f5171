// Live parts.
//
// <div id="events" data-poll="/deployments/…/events" data-poll-every="1000" data-poll-version="abc">…</div>
// <span data-poll-status="events"></span>   "Updated 3 s ago" / "Not updating: reason, next try in 5 s [Try now]"
//
// GET <data-poll>?v=<version>, every data-poll-every ms (2000 when unsaid) while the tab is in front,
// never while it is hidden, at once when it comes back. Never two requests of one part at a time.
// 200  the new inside of the part, morphed in. X-Poll-Version: the next v. X-Poll-Every: the next pace, ms.
//      (or data-poll-version / data-poll-every on the partial's first element)
// 204  nothing changed (X-Poll-Version and X-Poll-Every count here too)
// 286  the last answer: goes in, and polling stops
// X-Page-Title (URI-encoded) becomes the tab's title; X-Deploying goes into the frame; HX-Redirect leaves the page.
// The poll ends as well when the part leaves the page or loses data-poll.
import htmx from "htmx.org";
import { announce } from "./announce.js";
import { showDeploying } from "./deploying.js";
import { relative } from "./times.js";

const EVERY_MS = 2000;
const RETRY_MS = [5000, 10000, 20000, 30000];
const TIMEOUT_MS = 15000;
const parts = new Map(); // element → its Part

function reasonOf(xhr) {
  const status = xhr?.status ?? 0;
  if (status === 0) return xhr?.timedOut ? "no answer in time" : "the server cannot be reached";
  const type = xhr.getResponseHeader("Content-Type") ?? "";
  const text = xhr.responseText.trim();
  if (type.startsWith("text/plain") && text && text.length <= 200) return text.replace(/\.$/, "");
  if (status === 401 || status === 403) return `you may not see this (${status})`;
  if (status === 404 || status === 410) return `it is no longer there (${status})`;
  return `the server answered ${status}`;
}

/** Whether the answer came from another page than the one asked, as the sign-in page does. */
function wentElsewhere(xhr, asked) {
  return Boolean(xhr.responseURL) && new URL(xhr.responseURL).pathname !== asked.pathname;
}

class Part {
  constructor(element) {
    this.element = element;
    this.updatedAt = Date.now();
    this.failures = 0;
    this.reason = "";
    this.nextAt = 0;
    this.busy = false;
    this.stopped = false;
    element.addEventListener("htmx:configRequest", (event) => {
      if (event.target === element && this.busy) event.detail.timeout = TIMEOUT_MS;
    });
    element.addEventListener("htmx:timeout", (event) => {
      if (event.target === element && event.detail.xhr) event.detail.xhr.timedOut = true;
    });
    element.addEventListener("htmx:beforeSwap", (event) => {
      if (event.detail.requestConfig?.elt !== element || !this.busy) return;
      if (wentElsewhere(event.detail.xhr, this.asked)) event.detail.shouldSwap = false;
    });
    element.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.elt === element && this.busy) this.xhr = event.detail.xhr;
    });
    this.schedule(this.every);
  }

  get every() {
    return Number(this.element.dataset.pollEvery) || EVERY_MS;
  }

  get alive() {
    return !this.stopped && this.element.isConnected && Boolean(this.element.dataset.poll);
  }

  schedule(ms) {
    clearTimeout(this.timer);
    if (!this.alive) return;
    this.nextAt = Date.now() + ms;
    this.timer = setTimeout(() => this.poll(), ms);
  }

  async poll() {
    clearTimeout(this.timer);
    if (!this.alive || this.busy || document.hidden) return;
    this.busy = true;
    this.xhr = null;
    this.asked = new URL(this.element.dataset.poll, location.href);
    this.asked.searchParams.set("v", this.element.dataset.pollVersion ?? "");
    try {
      await htmx.ajax("GET", this.asked.pathname + this.asked.search, {
        source: this.element,
        target: this.element,
        swap: "morph:innerHTML",
      });
    } catch {
      // htmx rejects when there is no connection; afterRequest has left the xhr all the same.
    }
    this.busy = false;
    if (this.element.isConnected) this.answered(this.xhr);
  }

  answered(xhr) {
    if (!xhr || xhr.status === 0 || xhr.status >= 400) return this.failed(reasonOf(xhr));
    if (wentElsewhere(xhr, this.asked)) return this.failed("you are signed out", true);
    const recovered = this.failures > 0;
    this.failures = 0;
    this.updatedAt = Date.now();
    this.takeNews(xhr);
    if (xhr.status === 286) this.stopped = true;
    if (recovered) announce("Updating again");
    this.schedule(this.every);
    this.showStatus();
  }

  takeNews(xhr) {
    const { dataset } = this.element;
    const inside = xhr.status === 204 ? undefined : this.element.firstElementChild?.dataset;
    const version = xhr.getResponseHeader("X-Poll-Version") ?? inside?.pollVersion;
    const every = xhr.getResponseHeader("X-Poll-Every") ?? inside?.pollEvery;
    const title = xhr.getResponseHeader("X-Page-Title");
    showDeploying(xhr.getResponseHeader("X-Deploying"));
    if (version) dataset.pollVersion = version;
    if (every) dataset.pollEvery = every;
    if (title) document.title = decodeURIComponent(title);
  }

  failed(reason, signedOut = false) {
    if (this.failures === 0) announce(`Not updating: ${reason}`);
    this.reason = reason;
    this.signedOut = signedOut;
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    this.schedule(wait);
    this.showStatus();
  }

  showStatus() {
    const { id } = this.element;
    if (!id) return;
    for (const line of document.querySelectorAll(`[data-poll-status="${CSS.escape(id)}"]`))
      this.failures ? this.showFailure(line) : this.showFresh(line);
  }

  showFresh(line) {
    line.classList.remove("is-failing");
    const text = this.stopped ? "" : `Updated ${relative(Date.now() - this.updatedAt)}`;
    if (line.textContent !== text) line.textContent = text;
  }

  showFailure(line) {
    const seconds = Math.max(0, Math.ceil((this.nextAt - Date.now()) / 1000));
    const next = this.busy ? "trying now" : `next try in ${seconds} s`;
    const wanted = this.signedOut ? "A" : "BUTTON";
    // Built once and then only reworded: a press must not lose its button to the ticking.
    if (line.lastElementChild?.tagName !== wanted) {
      line.classList.add("is-failing");
      line.replaceChildren(document.createElement("span"), " ", this.wayOut());
    }
    line.firstElementChild.textContent = `Not updating: ${this.reason}, ${next}`;
  }

  wayOut() {
    if (this.signedOut) {
      // Loading this page again leads to the sign-in page and back here.
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = "Sign in";
      return link;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm";
    button.textContent = "Try now";
    button.addEventListener("click", () => this.poll());
    return button;
  }
}

function findParts(root) {
  const found = [...root.querySelectorAll("[data-poll]")];
  if (root.matches?.("[data-poll]")) found.push(root);
  for (const element of found) if (!parts.has(element)) parts.set(element, new Part(element));
}

function tick() {
  for (const [element, part] of parts) {
    if (!element.isConnected) {
      clearTimeout(part.timer);
      parts.delete(element);
    } else if (!document.hidden) part.showStatus();
  }
}

function atOnce() {
  if (document.hidden) return;
  for (const part of parts.values()) part.poll();
}

export function startPolling() {
  findParts(document);
  htmx.onLoad(findParts);
  setInterval(tick, 1000);
  tick();
  document.addEventListener("visibilitychange", atOnce);
  addEventListener("focus", atOnce);
  addEventListener("online", atOnce);
  // Back out of the browser's page cache.
  addEventListener("pageshow", (event) => event.persisted && atOnce());
}
