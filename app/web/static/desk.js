// Shortcuts of the desk. Loaded only where a member has turned them on; the page says with `data-key` what a key means.
// It also lets the browser ask before a page is left with text that was typed and not sent.
"use strict";
(() => {
  const typing = (node) => node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName) && node.type !== "checkbox";
  const rows = [...document.querySelectorAll("[data-row]")];

  const use = (node) => {
    for (let fold = node.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName)) node.focus();
    else node.click();
  };

  const step = (by) => {
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
    rows[next].focus();
  };

  const pick = () => {
    const row = document.activeElement.closest("tr");
    const box = row && row.querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === "Escape" && typing(event.target)) {
      event.target.blur();
      return;
    }
    if (typing(event.target)) return;
    const key = event.key;
    if (rows.length && (key === "j" || key === "k")) step(key === "j" ? 1 : -1);
    else if (rows.length && key === "x") pick();
    else {
      const node = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!node) return;
      use(node);
    }
    event.preventDefault();
  });

  const TEXTS = "main textarea, main input[type=text], main input:not([type])";
  const again = document.querySelector("main [aria-invalid], main [role=alert]"); // what was typed stands in a page that was sent back
  const isUnsent = (field) => field.value.trim() && (field.value !== field.defaultValue || (again && field.tagName === "TEXTAREA"));
  let sent = null;
  document.addEventListener("submit", (event) => {
    const opens = (event.submitter && event.submitter.formTarget) || event.target.target;
    sent = opens === "_blank" ? null : event.target;
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...document.querySelectorAll(TEXTS)].some((field) => field.form !== sent && isUnsent(field))) event.preventDefault();
  });
})();
