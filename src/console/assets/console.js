// On a phone the menu is longer than the screen.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

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
      for (const open of old.querySelectorAll("details[open]")) {
        const same = open.id && now.querySelector(`#${CSS.escape(open.id)}`);
        if (same) same.open = true;
      }
      if (old.isEqualNode(now)) continue;
      const at = old.contains(document.activeElement) ? document.activeElement : null;
      if (at && at.matches("input, select, textarea, button")) continue;
      const address = at && at.getAttribute("href");
      const scrolled = [...old.querySelectorAll(".scroll")].map((part) => [part.scrollTop, part.scrollLeft]);
      old.replaceChildren(...now.childNodes);
      old.querySelectorAll(".scroll").forEach((part, n) => {
        if (scrolled[n]) [part.scrollTop, part.scrollLeft] = scrolled[n];
      });
      if (address) old.querySelector(`[href="${CSS.escape(address)}"]`)?.focus({ preventScroll: true });
    }
  };

  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store", headers: { "X-Fresh": "1" } });
      if (answer.redirected) { location.reload(); return; }
      if (answer.ok) {
        replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
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
