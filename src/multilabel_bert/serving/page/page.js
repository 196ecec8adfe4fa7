// The page: which model, a text, its labels, the words that mattered.

import { ask } from "./api.js";
import { filePanel } from "./file_panel.js";
import { drawScores, drawWords, element, shown } from "./results.js";

const MOST_TAGS = 40;
const byId = (id) => document.getElementById(id);

let model = null;
// What is being asked; a newer question ends an older one.
let asking = null;
let explaining = null;
// The texts and the model of the answer that is shown.
let answered = null;

const page = {
  model: () => model,
  askKey,
  fail(error) {
    byId("message-text").textContent = error.message || "Something went wrong on this page. Load it anew.";
    byId("message").hidden = false;
  },
  clear() {
    byId("message").hidden = true;
  },
};
const file = filePanel(page);

// --- the model ---

async function loadModel(name = null) {
  const path = name === null ? "v1/model" : `v1/model?model=${encodeURIComponent(name)}`;
  byId("go").disabled = true;
  try {
    model = await ask(path, null, { askKey });
    page.clear();
    drawModel();
  } catch (error) {
    byId("model-facts").textContent = "";
    page.fail(error);
  } finally {
    byId("go").disabled = false;
  }
}

function drawModel() {
  document.title = `${shown(model.name)}: labels of a text`;
  byId("model-name").replaceChildren(element("bdi", "", shown(model.name)));
  const labels = model.labels.length;
  const windows = model.long_texts?.windows;
  const length = windows ? `long texts in windows of ${model.max_length} tokens` : `reads up to ${model.max_length} tokens`;
  byId("model-facts").textContent = `${labels.toLocaleString("en")} label${labels === 1 ? "" : "s"}, ${length}`;
  byId("model-choice").hidden = model.models.length < 2;
  byId("model").replaceChildren(...model.models.map((name) => new Option(shown(name), name)));
  byId("model").value = model.name;
  byId("pair-field").hidden = !model.pairs;
  byId("text-label").textContent = model.pairs ? "First text" : "Text";
  byId("known-title").textContent = `This model gives any number of ${labels === 1 ? "this label" : "these labels"}:`;
  const tags = model.labels.slice(0, MOST_TAGS).map((name) => element("li", "", shown(name)));
  const rest = labels - tags.length;
  if (rest > 0) tags.push(element("li", "", `and ${rest.toLocaleString("en")} more`));
  byId("known-labels").replaceChildren(...tags);
  forget();
  file.modelChanged();
}

byId("model").addEventListener("change", (event) => loadModel(event.target.value));

// --- a text ---

function texts() {
  return model.pairs ? [byId("text").value, byId("pair").value] : [byId("text").value];
}

function inputsOf(given) {
  return given.length === 1 ? given[0] : given;
}

async function findLabels() {
  if (model === null) {
    await loadModel();
    if (model === null) return;
  }
  const given = texts();
  if (given.every((text) => text.trim() === "")) {
    byId("text").focus();
    page.fail(new Error("There is no text yet. Type or paste one."));
    return;
  }
  page.clear();
  asking?.abort();
  explaining?.abort();
  const own = new AbortController();
  asking = own;
  const answer = byId("answer");
  answer.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => { byId("given").textContent = "computing …"; }, 300);
  try {
    const body = { inputs: inputsOf(given), model: model.name };
    const found = await ask("v1/labels", body, { signal: own.signal, onWait, askKey });
    clearTimeout(slow);
    answered = { given, model: model.name };
    byId("known").hidden = true;
    byId("legend").hidden = false;
    byId("why").hidden = true;
    answer.classList.remove("stale");
    drawScores(found, { list: byId("scores"), more: byId("more"), status: byId("given") }, explain);
  } catch (error) {
    if (!own.signal.aborted) {
      byId("given").textContent = "";
      page.fail(error);
    }
  } finally {
    clearTimeout(slow);
    if (asking === own) answer.setAttribute("aria-busy", "false");
  }
}

function onWait(seconds) {
  byId("given").textContent = `The server is busy; asking again in ${seconds} s.`;
}

function forget() {
  asking?.abort();
  explaining?.abort();
  answered = null;
  byId("scores").hidden = true;
  byId("scores").replaceChildren();
  for (const id of ["more", "legend", "why"]) byId(id).hidden = true;
  byId("known").hidden = false;
  byId("given").textContent = "";
  byId("answer").classList.remove("stale");
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  findLabels();
});
for (const id of ["text", "pair"]) {
  byId(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      findLabels();
    }
  });
  // What is shown is of an earlier text.
  byId(id).addEventListener("input", () => byId("answer").classList.toggle("stale", answered !== null));
}
byId("clear").addEventListener("click", () => {
  byId("text").value = byId("pair").value = "";
  forget();
  page.clear();
  byId("text").focus();
});

// --- the words that mattered ---

async function explain(label, button) {
  explaining?.abort();
  const own = new AbortController();
  explaining = own;
  for (const other of byId("scores").querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
  byId("why-title").replaceChildren("Why ", element("bdi", "", shown(label)), "?");
  byId("why-status").textContent = "computing …";
  for (const id of ["why-legend", "why-strongest"]) byId(id).hidden = true;
  byId("why-words").replaceChildren();
  byId("why").hidden = false;
  try {
    const body = { inputs: inputsOf(answered.given), labels: [label], model: answered.model };
    const wait = (seconds) => { byId("why-status").textContent = `The server is busy; asking again in ${seconds} s.`; };
    const found = await ask("v1/explain", body, { signal: own.signal, onWait: wait, askKey });
    const [why] = found.labels;
    byId("why-status").textContent = `probability ${why.score.toFixed(3)}`;
    drawWords(found, answered.given, { words: byId("why-words"), table: byId("why-table"), unseen: byId("why-unseen") });
    byId("why-legend").hidden = false;
    byId("why-strongest").hidden = byId("why-table").childElementCount === 0;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    byId("why").scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  } catch (error) {
    if (own.signal.aborted) return;
    byId("why").hidden = true;
    page.fail(error);
  }
}

// --- the key ---

let askedKey = null;

/** Asks for the key of the server; of several requests that need one at a time, the first asks. */
function askKey(again) {
  askedKey ??= new Promise((resolve) => {
    const dialog = byId("key-dialog");
    byId("key-note").textContent = again ? "The server did not take that key. Is it complete?" : "It is kept in this tab until you close it.";
    byId("key").value = "";
    dialog.returnValue = "";
    const done = () => {
      const key = dialog.returnValue === "given" ? byId("key").value.trim() : null;
      byId("key").value = "";
      askedKey = null;
      resolve(key || null);
    };
    dialog.addEventListener("close", done, { once: true });
    dialog.showModal();
  });
  return askedKey;
}
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("key-dialog").close("given");
});
byId("key-cancel").addEventListener("click", () => byId("key-dialog").close(""));

// --- tabs and the message ---

const tabs = [byId("tab-text"), byId("tab-file")];

function choose(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !chosen;
  }
}
for (const [index, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const other = tabs[(index + 1) % tabs.length];
    choose(other);
    other.focus();
  });
}
byId("message-close").addEventListener("click", () => page.clear());

loadModel().then(() => {
  // On a phone the keyboard would cover half of the page.
  if (!byId("panel-text").hidden && !matchMedia("(pointer: coarse)").matches) byId("text").focus();
});
