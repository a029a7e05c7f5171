// <time datetime="ISO" data-relative>…</time>   "12 s ago", "3 min ago", "in 3 s"; title: local time with zone
// <span data-elapsed-since="ISO">…</span>       "1.2 s", "12 s", "2 min 5 s", ticking
// What the server wrote inside stays for readers without scripts.
// <meta name="server-time" content="epoch seconds"> corrects for a browser clock that is wrong.
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const absolute = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "long",
});

let skew = 0;

export const now = () => Date.now() + skew;

function size(ms) {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

export function relative(ms) {
  if (Math.abs(ms) < SECOND) return "just now";
  return ms > 0 ? `${size(ms)} ago` : `in ${size(-ms)}`;
}

export function elapsed(ms) {
  const t = Math.max(0, ms);
  if (t < 10 * SECOND) return `${(t / SECOND).toFixed(1)} s`;
  if (t < MINUTE) return `${Math.floor(t / SECOND)} s`;
  const [big, bigName, small, smallName] =
    t < HOUR ? [MINUTE, "min", SECOND, "s"] : t < DAY ? [HOUR, "h", MINUTE, "min"] : [DAY, "d", HOUR, "h"];
  return `${Math.floor(t / big)} ${bigName} ${Math.floor((t % big) / small)} ${smallName}`;
}

function write(element, text) {
  // Writing an equal text would still drop a selection inside it.
  if (element.textContent !== text) element.textContent = text;
}

/** Brings every time on the page up to date; answers whether one needs tenths of a second. */
export function refreshTimes() {
  let quick = false;
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const then = Date.parse(element.dateTime);
    if (Number.isNaN(then)) continue;
    write(element, relative(now() - then));
    if (element.titledFor !== element.dateTime) {
      element.title = absolute.format(then);
      element.titledFor = element.dateTime;
    }
  }
  for (const element of document.querySelectorAll("[data-elapsed-since]")) {
    const since = Date.parse(element.dataset.elapsedSince);
    if (Number.isNaN(since)) continue;
    write(element, elapsed(now() - since));
    quick ||= now() - since < 10 * SECOND;
  }
  return quick;
}

function measureSkew() {
  const sent = Number(document.querySelector('meta[name="server-time"]')?.content) * SECOND;
  const [load] = performance.getEntriesByType("navigation");
  // A page out of the browser's cache carries an old time.
  if (!sent || !load || load.type === "back_forward" || load.transferSize === 0) return;
  const difference = sent - (performance.timeOrigin + load.responseStart);
  if (Math.abs(difference) > 3 * SECOND) skew = difference;
}

export function startTimes() {
  measureSkew();
  const tick = () => {
    const quick = document.hidden ? false : refreshTimes();
    setTimeout(tick, quick ? 200 : SECOND);
  };
  tick();
  document.addEventListener("visibilitychange", () => document.hidden || refreshTimes());
  document.addEventListener("htmx:afterSwap", refreshTimes);
}
