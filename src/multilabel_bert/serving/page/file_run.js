// A file through the server: read in slices, sent in batches, kept in order, written as CSV.

import { ask, ServerError } from "./api.js";
import { CsvReader, csvLine } from "./csv.js";

const SLICE_BYTES = 1 << 20;
const BATCH_TEXTS = 64;
const BATCH_CHARACTERS = 200_000;
// One is computed while the next one is on its way.
const IN_FLIGHT = 3;
const PART_CHARACTERS = 1 << 20;

/** The start of a file, to look at. */
export async function sampleOf(file) {
  const bytes = new Uint8Array(await file.slice(0, 1 << 16).arrayBuffer());
  const encoding = likelyEncoding(bytes);
  return { encoding, text: decoderOf(encoding).decode(bytes, { stream: true }) };
}

export async function sampleIn(file, encoding) {
  return decoderOf(encoding).decode(await file.slice(0, 1 << 16).arrayBuffer(), { stream: true });
}

function decoderOf(encoding) {
  return new TextDecoder(encoding);
}

function likelyEncoding(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}

/** Rows of a file with the share of it that was read, some at a time. */
async function* rowsOf(file, { encoding, delimiter }) {
  const decoder = decoderOf(encoding);
  const reader = new CsvReader(delimiter);
  for (let start = 0; start < file.size; start += SLICE_BYTES) {
    let bytes;
    try {
      bytes = await file.slice(start, start + SLICE_BYTES).arrayBuffer();
    } catch {
      throw new ServerError("The file cannot be read any more. Was it changed or moved? Choose it again.");
    }
    yield { rows: reader.push(decoder.decode(bytes, { stream: true })), share: Math.min(1, (start + SLICE_BYTES) / file.size) };
  }
  const rows = reader.push(decoder.decode());
  if (reader.isOpen) throw new ServerError('The file ends within double quotes. Is a quote (") missing somewhere?');
  yield { rows: [...rows, ...reader.end()], share: 1 };
}

/**
 * Labels a file.
 *
 * @param {File} file
 * @param {object} how - `delimiter`, `encoding`, `header` (whether there is one), `textColumn`,
 *   `pairColumn` (null for none), `model`, `labels` (names, in the order of the columns that are
 *   added), `signal`, `onProgress({rows, share})`, and `onWait` and `askKey` as in `ask`.
 * @param {Blob[]} parts - gets the result, piece by piece, also if it ends early.
 * @returns {number} how many rows there are.
 */
export async function labelFile(file, how, parts) {
  const { delimiter } = how;
  let written = "";
  const flush = () => {
    if (written) parts.push(new Blob([written]));
    written = "";
  };
  // In flight, the oldest first: answers are written in the order of the rows.
  const waiting = [];
  let done = 0;
  let width = 0;
  const finishOldest = async () => {
    const { rows, answers, share } = waiting.shift();
    const found = await answers;
    rows.forEach((row, index) => {
      const padded = row.length < width ? [...row, ...Array(width - row.length).fill("")] : row;
      written += csvLine([...padded, ...answerCells(found[index], how.labels)], delimiter);
    });
    done += rows.length;
    how.onProgress({ rows: done, share });
    if (written.length > PART_CHARACTERS) flush();
  };
  const submit = async (rows, share) => {
    const answers = labelsOf(rows, done + waiting.reduce((sum, batch) => sum + batch.rows.length, 0), how);
    // Its error is met when it is its turn.
    answers.catch(() => {});
    waiting.push({ rows, answers, share });
    if (waiting.length >= IN_FLIGHT) await finishOldest();
  };
  try {
    let batch = [];
    let characters = 0;
    let first = true;
    for await (const { rows, share } of rowsOf(file, how)) {
      for (const row of rows) {
        if (first) {
          first = false;
          width = row.length;
          const names = how.header ? row : row.map((_, column) => `column ${column + 1}`);
          written += csvLine([...names, ...addedNames(names, how.labels)], delimiter);
          if (how.header) continue;
        }
        batch.push(row);
        characters += (row[how.textColumn] ?? "").length + (row[how.pairColumn] ?? "").length;
        if (batch.length === BATCH_TEXTS || characters > BATCH_CHARACTERS) {
          await submit(batch, share);
          [batch, characters] = [[], 0];
        }
      }
    }
    if (batch.length) await submit(batch, 1);
    while (waiting.length) await finishOldest();
  } finally {
    flush();
  }
  return done;
}

async function labelsOf(rows, before, how) {
  const inputs = rows.map((row) => {
    const text = row[how.textColumn] ?? "";
    return how.pairColumn === null ? [text] : [text, row[how.pairColumn] ?? ""];
  });
  try {
    return await ask("v1/labels", { inputs, model: how.model }, { ...how, patient: true });
  } catch (error) {
    if (error instanceof ServerError && [400, 413, 422].includes(error.status)) {
      if (rows.length === 1) throw new ServerError(`Text ${before + 1} of the file: ${error.message}`, error.status);
      // Which text it is shows when each half is asked for by itself.
      const half = rows.length >> 1;
      const head = await labelsOf(rows.slice(0, half), before, how);
      return [...head, ...(await labelsOf(rows.slice(half), before + half, how))];
    }
    throw error;
  }
}

/** Names for the columns that are added, other ones than those that are there. */
export function addedNames(names, labels) {
  const taken = new Set(names);
  return ["labels", ...labels].map((name) => {
    let free = name;
    for (let number = 2; taken.has(free); number += 1) free = number === 2 ? `${name} (predicted)` : `${name} (predicted ${number})`;
    taken.add(free);
    return free;
  });
}

function answerCells(found, labels) {
  const scores = new Map(found.scores.map(({ label, score }) => [label, score]));
  return [JSON.stringify(found.labels), ...labels.map((label) => scores.get(label) ?? "")];
}
