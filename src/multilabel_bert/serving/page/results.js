// What the server said of a text, drawn: bars of its labels, and the words that mattered.
// Texts and names are only ever set as text, never as HTML.

const SHOWN_FIRST = 12;
const STRONGEST = 8;
// Weaker words, as a share of the strongest one, are left plain.
const VISIBLE = 0.1;

/** An element with a class and a text. */
export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** A name for a line: without what turns its direction or cannot be seen. */
export function shown(name) {
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu, "\ufffd");
}

const digits = (value) => value.toFixed(3);

/**
 * Draws the labels of a text.
 *
 * @param {object} found - an answer of /v1/labels.
 * @param {object} places - `list`, `more`, `status`: elements.
 * @param {function} choose - called with the name of a label that is pressed.
 */
export function drawScores(found, places, choose) {
  const { list, more, status } = places;
  const given = found.labels.length;
  status.textContent = given === 0 ? "none of them is given" : `${given} of ${found.scores.length} given`;
  list.replaceChildren(...found.scores.map((score) => scoreRow(score, choose)));
  list.hidden = false;
  const rows = [...list.children];
  const rest = rows.slice(Math.max(SHOWN_FIRST, given));
  // A button for one or two rows is longer than they are.
  const hide = rest.length > 2;
  more.hidden = !hide;
  more.textContent = `Show ${rest.length} more`;
  for (const row of hide ? rest : []) row.hidden = true;
  more.onclick = () => {
    for (const row of rest) row.hidden = false;
    more.hidden = true;
    rest[0].querySelector("button").focus();
  };
}

function scoreRow({ label, score, threshold, decided }, choose) {
  const row = element("li");
  const button = element("button", decided ? "given" : "");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  const cut = threshold === null ? "" : `, threshold ${digits(threshold)}`;
  button.setAttribute("aria-label", `${shown(label)}: ${decided ? "given" : "not given"}, probability ${digits(score)}${cut}`);
  button.title = threshold === null ? "The most probable of its group is given." : `Given from ${digits(threshold)}`;
  const bar = element("span", "bar");
  const fill = element("span", "fill");
  fill.style.width = `${100 * score}%`;
  bar.append(fill);
  if (threshold !== null) {
    const tick = element("span", "tick");
    tick.style.left = `${100 * threshold}%`;
    bar.append(tick);
  }
  button.append(element("span", "sign", decided ? "✓" : ""), element("span", "label", shown(label)), bar, element("span", "score", digits(score)));
  button.addEventListener("click", () => choose(label, button));
  row.append(button);
  return row;
}

/**
 * Draws the words that mattered for a label.
 *
 * @param {object} found - an answer of /v1/explain, for one label.
 * @param {string[]} texts - the text, and the second one of a pair.
 * @param {object} places - `words`, `table`, `unseen`: elements.
 */
export function drawWords(found, texts, places) {
  const { weights } = found.labels[0];
  const strongest = Math.max(1e-9, ...weights.map(Math.abs));
  const words = found.words.map((word, index) => ({ ...word, weight: weights[index], strength: weights[index] / strongest }));
  places.words.replaceChildren(
    ...texts.map((text, index) => textWithWords(text, words.filter((word) => (word.part === "pair") === (index === 1)))),
  );
  places.unseen.hidden = words.every((word) => word.seen !== false);
  const top = words.filter((word) => word.seen !== false && Math.abs(word.strength) >= VISIBLE);
  top.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  places.table.replaceChildren(
    ...top.slice(0, STRONGEST).map((word) => {
      const row = element("tr");
      const name = element("th", "", shown(word.text));
      name.scope = "row";
      row.append(name, element("td", "", signed(word.weight)), element("td", "note", word.weight > 0 ? "for" : "against"));
      return row;
    }),
  );
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

function textWithWords(text, words) {
  const paragraph = element("p", "words");
  paragraph.dir = "auto";
  // Places are counted in characters; JavaScript counts those beyond 65,535 twice.
  const characters = Array.from(text);
  let at = 0;
  for (const word of words) {
    paragraph.append(characters.slice(at, word.start).join(""));
    paragraph.append(wordElement(word, characters.slice(word.start, word.end).join("")));
    at = word.end;
  }
  paragraph.append(characters.slice(at).join(""));
  return paragraph;
}

function wordElement(word, text) {
  if (word.seen === false) return element("span", "unseen", text);
  if (Math.abs(word.strength) < VISIBLE) return document.createTextNode(text);
  const mark = element("mark", word.weight > 0 ? "for" : "against", text);
  mark.style.setProperty("--strength", Math.abs(word.strength).toFixed(2));
  mark.title = signed(word.weight);
  return mark;
}
