// Conditions on what a form holds, as attributes write them:
//   "input_mode=FIXED|VTL"                          the field has one of the values
//   "machine_type!=EXPRESS"                         it has none of them
//   "authorization=SIGNED webhook_preset=HMAC"      both hold
//   "action=StartSyncExecution, machine_type=EXPRESS"   one of them holds
// A box that is not ticked has the value "". An <output name> counts as a field.
const TERM = /^(\w+)(!?)=(.*)$/;

export function fieldValue(form, name) {
  const field = form.elements.namedItem(name);
  if (!field) return "";
  const fields = field instanceof RadioNodeList ? [...field] : [field];
  const chosen = fields.find((each) => !["checkbox", "radio"].includes(each.type) || each.checked);
  return chosen?.value ?? "";
}

function termHolds(form, term) {
  const [, name, not, values] = TERM.exec(term);
  return values.split("|").includes(fieldValue(form, name)) !== Boolean(not);
}

export const holds = (form, condition) =>
  condition.split(",").some((all) => all.trim().split(/\s+/).every((term) => termHolds(form, term)));

/** What the fields of the condition hold, to tell whether one of them has changed. */
export const fieldsOf = (form, condition) =>
  [...condition.matchAll(/(\w+)!?=/g)].map(([, name]) => fieldValue(form, name)).join("\n");
