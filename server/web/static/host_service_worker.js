// The host's service worker: shows pushes, opens what they lead to, and says "offline" plainly.
// GIVEN stands before this text: addresses and words, none of them personal. Pages with names in them are never kept.
"use strict";

const KEPT = "genkan-host";
const LONGEST = 400;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(KEPT)
      .then((cache) => cache.addAll([GIVEN.offline, ...GIVEN.shell]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOldShell().then(() => self.clients.claim()));
});

async function forgetOldShell() {
  const wanted = new Set([GIVEN.offline, ...GIVEN.shell].map((url) => new URL(url, self.location).href));
  const cache = await caches.open(KEPT);
  const old = (await cache.keys()).filter((request) => !wanted.has(request.url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match(GIVEN.offline)));
    return;
  }
  const { pathname, search } = new URL(event.request.url);
  if (GIVEN.shell.includes(pathname + search)) {
    event.respondWith(caches.match(event.request).then((kept) => kept || fetch(event.request)));
  }
});

self.addEventListener("push", (event) => {
  const news = read(event.data);
  event.waitUntil(
    self.registration.showNotification(news.title, {
      body: news.body,
      tag: news.tag,
      renotify: Boolean(news.tag),
      icon: GIVEN.icon,
      lang: news.lang,
      data: { path: news.path },
    }),
  );
});

// A push must be shown whatever is in it: what cannot be read becomes a neutral notice. All of it is plain text.
function read(data) {
  const neutral = { title: GIVEN.title, body: GIVEN.body, tag: "", lang: "", path: GIVEN.start };
  let sent;
  try {
    sent = data.json();
  } catch {
    return neutral;
  }
  if (typeof sent !== "object" || sent === null || !text(sent.title)) return neutral;
  return {
    title: text(sent.title),
    body: text(sent.body),
    tag: text(sent.tag),
    lang: text(sent.lang),
    path: text(sent.path) || GIVEN.start,
  };
}

function text(value) {
  return typeof value === "string" ? value.slice(0, LONGEST) : "";
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(ours((event.notification.data || {}).path)));
});

// Only a page of the host is opened, whatever the path says.
function ours(path) {
  const start = new URL(GIVEN.start, self.location.origin);
  let wanted;
  try {
    wanted = new URL(path || "", start);
  } catch {
    return start.href;
  }
  const inside = wanted.origin === start.origin && wanted.pathname.startsWith(start.pathname);
  return inside ? wanted.href : start.href;
}

async function open(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const scope = new URL(GIVEN.start, self.location.origin).href;
  const page = pages.find((each) => each.url === url) || pages.find((each) => each.url.startsWith(scope));
  if (!page) return self.clients.openWindow(url);
  try {
    const there = page.url === url ? page : await page.navigate(url);
    return await (there || page).focus();
  } catch {
    return self.clients.openWindow(url); // a page that this worker does not control yet cannot be led elsewhere
  }
}
