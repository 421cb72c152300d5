(() => {
  const link = byId("link");
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
