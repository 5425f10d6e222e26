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

  // <div class="tools" data-filters="ID" hidden>: a search field and buttons with data-outcome narrow the table ID,
  // whose rows bear data-outcome.
  for (const tools of document.querySelectorAll("[data-filters]")) {
    const rows = [...document.getElementById(tools.dataset.filters).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const search = tools.querySelector("input");
    const buttons = [...tools.querySelectorAll("button[data-outcome]")];
    const narrow = () => {
      const wanted = search.value.trim().toLowerCase();
      const outcomes = buttons.filter((each) => each.ariaPressed === "true").map((each) => each.dataset.outcome);
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !texts[at].includes(wanted) || (outcomes.length > 0 && !outcomes.includes(row.dataset.outcome));
        shown += row.hidden ? 0 : 1;
      });
      tools.querySelector("output").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    };
    search.addEventListener("input", narrow);
    for (const button of buttons) {
      button.addEventListener("click", () => {
        button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
        narrow();
      });
    }
    tools.hidden = false;
    narrow();
  }
})();
