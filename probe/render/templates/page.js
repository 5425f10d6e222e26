"use strict";
// Without this script a page says the same; it adds buttons that copy, and filters.
(() => {
  const tell = (words) => { document.getElementById("said").textContent = words; };

  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch { // not over plain HTTP
      select(text);
      if (!document.execCommand("copy")) {
        tell("Selected: copy it with your keyboard");
        return;
      }
    }
    tell("Copied");
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };

  for (const command of document.querySelectorAll(".command")) {
    const text = command.querySelector("pre");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    text.id ||= `command-${document.querySelectorAll(".command > button").length + 1}`;
    button.setAttribute("aria-describedby", text.id);
    button.addEventListener("click", () => copy(text, button));
    command.append(button);
  }

  // A form with data-filters="ID" narrows the table ID, whose heads sort it. Rows that are not shown wait outside of
  // the page: a browser takes seconds to lay out ten thousand of them.
  const AT_ONCE = 100;
  const RANKS = ["rejected", "unknown", "at-risk", "accepted"];

  const keys = (rows, column) => rows.map(({ cells: { [column]: cell } }) => {
    const text = (cell.querySelector("summary") ?? cell).textContent.trim().toLowerCase();
    return column === 0 ? RANKS.indexOf(text) : text.replace(/\d+/g, (digits) => digits.padStart(8, "0"));
  });

  const fleet = (form) => {
    const table = document.getElementById(form.dataset.filters);
    const body = table.tBodies[0];
    const rows = [...table.querySelectorAll("tbody > tr")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const outcomes = rows.map((row) => row.cells[0].textContent.trim());
    const heads = [...table.tHead.rows[0].cells];
    const more = document.getElementById(`${table.id}-more`);
    const found = form.querySelector("output");
    const sorted = new Map();
    let order = rows.map((_, at) => at);
    let most = AT_ONCE;

    const sortedBy = (column) => {
      if (!sorted.has(column)) sorted.set(column, keys(rows, column));
      return sorted.get(column);
    };
    const matching = () => {
      const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = new Set([...form.querySelectorAll("[name=outcome]:checked")].map((box) => box.value));
      return order.filter((at) => (wanted.size === 0 || wanted.has(outcomes[at])) && words.every((word) => texts[at].includes(word)));
    };
    const draw = () => {
      const matches = matching();
      const shown = matches.slice(0, most);
      body.replaceChildren(...shown.map((at) => rows[at]));
      const number = (count) => count.toLocaleString("en");
      const told = [`${number(matches.length)} of ${number(rows.length)} found`];
      if (shown.length < matches.length) told.push(`${number(shown.length)} shown`);
      found.textContent = told.join(", ");
      more.hidden = matches.length === shown.length;
    };
    const anew = () => { most = AT_ONCE; draw(); };
    const sort = (column) => {
      const falling = heads[column].getAttribute("aria-sort") === "ascending";
      for (const head of heads) head.removeAttribute("aria-sort");
      heads[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
      const by = sortedBy(column);
      const sign = falling ? -1 : 1;
      // What says nothing comes last, whichever way.
      order.sort((one, other) => (by[one] === "") - (by[other] === "") || sign * ((by[one] > by[other]) - (by[one] < by[other])) || one - other);
      anew();
    };

    for (const rest of [...table.tBodies].slice(1)) rest.remove();
    form.hidden = false;
    for (const plain of form.querySelectorAll("[data-plain]")) plain.remove();
    form.addEventListener("input", anew);
    form.addEventListener("submit", (event) => event.preventDefault());
    heads.forEach((head, column) => {
      const button = head.querySelector("button") ?? document.createElement("button");
      if (!button.isConnected) {
        button.append(...head.childNodes);
        head.append(button);
      }
      button.type = "button";
      button.addEventListener("click", () => sort(column));
      globalThis.requestIdleCallback?.(() => sortedBy(column));
    });
    more.querySelector("button").addEventListener("click", () => { most *= 2; draw(); });
    addEventListener("beforeprint", () => body.replaceChildren(...matching().map((at) => rows[at])));
    addEventListener("afterprint", draw);
    draw();
  };

  for (const form of document.querySelectorAll("[data-filters]")) fleet(form);
})();
