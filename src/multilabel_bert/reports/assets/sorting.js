"use strict";
// A click on the head of a column sorts its table; figures from high to low first.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const collator = new Intl.Collator(undefined, { numeric: true });
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numeric = !head.classList.contains("name");
      const before = head.getAttribute("aria-sort");
      const up = before ? before === "descending" : !numeric;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = [...body.rows].map((row) => [row.cells[column].dataset.value ?? row.cells[column].textContent, row]);
      keyed.sort(([first], [second]) => {
        if (!numeric) return (up ? 1 : -1) * collator.compare(first, second);
        const a = parseFloat(first), b = parseFloat(second);
        // What has no figure stays last.
        if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
        return (up ? 1 : -1) * (a - b);
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
}
