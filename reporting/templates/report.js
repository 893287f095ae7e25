"use strict";
// What the page can do beyond being read: curves step by step, tables sorted and filtered, all sections at once.
// Everything said is in the page without it.
(() => {
  const make = (name, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  };

  const figure = (node) => {
    const { steps, said, box, from, to } = JSON.parse(node.dataset.hover);
    const drawing = node.querySelector(".drawing");
    const line = make("div", { className: "cross" });
    line.style.top = `${100 * box.top}%`;
    line.style.height = `${100 * (box.bottom - box.top)}%`;
    drawing.append(line);
    const slider = make("input", { type: "range", min: 0, max: steps.length - 1, value: steps.length - 1 });
    const output = make("output");
    const label = make("label", {}, "Step by step ", slider);
    node.append(make("div", { className: "tools" }, label, output));
    const show = () => {
      const i = Number(slider.value);
      const text = `step ${steps[i].toLocaleString("en")}: ${said[i]}`;
      const share = (steps[i] - from) / (to - from);
      line.style.left = `${100 * (box.left + share * (box.right - box.left))}%`;
      slider.setAttribute("aria-valuetext", text);
      output.textContent = text;
    };
    slider.addEventListener("input", () => { line.classList.add("on"); show(); });
    drawing.addEventListener("pointermove", (event) => {
      const place = drawing.getBoundingClientRect();
      const x = (event.clientX - place.left) / place.width;
      if (x < box.left - 0.02 || x > box.right + 0.02) return;
      const step = from + ((x - box.left) / (box.right - box.left)) * (to - from);
      let nearest = 0;
      steps.forEach((at, i) => { if (Math.abs(at - step) < Math.abs(steps[nearest] - step)) nearest = i; });
      slider.value = nearest;
      line.classList.add("on");
      show();
    });
    show();
  };

  const UNITS = { min: 60, h: 3600, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
  const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const number = (text) => {
    const plain = text.replaceAll("−", "-").replaceAll(",", "").replace(/^[(+\s]+/, "");
    const found = plain.match(/^-?\d+(\.\d+)?/);
    if (!found) return /^-?∞/.test(plain) ? Number(plain[0] === "-" ? -Infinity : Infinity) : NaN;
    const power = plain.match(/×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/);
    const digits = power ? [...power[1].replace("⁻", "")].map((c) => SUPERSCRIPT.indexOf(c)).join("") : "0";
    const unit = plain.slice(found[0].length).match(/^\s(min|h|[kMGT]B)\b/);
    return (unit ? UNITS[unit[1]] : 1) * Number(found[0]) * 10 ** (Number(digits) * (power && power[1].startsWith("⁻") ? -1 : 1));
  };

  const sortBy = (table, column, head) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const numeric = head.classList.contains("number");
    const key = (row) => { const text = row.cells[column].textContent.trim(); return numeric ? number(text) : text; };
    const rows = [...table.tBodies[0].rows].map((row, i) => ({ row, i, key: key(row) }));
    const missing = (entry) => (numeric ? Number.isNaN(entry.key) : entry.key === "");
    rows.sort((a, b) => {
      if (missing(a) || missing(b)) return missing(a) - missing(b) || a.i - b.i;
      const order = numeric ? Math.sign(a.key - b.key) : a.key.localeCompare(b.key, "en", { numeric: true });
      return (up ? order : -order) || a.i - b.i;
    });
    table.tBodies[0].append(...rows.map((entry) => entry.row));
  };

  const sortable = (table) => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      if (!button.textContent.trim()) button.append("note");
      button.addEventListener("click", () => sortBy(table, column, head));
      head.append(button);
    });
  };

  const filterable = (table) => {
    const rows = [...table.tBodies[0].rows];
    const field = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    const output = make("output", { textContent: `${rows.length} rows` });
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      });
      output.textContent = `${shown} of ${rows.length} rows`;
    });
    const label = make("label", {}, "Rows with ", field);
    table.closest(".wide").before(make("div", { className: "tools" }, label, output));
  };

  document.querySelectorAll("figure[data-hover]").forEach(figure);
  document.querySelectorAll("table").forEach((table) => {
    if (table.tBodies[0].rows.length < 2) return;
    sortable(table);
    if (table.tBodies[0].rows.length >= 8) filterable(table);
  });
  const sections = [...document.querySelectorAll("details")];
  if (sections.length > 1) {
    const button = make("button", { type: "button", textContent: "Open all sections" });
    button.addEventListener("click", () => {
      const open = sections.some((section) => !section.open);
      sections.forEach((section) => { section.open = open; });
      button.textContent = open ? "Close all sections" : "Open all sections";
    });
    sections[0].before(make("div", { className: "tools" }, button));
  }
})();
