// CSV as RFC 4180 has it: read from pieces of any size, written back with as few quotes as needed.

/** Reads rows from pieces of text, wherever these are cut. */
export class CsvReader {
  #delimiter;
  #row = [];
  #cell = "";
  // "start" of a cell, "plain", "quoted", or "quote": a quote within quotes, which may be its end.
  #state = "start";
  #afterReturn = false;
  #any = false;

  constructor(delimiter) {
    this.#delimiter = delimiter;
  }

  /** Rows that end in this piece, each a list of strings. */
  push(piece) {
    const rows = [];
    let from = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const character = piece[at];
      if (this.#afterReturn) {
        this.#afterReturn = false;
        if (character === "\n") {
          from = at + 1;
          continue;
        }
      }
      if (this.#state === "quoted") {
        if (character !== '"') continue;
        this.#cell += piece.slice(from, at);
        this.#state = "quote";
        from = at + 1;
      } else if (this.#state === "quote" && character === '"') {
        this.#cell += '"';
        this.#state = "quoted";
        from = at + 1;
      } else if (character === this.#delimiter) {
        this.#endCell(piece.slice(from, at));
        from = at + 1;
      } else if (character === "\n" || character === "\r") {
        this.#endCell(piece.slice(from, at));
        this.#endRow(rows);
        this.#afterReturn = character === "\r";
        from = at + 1;
      } else if (this.#state === "start" && character === '"') {
        this.#state = "quoted";
        this.#any = true;
        from = at + 1;
      } else if (this.#state !== "plain") {
        // What follows a closing quote is kept as it is.
        this.#state = "plain";
      }
    }
    this.#cell += piece.slice(from);
    return rows;
  }

  /** The last row, if it has no line break. */
  end() {
    const rows = [];
    if (this.#row.length || this.#cell || this.#any) {
      this.#endCell("");
      this.#endRow(rows);
    }
    return rows;
  }

  /** Whether what was read ends within quotes. */
  get isOpen() {
    return this.#state === "quoted";
  }

  #endCell(rest) {
    this.#row.push(this.#cell + rest);
    this.#any ||= this.#row[this.#row.length - 1] !== "";
    this.#cell = "";
    this.#state = "start";
  }

  #endRow(rows) {
    // An empty line is no row.
    if (this.#row.length > 1 || this.#any) rows.push(this.#row);
    this.#row = [];
    this.#any = false;
  }
}

/** A row as a line. */
export function csvLine(cells, delimiter) {
  const line = cells.map((cell) => csvCell(String(cell), delimiter)).join(delimiter);
  // A line of nothing would be no row.
  return `${line === "" ? '""' : line}\r\n`;
}

function csvCell(text, delimiter) {
  const plain = !text.includes('"') && !text.includes("\n") && !text.includes("\r") && !text.includes(delimiter);
  return plain ? text : `"${text.replaceAll('"', '""')}"`;
}

/** Which of comma, semicolon and tab separates the columns: the one that gives rows alike. */
export function likelyDelimiter(sample) {
  let best = ",";
  let most = 0;
  for (const delimiter of [",", ";", "\t"]) {
    const rows = new CsvReader(delimiter).push(sample).slice(0, 20);
    const width = rows[0]?.length ?? 1;
    const alike = rows.filter((row) => row.length === width).length / Math.max(1, rows.length);
    const worth = width > 1 ? alike * Math.min(width, 4) : 0;
    if (worth > most) [best, most] = [delimiter, worth];
  }
  return best;
}
