"use strict";
// Figures in the colours of the theme; tables that sort and filter.
(() => {
  const { themes, figures } = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 640px)");
  const coarse = matchMedia("(pointer: coarse)");

  // Colours come as roles: `role:blue` is what the theme says that blue is.
  function resolve(value, colors) {
    if (typeof value === "string")
      return value.startsWith("role:") ? colors[value.slice(5)] : value;
    if (Array.isArray(value))
      // Arrays of numbers and of texts hold no roles; some are long.
      return typeof value[0] === "object" && value[0] !== null
        ? value.map((one) => resolve(one, colors)) : value;
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, resolve(one, colors)]));
  }

  function draw(plot, figure) {
    const { data, layout } = resolve(figure, themes[dark.matches ? "dark" : "light"]);
    if (narrow.matches) {
      layout.font.size = 10;
      layout.legend.font = { size: 10 };
    }
    // A finger that scrolls the page must not zoom what it touches.
    if (coarse.matches) layout.dragmode = false;
    return Plotly.react(plot, data, layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: coarse.matches ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
  }

  const plots = [...document.querySelectorAll(".plot")];
  function drawAll() {
    plots.forEach((plot, place) => draw(plot, figures[place]));
  }
  drawAll();
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);

  // What a cell sorts by: its value where it has one, else the number that it begins
  // with; a column of words by its words.
  function keyOf(cell, isNumber) {
    if (!isNumber) return cell.textContent;
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const found = cell.textContent.replaceAll(",", "").match(/-?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  }

  function sortBy(table, header) {
    const place = header.cellIndex;
    const isNumber = header.classList.contains("n");
    const isDown = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const keyed = [...table.tBodies[0].rows].map((row) => [
      keyOf(row.cells[place], isNumber), row]);
    const sign = isDown ? -1 : 1;
    keyed.sort(([a], [b]) => {
      if (!isNumber) return sign * a.localeCompare(b, "en", { numeric: true });
      // What is missing comes last, whichever end is up.
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }

  function filterBy(box, words) {
    const rows = [...box.querySelectorAll("tbody tr")];
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    const all = `${rows.length.toLocaleString("en")} ${rows.length === 1 ? "row" : "rows"}`;
    box.querySelector(".count").textContent =
      words.length ? `${shown.toLocaleString("en")} of ${all}` : all;
  }

  for (const box of document.querySelectorAll(".table")) {
    const table = box.querySelector("table");
    for (const header of table.tHead.rows[0].cells)
      header.querySelector("button").addEventListener("click", () => sortBy(table, header));
    const field = box.querySelector("input");
    if (field)
      field.addEventListener("input", () =>
        filterBy(box, field.value.toLowerCase().split(/\s+/).filter(Boolean)));
  }
})();
