// The panel for files: what was chosen, how it is read, its way through the server.

import { CsvReader, likelyDelimiter } from "./csv.js";
import { labelFile, sampleIn, sampleOf } from "./file_run.js";
import { element, shown } from "./results.js";

const PREVIEW_ROWS = 4;
const TEXT_NAMES = /^(text|texts|text_a|sentence|message|comment|content|body|review|description|narrative|abstract|title)$/i;
const PAIR_NAMES = /^(pair|text_b|text2|text_2|second|sentence2|answer|reply)$/i;

const byId = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en");

/**
 * Wires the panel up.
 *
 * @param {object} page - `model()` gives what /v1/model said, `askKey`, and `fail(error)` and
 *   `clear()` for the message of the page.
 */
export function filePanel(page) {
  let file = null;
  let rows = [];
  let running = null;

  const fail = (error) => page.fail(error);

  async function choose(chosen) {
    if (!chosen || running) return;
    page.clear();
    file = chosen;
    byId("run-state").hidden = true;
    byId("drop").classList.add("chosen");
    byId("file-facts").textContent = `${shown(file.name)}, ${size(file.size)}`;
    try {
      const sample = await sampleOf(file);
      byId("encoding").value = sample.encoding;
      byId("delimiter").value = likelyDelimiter(sample.text);
      show(sample.text);
      guessColumns();
      draw();
    } catch (error) {
      byId("file-form").hidden = true;
      fail(error);
    }
  }

  function show(text) {
    const reader = new CsvReader(byId("delimiter").value);
    rows = reader.push(text);
    // The sample may end in the middle of a row; a small file does not.
    if (text.length < 1 << 15) rows.push(...reader.end());
    if (rows.length === 0) throw new Error(file.size ? "No row was found in the file. Are the separator and the characters right?" : "The file is empty.");
    byId("file-form").hidden = false;
  }

  function guessColumns() {
    const [first] = rows;
    const named = first.findIndex((name) => TEXT_NAMES.test(name.trim()));
    byId("header").checked = named >= 0 || (rows.length > 1 && looksLikeNames(first, rows.slice(1)));
    fillColumns(named >= 0 ? named : longestColumn());
  }

  function looksLikeNames(first, rest) {
    const length = (row) => row.join("").length;
    return first.every((name) => name.trim() !== "" && name.length < 40) && length(first) < length(rest[0]);
  }

  function longestColumn() {
    const lengths = rows[0].map((_, column) => rows.slice(1, 20).reduce((sum, row) => sum + (row[column] ?? "").length, 0));
    return Math.max(0, lengths.indexOf(Math.max(...lengths)));
  }

  function fillColumns(chosen) {
    const names = rows[0].map((name, column) => (byId("header").checked && name.trim() ? shown(name) : `column ${column + 1}`));
    const options = () => names.map((name, column) => new Option(name, column));
    byId("text-column").replaceChildren(...options());
    byId("text-column").value = String(chosen);
    const pairs = page.model()?.pairs ?? false;
    byId("pair-choice").hidden = !pairs;
    byId("pair-column").replaceChildren(new Option("none", ""), ...options());
    const pair = rows[0].findIndex((name) => PAIR_NAMES.test(name.trim()));
    if (pairs && pair >= 0) byId("pair-column").value = String(pair);
  }

  function draw() {
    const header = byId("header").checked;
    const text = Number(byId("text-column").value);
    const cells = (row, name) => {
      const made = element("tr");
      made.append(...rows[0].map((_, column) => element(name, column === text ? "chosen" : "", shown((row[column] ?? "").slice(0, 200)))));
      return made;
    };
    const shownRows = rows.slice(header ? 1 : 0, PREVIEW_ROWS + (header ? 1 : 0));
    const names = header ? rows[0] : rows[0].map((_, column) => `column ${column + 1}`);
    byId("preview").replaceChildren(cells(names, "th"), ...shownRows.map((row) => cells(row, "td")));
  }

  async function readAgain() {
    try {
      show(await sampleIn(file, byId("encoding").value));
      fillColumns(Math.min(Number(byId("text-column").value), rows[0].length - 1));
      draw();
    } catch (error) {
      fail(error);
    }
  }

  async function run() {
    const model = page.model();
    if (!model || running) return;
    page.clear();
    running = new AbortController();
    busy(true);
    const parts = [];
    const started = performance.now();
    const state = byId("progress-text");
    const how = {
      delimiter: byId("delimiter").value,
      encoding: byId("encoding").value,
      header: byId("header").checked,
      textColumn: Number(byId("text-column").value),
      pairColumn: model.pairs && byId("pair-column").value !== "" ? Number(byId("pair-column").value) : null,
      model: model.name,
      labels: model.labels,
      signal: running.signal,
      askKey: page.askKey,
      onWait: (seconds) => { state.textContent = `The server is busy; asking again in ${seconds} s.`; },
      onProgress: ({ rows: done, share }) => {
        byId("progress").value = share;
        const seconds = (performance.now() - started) / 1000;
        state.textContent = `${count(done)} texts, ${Math.floor(100 * share)}%, ${count(Math.round(done / seconds))} a second`;
      },
    };
    byId("progress").value = 0;
    byId("run-state").hidden = false;
    byId("result").replaceChildren();
    state.textContent = "Reading …";
    try {
      const done = await labelFile(file, how, parts);
      byId("progress").value = 1;
      state.textContent = `Done: ${count(done)} texts in ${((performance.now() - started) / 1000).toFixed(1)} s.`;
      offer(parts, "Save the labels");
    } catch (error) {
      if (running.signal.aborted) state.textContent = "Cancelled.";
      else {
        state.textContent = "Not finished.";
        fail(error);
      }
      if (parts.length) offer(parts, "Save what is done so far");
    } finally {
      running.abort();
      running = null;
      busy(false);
    }
  }

  let offered = null;

  function offer(parts, words) {
    if (offered) URL.revokeObjectURL(offered);
    // With a mark of UTF-8, without which Excel takes it for something else.
    offered = URL.createObjectURL(new Blob(["\ufeff", ...parts], { type: "text/csv" }));
    const link = element("a", "do", words);
    link.href = offered;
    link.download = `${file.name.replace(/\.[^.]*$/, "")}-labels.${byId("delimiter").value === "\t" ? "tsv" : "csv"}`;
    byId("result").replaceChildren(link);
    link.focus();
  }

  function busy(yes) {
    byId("cancel").hidden = !yes;
    byId("run").disabled = yes;
    byId("file").disabled = yes;
    for (const field of byId("file-form").querySelectorAll("select, input")) field.disabled = yes;
  }

  byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
  byId("file-form").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  byId("cancel").addEventListener("click", () => running?.abort());
  byId("text-column").addEventListener("change", draw);
  byId("header").addEventListener("change", () => {
    fillColumns(Number(byId("text-column").value));
    draw();
  });
  for (const id of ["delimiter", "encoding"]) byId(id).addEventListener("change", readAgain);
  const drop = byId("drop");
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over-it");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over-it"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over-it");
    choose(event.dataTransfer.files[0]);
  });
  return { modelChanged: () => file && rows.length && fillColumns(Number(byId("text-column").value)) };
}

function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
