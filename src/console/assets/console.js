// On a phone the menu is longer than the screen.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// In place of a picture that does not come stand words, also where its page is fetched again.
const missing = new Set();
const inWords = (picture) => {
  missing.add(picture.getAttribute("src"));
  const words = document.createElement("p");
  words.className = "picture hint";
  words.textContent = picture.dataset.else;
  (picture.closest("a") || picture).replaceWith(words);
};
const pictures = (root) => [...root.querySelectorAll("img[data-else]")];
document.addEventListener("error", (event) => {
  if (event.target.matches?.("img[data-else]")) inWords(event.target);
}, true);
pictures(document).filter((picture) => picture.complete && !picture.naturalWidth).forEach(inWords);

(() => {
  // Pages that change by themselves: what is marked is fetched again and put in place of what is
  // there, where it differs. Whoever looks elsewhere, or is busy in it, is left alone.
  if (!document.body.hasAttribute("data-live-page")) return;
  const EVERY = 5000;
  let timer;

  const replace = (fresh) => {
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (!now) continue;
      localise(now);
      pictures(now).filter((picture) => missing.has(picture.getAttribute("src"))).forEach(inWords);
      for (const open of old.querySelectorAll("details[open]")) {
        const same = open.id && now.querySelector(`#${CSS.escape(open.id)}`);
        if (same) same.open = true;
      }
      if (old.isEqualNode(now)) continue;
      const at = old.contains(document.activeElement) ? document.activeElement : null;
      if (at && at.matches("input, select, textarea, button")) continue;
      const address = at && at.getAttribute("href");
      const scrolled = [...old.querySelectorAll(".scroll")].map((part) => [part.scrollTop, part.scrollLeft]);
      const ticked = [...old.querySelectorAll("input:checked")].map((box) => box.name);
      old.replaceChildren(...now.childNodes);
      for (const name of ticked) {
        const box = old.querySelector(`[name="${CSS.escape(name)}"]`);
        if (box) box.checked = true;
      }
      old.querySelectorAll(".scroll").forEach((part, n) => {
        if (scrolled[n]) [part.scrollTop, part.scrollLeft] = scrolled[n];
      });
      if (address) old.querySelector(`[href="${CSS.escape(address)}"]`)?.focus({ preventScroll: true });
    }
  };

  // Rows of a list stay where they are: those that are new are told of, not put in, and those that
  // the filter finds no more are marked.
  const news = byId("news");
  const numbers = (root) => [...root.querySelectorAll("[data-row]")].map((row) => Number(row.dataset.row));
  const tell = (fresh) => {
    const now = new Set(numbers(fresh));
    const last = fresh.querySelector("#older") ? Math.min(...now) : 0;
    for (const row of document.querySelectorAll("[data-row]")) {
      const id = Number(row.dataset.row);
      row.toggleAttribute("data-gone", id >= last && !now.has(id));
    }
    const newest = Math.max(0, ...numbers(document));
    const count = news ? [...now].filter((id) => id > newest).length : 0;
    if (!count || news.dataset.count === String(count)) return;
    news.dataset.count = count;
    const link = document.createElement("a");
    link.href = location.pathname + location.search;
    link.textContent = `${news.dataset.new} ${count}`;
    news.replaceChildren(link);
  };

  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store", headers: { "X-Fresh": "1" } });
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        tell(fresh);
        replace(fresh);
        document.body.removeAttribute("data-stale");
      } else {
        document.body.setAttribute("data-stale", "");
      }
    } catch {
      document.body.setAttribute("data-stale", "");
    }
    timer = setTimeout(look, EVERY);
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  timer = setTimeout(look, EVERY);
})();
