"use strict";
// The theme is set before the first paint; everything else waits for the page.
(() => {
  const THEMES = ["auto", "light", "dark"];
  const root = document.documentElement;

  function stored() {
    // A page opened from a file may be denied storage.
    try { return localStorage.getItem("tunewell-theme") || "auto"; } catch { return "auto"; }
  }

  function setTheme(theme) {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    try { localStorage.setItem("tunewell-theme", theme); } catch { /* only for this page then */ }
  }

  setTheme(THEMES.includes(stored()) ? stored() : "auto");

  function openTarget() {
    if (location.hash.length < 2) return;
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold) fold.open = true;
    if (target) target.scrollIntoView();
  }

  async function text() {
    const element = document.getElementById("document");
    if (element.dataset.encoding !== "gzip") {
      return JSON.stringify(JSON.parse(element.textContent), null, 1);
    }
    const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  async function copy(button) {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(await text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser did not allow copying";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  }

  addEventListener("DOMContentLoaded", () => {
    const folds = [...document.querySelectorAll("details")];
    const buttons = {};
    for (const button of document.querySelectorAll("button[data-do]")) {
      buttons[button.dataset.do] = button;
      button.hidden = false;
    }
    const theme = buttons["theme"];
    const nameTheme = () => { theme.textContent = `Theme: ${root.dataset.theme || "auto"}`; };
    nameTheme();
    theme.addEventListener("click", () => {
      const next = (THEMES.indexOf(root.dataset.theme || "auto") + 1) % THEMES.length;
      setTheme(THEMES[next]);
      nameTheme();
    });
    const all = buttons["toggle-all"];
    all.hidden = folds.length === 0;
    all.addEventListener("click", () => {
      const open = folds.some((fold) => !fold.open);
      for (const fold of folds) fold.open = open;
      all.textContent = open ? "Close all" : "Open all";
    });
    buttons["copy"].addEventListener("click", () => copy(buttons["copy"]));
    let closed = [];
    addEventListener("beforeprint", () => {
      closed = folds.filter((fold) => !fold.open);
      for (const fold of closed) fold.open = true;
    });
    addEventListener("afterprint", () => { for (const fold of closed) fold.open = false; });
    addEventListener("hashchange", openTarget);
    openTarget();
  });
})();
