// <form data-once>                     a second press does nothing: the buttons rest, the pressed one spins
// <button data-confirm-name="orders">  stays disabled until a text field of its form holds exactly that text
//                                      (data-confirm-input="#selector" says which one, else input[name=confirm],
//                                      else the form's first text field)
// The server checks both again; this is comfort.
const RELEASE_MS = 20000; // the person may have stopped the browser's request

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[data-resting]")) {
    button.disabled = false;
    button.classList.remove("is-sending");
    button.removeAttribute("data-resting");
  }
}

function submitted(event) {
  const form = event.target.closest("form[data-once]");
  if (!form) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (event.defaultPrevented) return;
  form.dataset.sent = "yes";
  // Later, because a button that is disabled before the form is read loses its name and value.
  setTimeout(() => {
    for (const button of form.querySelectorAll("button:not([type=button],[type=reset],:disabled)")) {
      button.disabled = true;
      button.dataset.resting = "";
    }
    event.submitter?.classList.add("is-sending");
    setTimeout(() => release(form), RELEASE_MS);
  });
}

function startConfirm(button) {
  const form = button.form ?? button.closest("form");
  const input = button.dataset.confirmInput
    ? document.querySelector(button.dataset.confirmInput)
    : (form.querySelector("input[name=confirm]") ?? form.querySelector("input[type=text]"));
  if (!input) return;
  const check = () => {
    button.disabled = input.value.trim() !== button.dataset.confirmName;
  };
  input.addEventListener("input", check);
  addEventListener("pageshow", check);
  check();
}

export function startSubmits() {
  document.addEventListener("submit", submitted);
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
  document.querySelectorAll("[data-confirm-name]").forEach(startConfirm);
}
