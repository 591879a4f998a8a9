// Sorts the table of contacts, keeps the chosen contact in view, and opens what is folded before the page is printed.
"use strict";
(() => {
  const table = document.querySelector("#contacts table");
  const [head, body] = [table.tHead.rows[0], table.tBodies[0]];
  const frame = document.getElementById("contacts");
  const scene = window.leadfieldScene;

  const natural = new Intl.Collator("en", { numeric: true });
  const text = (row, column) => row.cells[column].textContent;
  // numbers are written with a minus sign, thin spaces and units; an empty cell is last
  const number = (row, column) => {
    const found = text(row, column).replace(/\u2212/g, "-").replace(/[^0-9.e+-]/g, "");
    return found === "" ? Infinity : Number(found);
  };
  [...head.cells].forEach((cell, column) => {
    const button = cell.firstChild;
    button.disabled = false;
    const isNumber = cell.classList.contains("number");
    const compare = isNumber ? (a, b) => Math.sign(number(a, column) - number(b, column)) || 0
      : (a, b) => natural.compare(text(a, column), text(b, column));
    button.addEventListener("click", () => {
      const sign = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of head.cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
      show();
    });
  });

  // scrolls the table, not the page
  const show = () => {
    const row = body.querySelector(".chosen");
    if (row) frame.scrollTop = row.offsetTop - (frame.clientHeight - row.offsetHeight) / 2;
  };
  show();
  window.addEventListener("load", show);

  const rows = new Map([...body.rows].map((row) => [text(row, 0), row]));
  document.addEventListener("leadfield-contact", ({ detail }) => {
    body.querySelector(".chosen")?.classList.remove("chosen");
    rows.get(detail)?.classList.add("chosen");
    show();
  });
  if (scene) {
    scene.names.forEach((name, i) => {
      const row = rows.get(name);
      if (!row) return;
      row.classList.add("in-view");
      row.title = "show in the 3D view";
      row.addEventListener("click", () => scene.choose(i));
    });
  }

  const folded = () => document.querySelectorAll("details:not([open])");
  let opened = [];
  window.addEventListener("beforeprint", () => { opened = [...folded()]; for (const one of opened) one.open = true; });
  window.addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
})();
