// Shows what a visitor is told on their phone, and opens the page of theirs that has it. Stands behind pass_worker.js.
// The server puts `NEWS = { icon, title, body }` before this: what is shown of a push that cannot be read.
const LONGEST = 400;
const OWN_PAGE = /^\/v\/[^/]+(\/(chat|drink))?$/;

self.addEventListener("push", (event) => {
  const news = readNews(event.data);
  event.waitUntil(
    self.registration.showNotification(news.title, {
      body: news.body,
      tag: news.tag,
      renotify: Boolean(news.tag),
      icon: NEWS.icon,
      lang: news.lang,
      data: { path: news.path },
    }),
  );
});

// A push must be shown whatever is in it: what cannot be read becomes a neutral notice. All of it is plain text.
function readNews(data) {
  const neutral = { title: NEWS.title, body: NEWS.body, tag: "", lang: "", path: "" };
  let sent;
  try {
    sent = data.json();
  } catch {
    return neutral;
  }
  if (typeof sent !== "object" || sent === null || !plain(sent.title)) return neutral;
  return { title: plain(sent.title), body: plain(sent.body), tag: plain(sent.tag), lang: plain(sent.lang), path: plain(sent.path) };
}

function plain(value) {
  return typeof value === "string" ? value.slice(0, LONGEST) : "";
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path = event.notification.data?.path ?? "";
  // Only a page of a visit is opened, whatever the path says.
  if (OWN_PAGE.test(path)) event.waitUntil(openPage(new URL(path, self.location.origin).href));
});

async function openPage(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((each) => each.url.split(/[?#]/)[0] === url);
  if (!there) return self.clients.openWindow(url);
  try {
    return await there.focus();
  } catch {
    return self.clients.openWindow(url);
  }
}
