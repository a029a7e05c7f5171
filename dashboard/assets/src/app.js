// Starts everything. Each module does one thing and says at its top which data attributes it reads.
import "bootstrap/js/src/alert.js";
import "bootstrap/js/src/collapse.js";
import "bootstrap/js/src/dropdown.js";
import "bootstrap/js/src/modal.js";
import htmx from "htmx.org";
import { startComboboxes } from "./combobox.js";
import { startCopy } from "./copy.js";
import { startDrafts } from "./draft.js";
import { startEditors } from "./editor.js";
import { startFields } from "./form-fields.js";
import { startGuards } from "./form-guard.js";
import { startSubmits } from "./form-submit.js";
import { startKeys } from "./keys.js";
import { defineMorph } from "./morph.js";
import { startPolling } from "./poll.js";
import { startTheme } from "./theme.js";
import { startTimes } from "./times.js";

defineMorph(htmx);
startTheme();
startTimes();
startCopy();
startKeys();
startDrafts();
startComboboxes();
startEditors();
startFields();
startSubmits();
startGuards();
startPolling();
htmx.onLoad((added) => {
  startComboboxes(added);
  startEditors(added);
});
