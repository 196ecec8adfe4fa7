"use strict";
// Thresholds by eye: a slider or a click on a curve moves the threshold of a label; what it is worth
// on these texts is shown at once, and what changed is written out for `multilabel tune`.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const state = data.labels.map((label) => label.stored);
  const ratio = (top, bottom) => (bottom ? top / bottom : 0);
  const shown = (value) => value.toFixed(3);
  const SVG = "http://www.w3.org/2000/svg";

  const scores = (label, place) => {
    const right = label.right[place], given = label.given[place];
    return { precision: ratio(right, given), recall: ratio(right, label.support), f1: ratio(2 * right, given + label.support), given };
  };

  const overall = (places) => {
    let right = data.rest.right, given = data.rest.given, support = data.rest.support, sum = data.rest.f1_sum;
    data.labels.forEach((label, index) => {
      right += label.right[places[index]];
      given += label.given[places[index]];
      support += label.support;
      sum += scores(label, places[index]).f1;
    });
    return { micro: ratio(2 * right, given + support), macro: ratio(sum, data.rest.labels + data.labels.length) };
  };
  const before = overall(data.labels.map((label) => label.stored));

  const marker = (holder, name, kind) => {
    const svg = holder.querySelector("svg");
    let mark = svg.querySelector("." + kind);
    if (!mark) {
      mark = document.createElementNS(SVG, name);
      mark.setAttribute("class", kind);
      svg.append(mark);
    }
    return mark;
  };
  const box = (holder) => holder.dataset.box.split(" ").map(Number);
  const within = (low, high, share) => low + (high - low) * share;

  const draw = (item, index) => {
    const label = data.labels[index], place = state[index], now = scores(label, place), then = scores(label, label.stored);
    const changed = place !== label.stored;
    item.querySelector(".threshold").textContent = label.cut_offs[place];
    item.querySelector("input").value = place;
    for (const name of ["precision", "recall", "f1"]) {
      item.querySelector("." + name).textContent = shown(now[name]) + (changed ? ` (was ${shown(then[name])})` : "");
    }
    item.querySelector(".given").textContent = now.given.toLocaleString("en") + (changed ? ` (was ${then.given.toLocaleString("en")})` : "");
    item.querySelector("summary .mark").textContent = changed ? ` · now ${label.cut_offs[place]}` : "";
    const curve = item.querySelector(".pick");
    if (curve) {
      const [left, right, bottom, top] = box(curve);
      const line = marker(curve, "line", "chosen"), x = within(left, right, label.cut_offs[place]);
      for (const [name, value] of [["x1", x], ["x2", x], ["y1", bottom], ["y2", top]]) line.setAttribute(name, value);
    }
    const trade = item.querySelector(".trade");
    if (trade) {
      const [left, right, bottom, top] = box(trade);
      const dot = marker(trade, "circle", "dot");
      dot.setAttribute("r", 4);
      dot.setAttribute("cx", within(left, right, now.recall));
      dot.setAttribute("cy", within(bottom, top, now.precision));
    }
  };

  const changes = () => {
    const found = {};
    data.labels.forEach((label, index) => {
      if (state[index] !== label.stored) found[label.name] = label.cut_offs[state[index]];
    });
    return found;
  };
  const summary = document.getElementById("changes");
  const file = document.getElementById("file");
  const tell = () => {
    const found = changes(), number = Object.keys(found).length, now = overall(state);
    summary.textContent = number
      ? `${number} threshold${number === 1 ? "" : "s"} changed. Micro-F1 ${shown(before.micro)} → ${shown(now.micro)}, macro-F1 ${shown(before.macro)} → ${shown(now.macro)}.`
      : `Nothing changed yet. Micro-F1 ${shown(before.micro)}, macro-F1 ${shown(before.macro)}.`;
    file.value = number ? JSON.stringify(found, null, 2) + "\n" : "";
    for (const button of document.querySelectorAll(".changes button")) button.disabled = !number;
  };

  const items = [...document.querySelectorAll("details.label")];
  items.forEach((item, index) => {
    const label = data.labels[index];
    const move = (place) => {
      state[index] = Math.max(0, Math.min(label.cut_offs.length - 1, place));
      draw(item, index);
      tell();
    };
    item.addEventListener("toggle", () => item.open && draw(item, index));
    item.querySelector("input").addEventListener("input", (event) => move(Number(event.target.value)));
    item.querySelector(".back").addEventListener("click", () => move(label.stored));
    const curve = item.querySelector(".pick");
    if (curve) {
      curve.addEventListener("click", (event) => {
        const svg = curve.querySelector("svg"), edges = svg.getBoundingClientRect();
        const [left, right] = box(curve);
        const x = ((event.clientX - edges.left) / edges.width) * svg.viewBox.baseVal.width;
        const wanted = (x - left) / (right - left);
        let nearest = 0;
        label.cut_offs.forEach((cut, place) => {
          if (Math.abs(cut - wanted) < Math.abs(label.cut_offs[nearest] - wanted)) nearest = place;
        });
        move(nearest);
      });
    }
  });

  document.getElementById("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(file.value);
    } catch {
      file.select();
    }
  });
  document.getElementById("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file.value], { type: "application/json" }));
    link.download = "thresholds.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  document.getElementById("reset").addEventListener("click", () => {
    items.forEach((item, index) => {
      state[index] = data.labels[index].stored;
      draw(item, index);
    });
    tell();
  });
  tell();
})();
