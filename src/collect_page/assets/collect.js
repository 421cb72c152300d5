// Makes the pages livelier; everything works without.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const language = document.documentElement.lang;

  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const format = { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
    if (!Number.isNaN(at.getTime())) time.textContent = new Intl.DateTimeFormat(language, format).format(at);
  }

  // One click, one session: the server knows, too, but nobody should wonder.
  for (const form of document.querySelectorAll("form[data-once]")) {
    const button = form.querySelector("button[type=submit]");
    form.addEventListener("submit", () => setTimeout(() => { button.disabled = true; }, 0));
    addEventListener("pageshow", () => { button.disabled = false; });
  }

  const link = byId("link");
  const copy = byId("copy");
  if (link && copy) {
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
  }

  const share = byId("share");
  if (link && share && navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => {
      navigator.share({ text: share.dataset.text, url: link.value }).catch(() => {});
    });
  }

  const progress = byId("progress");
  if (!progress || !progress.dataset.progress) return;

  const QUICK = 2000, IDLE = 10000, HIDDEN = 20000, IDLE_AFTER = 5 * 60 * 1000;
  const summary = byId("summary");
  const photos = byId("photos");
  let last = "";
  let changedAt = Date.now();
  let timer;

  const part = (name, text) => {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    return span;
  };

  const item = (photo) => {
    const li = document.createElement("li");
    li.dataset.state = photo.state;
    li.append(part("title", photo.title), part("name", photo.name),
      part("standing", photo.standing), part("cause", photo.cause));
    return li;
  };

  // Only what changed is touched, so that nothing jumps and only news is read out.
  const show = (all) => {
    all.forEach((photo, at) => {
      const shown = photos.children[at];
      const fresh = item(photo);
      if (!shown) photos.append(fresh);
      else if (!shown.isEqualNode(fresh)) shown.replaceWith(fresh);
    });
    while (photos.children.length > all.length) photos.lastElementChild.remove();
  };

  const say = (text) => { if (summary.textContent !== text) summary.textContent = text; };

  const wait = () => {
    if (document.hidden) return HIDDEN;
    return Date.now() - changedAt > IDLE_AFTER ? IDLE : QUICK;
  };

  const look = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(progress.dataset.progress, { cache: "no-store", credentials: "omit" });
      const said = await answer.text();
      if (answer.ok) {
        const now = JSON.parse(said);
        if (said !== last) changedAt = Date.now();
        last = said;
        show(now.photos);
        say(now.summary);
        if (String(now.open) !== progress.dataset.open) { location.reload(); return; }
        if (now.done) return;
      } else if (answer.status < 500 && answer.status !== 429) {
        say(JSON.parse(said).message);
        return;
      } else {
        say(progress.dataset.offline);
      }
    } catch {
      say(progress.dataset.offline);
    }
    timer = setTimeout(look, wait());
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  timer = setTimeout(look, QUICK);
})();
