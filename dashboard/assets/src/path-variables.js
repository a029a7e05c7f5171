// <div data-path-variables="path"> with a <template>: one field for each {variable} of the path, as it is typed.
// Fields that came with the page stay; the template's <input> is named "sample_path_" and the variable.
// What was typed for a variable comes back with it.
const VARIABLE = /\{([^{}/+]+)\+?\}/g;

function startVariables(box) {
  const path = box.closest("form").elements.namedItem(box.dataset.pathVariables);
  const template = box.querySelector("template");
  const fields = new Map();
  for (const input of box.querySelectorAll("input")) fields.set(input.name, input.parentElement);
  const make = (variable, name) => {
    const block = template.content.cloneNode(true).firstElementChild;
    const [label, input] = [block.querySelector("label"), block.querySelector("input")];
    label.textContent = `{${variable}}`;
    label.htmlFor = input.id = input.name = name;
    return block;
  };
  const follow = () => {
    const blocks = [...new Set([...path.value.matchAll(VARIABLE)].map(([, variable]) => variable))].map((variable) => {
      const name = template.dataset.name + variable;
      if (!fields.has(name)) fields.set(name, make(variable, name));
      return fields.get(name);
    });
    if (blocks.length !== box.children.length - 1 || blocks.some((block, at) => box.children[at] !== block))
      box.replaceChildren(...blocks, template);
  };
  path.addEventListener("input", follow);
  path.addEventListener("change", follow);
  follow();
}

export function startPathVariables() {
  document.querySelectorAll("form [data-path-variables]").forEach(startVariables);
}
