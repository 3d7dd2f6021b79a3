// Keeps the pass for when there is no network: its files, and the pages of this phone's own visits; nothing else.
// The server puts `SHELL = { name, version, files, pass, above }` before this; a changed file gives another version,
// and so a new worker.
"use strict";

const OURS = `${SHELL.name}-`; // other pages of this server have caches of their own
const FILES = `${OURS}files-${SHELL.version}`;
const PAGES = `${OURS}pages`;
const PATIENCE_MS = 150; // so long the network may take before the kept page is shown
const PASS = new RegExp(SHELL.pass);
const ABOVE = SHELL.above ? new RegExp(SHELL.above) : null;

self.addEventListener("install", (event) => {
  event.waitUntil(keepFiles().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  const path = event.data?.keep;
  if (!PASS.test(path)) return;
  const done = fetchPage(path).catch(() => null).then(() => kept(path));
  event.waitUntil(done.then((page) => event.ports[0]?.postMessage({ kept: page !== undefined })));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && PASS.test(url.pathname)) event.respondWith(pass(event, url.pathname));
  else if (request.mode === "navigate" && ABOVE?.test(url.pathname)) event.respondWith(visit(request, url.pathname));
  else if (url.pathname.startsWith("/static/")) event.respondWith(file(request));
});

async function keepFiles() {
  const cache = await caches.open(FILES);
  await cache.addAll(SHELL.files.map((file) => new Request(file, { cache: "no-cache" })));
}

// Old files go, and the kept pages are fetched anew, for they name the old ones.
async function tidy() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(OURS) && name !== FILES && name !== PAGES);
  await Promise.all(old.map((name) => caches.delete(name)));
  const pages = await (await caches.open(PAGES)).keys();
  await Promise.allSettled(pages.map((page) => fetchPage(new URL(page.url).pathname)));
}

async function kept(path) {
  return (await caches.open(PAGES)).match(path);
}

async function fetchPage(path) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" } });
  const pages = await caches.open(PAGES);
  if (answer.ok && !answer.redirected) await pages.put(path, answer.clone());
  else if (answer.redirected || (answer.status >= 400 && answer.status < 500 && answer.status !== 429)) await pages.delete(path);
  return answer;
}

// The network first, but a visitor before a gate does not wait for it.
async function pass(event, path) {
  const before = await kept(path);
  const fetched = fetchPage(path);
  if (!before) {
    const answer = await fetched;
    return answer.redirected ? Response.redirect(answer.url, 302) : answer;
  }
  const fresh = fetched.then((answer) => (answer.ok && !answer.redirected ? answer : before), () => before);
  event.waitUntil(fresh);
  return Promise.race([fresh, new Promise((done) => setTimeout(done, PATIENCE_MS, before.clone()))]);
}

// Without a network whoever opens the visit gets the pass, which works without.
async function visit(request, path) {
  try {
    return await fetch(request);
  } catch (error) {
    if (await kept(`${path}/pass`)) return Response.redirect(`${path}/pass`, 302);
    throw error;
  }
}

async function file(request) {
  const cache = await caches.open(FILES);
  const known = await cache.match(request);
  if (known) return known;
  try {
    return await fetch(request);
  } catch (error) {
    // A page that was kept before the last change names files by their old addresses.
    const other = await cache.match(request, { ignoreSearch: true });
    if (other) return other;
    throw error;
  }
}
