"use strict";
// Asks now and then whether something is new; if so the page is loaded again, and is
// as its reader had left it: scrolled, sorted, filtered, opened.
(() => {
  const live = JSON.parse(document.getElementById("live").textContent);
  const key = `raypg ${location.pathname}`;
  // By what they are called: a table may come before those that were there.
  const boxes = new Map([...document.querySelectorAll(".table")].map(
    (box) => [box.querySelector(".scroll").getAttribute("aria-label"), box]));
  const folds = new Map([...document.querySelectorAll("details")].map(
    (one) => [one.querySelector("summary").textContent.replace(/\d+/g, ""), one]));

  function keep() {
    const tables = [...boxes].map(([name, box]) => {
      const headers = [...box.querySelectorAll("th")];
      const place = headers.findIndex((one) => one.getAttribute("aria-sort") !== "none");
      return {
        name,
        title: headers[place]?.textContent,
        isDown: headers[place]?.getAttribute("aria-sort") === "descending",
        words: box.querySelector("input")?.value ?? "",
        left: box.querySelector(".scroll").scrollLeft,
      };
    });
    const open = [...folds].map(([name, one]) => [name, one.open]);
    try {
      sessionStorage.setItem(key, JSON.stringify({ tables, open, top: scrollY }));
    } catch { /* full, or not allowed here: the page then begins anew */ }
  }

  function restore() {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
    sessionStorage.removeItem(key);
    if (kept === null) return;
    for (const { name, title, isDown, words, left } of kept.tables) {
      const box = boxes.get(name);
      if (box === undefined) continue;
      const button = [...box.querySelectorAll("th button")].find(
        (one) => one.textContent === title);
      for (let click = 0; button && click < (isDown ? 2 : 1); click++) button.click();
      const field = box.querySelector("input");
      if (field && words) {
        field.value = words;
        field.dispatchEvent(new Event("input"));
      }
      box.querySelector(".scroll").scrollLeft = left;
    }
    for (const [name, isOpen] of kept.open) {
      if (folds.has(name)) folds.get(name).open = isOpen;
    }
    scrollTo({ top: kept.top, behavior: "instant" });
  }

  const state = document.getElementById("following");
  async function ask() {
    try {
      const wait = AbortSignal.timeout(10000 + 1000 * live.every_s);
      const answer = await fetch(live.ask, { cache: "no-store", signal: wait });
      if (!answer.ok) throw new Error(answer.statusText);
      state.textContent = `Follows the sweep, every ${live.every_s} s.`;
      if ((await answer.text()) !== live.stamp && !document.hidden) {
        keep();
        location.reload();
        return;
      }
    } catch {
      state.textContent = "The server does not answer: this page may be old.";
    }
    setTimeout(ask, 1000 * live.every_s);
  }
  restore();
  setTimeout(ask, 1000 * live.every_s);
})();
