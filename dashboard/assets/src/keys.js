// [data-search]                     "/" puts the cursor there
// <table data-rows> <tr data-href>  a click opens the row, cmd/ctrl/middle click in a new tab;
//                                   j and k move, Enter opens
// Each row should also hold a real link: it is what the keyboard and readers without scripts use.
const OWN_USE = "a,button,input,select,textarea,label,summary,[contenteditable],[data-copy],.dropdown-menu";

const typing = (element) =>
  Boolean(element?.closest?.("input:not([type=checkbox],[type=radio]),textarea,select,[contenteditable]"));

function open(href, newTab) {
  if (newTab) window.open(href, "_blank", "noopener");
  else location.assign(href);
}

function rowClicked(event) {
  const row = event.target.closest("table[data-rows] [data-href]");
  if (!row || event.defaultPrevented || event.target.closest(OWN_USE)) return;
  if (event.button > 1 || event.shiftKey || event.altKey) return;
  // The end of dragging over text is a click too; the person wants the text.
  if (!getSelection().isCollapsed) return;
  open(row.dataset.href, event.button === 1 || event.metaKey || event.ctrlKey);
}

function focusRow(row) {
  const link = row.querySelector(`a[href="${CSS.escape(row.dataset.href)}"]`) ?? row.querySelector("a[href]");
  if (!link) row.tabIndex = -1;
  (link ?? row).focus();
  row.scrollIntoView({ block: "nearest" });
}

function moveRow(step) {
  const rows = [...document.querySelectorAll("table[data-rows] [data-href]")].filter((r) => r.offsetParent);
  if (!rows.length) return false;
  const current = rows.indexOf(document.activeElement?.closest("[data-href]"));
  const next = current < 0 ? (step > 0 ? 0 : rows.length - 1) : current + step;
  if (rows[next]) focusRow(rows[next]);
  return true;
}

function keyPressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector(".modal.show")) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select?.();
  } else if (event.key === "j" || event.key === "k") {
    if (moveRow(event.key === "j" ? 1 : -1)) event.preventDefault();
  } else if (event.key === "Enter" && event.target.matches?.("table[data-rows] [data-href]")) {
    open(event.target.dataset.href, false);
  }
}

export function startKeys() {
  document.addEventListener("click", rowClicked);
  document.addEventListener("auxclick", (event) => event.button === 1 && rowClicked(event));
  document.addEventListener("keydown", keyPressed);
}
