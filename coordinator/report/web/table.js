/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that sort by a click on a heading and, where they are long, filter and turn pages: thousands of rows are
 * never in the document at once. */
"use strict";

const PAGE_ROWS = 25;

/* columns: [{name, value(row) -> number|text|null, show(row, value) -> text|element, number, title, least,
 *   mark(row) -> class, swatch: class}]; `least`: the first click sorts by the smallest.
 * options: {caption, filter: (row) -> text, placeholder, dense} */
function makeTable(columns, rows, options = {}) {
  const state = { sorted: null, down: false, page: 0, needle: "" };
  const paged = rows.length > PAGE_ROWS;
  const body = el("tbody");
  const status = el("span", { class: "pages-status", "aria-live": "polite" });
  const headings = columns.map((column, index) => makeHeading(column, index));

  function makeHeading(column, index) {
    const button = el("button", { type: "button", title: column.title, onclick: () => sortBy(index) },
      column.swatch ? el("span", { class: `swatch ${column.swatch}`, "aria-hidden": "true" }) : null, column.name);
    return el("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": "none" }, button);
  }

  function sortBy(index) {
    const column = columns[index];
    const first = column.number && !column.least;
    state.down = state.sorted === index ? !state.down : first;
    state.sorted = index;
    state.page = 0;
    headings.forEach((th, i) => th.setAttribute("aria-sort", i !== index ? "none" : state.down ? "descending" : "ascending"));
    draw();
  }

  function compare(a, b) {
    const value = columns[state.sorted].value;
    const [one, other] = [value(a), value(b)];
    if (one === null || other === null) return (one === null) - (other === null);
    const order = typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one - other;
    return state.down ? -order : order;
  }

  function chosen() {
    const needle = state.needle.trim().toLocaleLowerCase();
    const left = needle ? rows.filter((row) => options.filter(row).toLocaleLowerCase().includes(needle)) : rows;
    return state.sorted === null ? left : [...left].sort(compare);
  }

  function makeRow(row) {
    return el("tr", {}, columns.map((column, index) => {
      const value = column.value(row);
      const shown = column.show ? column.show(row, value) : value === null ? "–" : String(value);
      const attributes = { class: [column.number && "number", column.mark && column.mark(row)].filter(Boolean).join(" ") || null };
      return index === 0 ? el("th", { ...attributes, scope: "row" }, shown) : el("td", attributes, shown);
    }));
  }

  function draw() {
    const left = chosen();
    const pages = Math.max(1, Math.ceil(left.length / PAGE_ROWS));
    state.page = Math.min(state.page, pages - 1);
    const from = state.page * PAGE_ROWS;
    body.replaceChildren(...left.slice(from, from + PAGE_ROWS).map(makeRow));
    if (!left.length) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "nothing" }, "Nothing matches.")));
    status.textContent = left.length ? `${words.count(from + 1)}–${words.count(Math.min(from + PAGE_ROWS, left.length))} of ${words.count(left.length)}` : "0";
    turn.forEach(([button, step]) => { button.disabled = state.page + step < 0 || state.page + step >= pages; });
  }

  function makeTurn(label, text, step) {
    return [el("button", { type: "button", "aria-label": label, onclick: () => { state.page += step; draw(); } }, text), step];
  }

  const turn = paged ? [makeTurn("Previous page", "←", -1), makeTurn("Next page", "→", 1)] : [];
  const filter = paged && options.filter ? el("input", {
    type: "search", placeholder: options.placeholder || "Filter", "aria-label": options.placeholder || "Filter",
    oninput: (event) => { state.needle = event.target.value; state.page = 0; draw(); },
  }) : null;
  const table = el("table", {}, options.caption ? el("caption", {}, options.caption) : null,
    el("thead", {}, el("tr", {}, headings)), body);
  draw();
  return el("div", { class: `table ${options.dense ? "dense" : ""}` },
    paged ? el("div", { class: "table-tools" }, filter, el("span", { class: "pages" }, status, turn.map(([button]) => button))) : null,
    el("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": options.caption || "table" }, table));
}
