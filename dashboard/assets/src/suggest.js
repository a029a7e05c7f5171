// <textarea data-suggest="body">: shows, while it is empty, what stands in data-body of <template id="suggested">,
// which comes with a partial. Going into the field puts that text in, to be changed from there; left as it is,
// it is no one's text, and the field is empty again.
function startField(field) {
  field.addEventListener("focus", () => {
    if (field.value || !field.placeholder) return;
    field.value = field.placeholder;
    field.select();
  });
  field.addEventListener("blur", () => {
    if (field.value === field.placeholder) field.value = "";
  });
}

export function startSuggestions() {
  const fields = [...document.querySelectorAll("[data-suggest]")];
  const follow = () => {
    const suggested = document.getElementById("suggested");
    if (!suggested) return;
    for (const field of fields)
      if (field !== document.activeElement) field.placeholder = suggested.dataset[field.dataset.suggest] ?? "";
  };
  fields.forEach(startField);
  if (fields.length) document.addEventListener("htmx:afterSettle", follow);
  follow();
}
