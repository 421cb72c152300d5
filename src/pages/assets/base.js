// Makes the pages livelier; everything works without.
"use strict";

const byId = (id) => document.getElementById(id);

// Times as people here write them.
const localise = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const format = { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
    if (Number.isNaN(at.getTime())) continue;
    const text = new Intl.DateTimeFormat(document.documentElement.lang, format).format(at);
    if ("age" in time.dataset) time.title = text;
    else time.textContent = text;
  }
};
localise(document);

// One click, one session: the server knows, too, but nobody should wonder.
for (const form of document.querySelectorAll("form[data-once]")) {
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", () => setTimeout(() => { button.disabled = true; }, 0));
  addEventListener("pageshow", () => { button.disabled = false; });
}

(() => {
  const link = byId("link");
  const copy = byId("copy");
  if (!link || !copy) return;
  const label = copy.textContent;
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
    } catch {
      if (!document.execCommand("copy")) return;
    }
    copy.textContent = copy.dataset.copied;
    byId("copied").textContent = copy.dataset.copied;
    setTimeout(() => { copy.textContent = label; byId("copied").textContent = ""; }, 2000);
  });
  link.addEventListener("focus", () => link.select());
})();

