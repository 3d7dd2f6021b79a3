// A pass, a visitor's or one of the house's own people's: decides what this phone can show, asks the server when
// there is a network, and draws it.
import { codeIn } from "./pass_code.js";
import { serverClock } from "./pass_clock.js";
import { bytesOf, makeKey, NO_KEY, openStore, pointOf, whyNoKey } from "./pass_key.js";
import * as presentation from "./pass_presentation.js";

const CYCLE_S = 10; // each signature is shown this long
const SHORT_S = 7; // of which the short presentation takes so much, and the full one the rest
const SYNC_MS = 60_000;
const RECENT_MS = 15_000;
const REFRESH_MS = 30_000;
const RETRY_MS = 10_000;
const PATIENCE_MS = 8_000;
const SHOWS_CODE = ["bound", "refreshed", "static"];
const TURNED = "genkan-turned";
const ENDED = { 403: "elsewhere", 404: "gone", 410: "gone" };

const page = document.getElementById("pass");
// Without `refreshedUrl` only a phone with a key gets a code; `about` is whom the notices that count here are about.
const { pass: id, stateUrl, keyUrl, refreshedUrl, workerUrl, scope, streamUrl, notices, about, timeZone } = page.dataset;
const hand = page.querySelector("[data-hand]");
const code = codeIn(page.querySelector("canvas"));
const store = await openStore();
const record = await store.read(id).catch(() => ({}));
const clock = serverClock(record.clock);

let why = record.key ? null : undefined; // why this phone cannot keep a key; undefined: not tried out yet
let online = navigator.onLine;
let busy = false; // asking the server
let syncedAt = -Infinity;
let refreshed = null;
let refreshAt = 0;
let drawn = null; // the presentations of this cycle
let lock = null;
let timer = null;

// ---- What can be shown -------------------------------------------------------------------------------------

function mode() {
  const state = record.state;
  if (!state) return busy || syncedAt === -Infinity ? "loading" : "trouble";
  if (state.standing !== "expected") return state.standing;
  const now = clock.now();
  if (now >= (record.credential ? state.bound.ends_ms : state.ends_ms)) return "over";
  if (now < state.begins_ms) return "early";
  if (record.credential) return "bound";
  if (why === undefined) return "loading";
  if (why === null && state.bound) return "moved";
  if (why !== null && !refreshedUrl) return "keyless";
  if (refreshed && now < refreshed.expires_ms) return "refreshed";
  if (busy) return "loading";
  return state.static ? "static" : "trouble";
}

function render() {
  const now = mode();
  for (const place of page.querySelectorAll("[data-when]")) {
    const { when, network, signed } = place.dataset;
    const fits = network !== (online ? "off" : "on") && (!signed || signed === page.dataset.signed);
    place.hidden = !fits || !when.split(" ").includes(now);
  }
  for (const place of page.querySelectorAll("[data-why]")) place.hidden = place.dataset.why !== why;
  for (const [name, words] of Object.entries(record.state?.facts ?? {})) {
    for (const place of page.querySelectorAll(`[data-fact="${name}"]`)) place.textContent = words;
  }
  if (page.dataset.mode !== now) {
    page.dataset.mode = now;
    stayAwake();
  }
  return now;
}

async function draw(now) {
  const seconds = Math.floor(clock.now() / 1000);
  if (now === "bound") {
    const time = seconds - (seconds % CYCLE_S);
    if (drawn?.time !== time || drawn.credential !== record.credential) {
      const { credential, key } = record;
      const texts = await Promise.all([
        presentation.short(credential, bytesOf(record.state.id), key, time),
        presentation.full(credential, key, time),
      ]);
      drawn = { time, credential, short: texts[0], full: texts[1] };
    }
    const which = seconds % CYCLE_S < SHORT_S ? "short" : "full";
    code.show(drawn[which]);
    page.dataset.presentation = which;
    page.dataset.time = time;
  } else if (now === "refreshed") {
    code.show(refreshed.text);
  } else if (now === "static") {
    code.show(record.state.static);
  }
  showTime(seconds);
}

// A ring that runs and a clock with seconds: whoever looks sees that this is no picture of a pass.
function showTime(seconds) {
  const phase = seconds % CYCLE_S;
  hand.classList.toggle("begins", phase === 0);
  hand.style.strokeDashoffset = String(CYCLE_S - 1 - phase);
  const format = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone };
  page.querySelector("[data-clock]").textContent = new Date(seconds * 1000).toLocaleTimeString([], format);
}

async function tick() {
  clearTimeout(timer);
  // A little after each full second of the server's clock.
  timer = setTimeout(tick, 1000 - (clock.now() % 1000) + 5);
  const now = render();
  if (SHOWS_CODE.includes(now)) await draw(now);
  if (document.hidden) return;
  if (performance.now() - syncedAt > SYNC_MS) await sync();
  else if (why && refreshable() && Date.now() >= refreshAt) await refresh();
}

// ---- What the server is asked ------------------------------------------------------------------------------

function ask(url, body) {
  const headers = { Accept: "application/json" };
  const options = { headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body === undefined) return fetch(url, options);
  headers["Content-Type"] = "application/json";
  headers["X-CSRF-Token"] = record.state.csrf;
  return fetch(url, { ...options, method: "POST", body: JSON.stringify(body) });
}

async function sync() {
  if (busy) return;
  busy = true;
  syncedAt = performance.now();
  try {
    const asked = performance.now();
    const response = await ask(stateUrl);
    const took = performance.now() - asked;
    if (response.status in ENDED) {
      end(ENDED[response.status]);
    } else if (response.ok) {
      page.dataset.signed = "in";
      record.state = await response.json();
      clock.measured(record.state.now_ms, took);
      await settle();
      if (page.dataset.offline && isOtherLanguage()) keepPage();
    }
    // Who is no longer signed in keeps what the phone holds until that ends.
    if (response.status === 401) page.dataset.signed = "out";
    online = response.ok || response.status === 401 || response.status in ENDED;
  } catch {
    online = false;
  }
  busy = false;
  await remember();
  await tick();
}

// After what the server said: a key where there is none, and the credential that belongs to it.
async function settle() {
  const { state } = record;
  if (state.standing !== "expected") {
    record.credential = null;
    return;
  }
  if (why === undefined) why = await whyNoKey(store);
  if (why !== null) return;
  if (!record.key) Object.assign(record, await makeKey());
  if (!state.bound) await bind();
  else if (state.bound.holder === pointOf(record.jwk)) {
    take(state.bound);
    if (state.renew) await bind();
  } else record.credential = null; // bound to a key that this phone had before, or to another phone
}

async function bind() {
  await store.write(id, record); // first the key, so that what is bound to it can be used
  const response = await ask(keyUrl, { jwk: record.jwk });
  if (response.ok) take(await response.json());
  else if (!record.credential) why = NO_KEY.REFUSED;
}

function take(bound) {
  record.state.bound = bound;
  record.state.id = bound.id;
  record.credential = bytesOf(bound.credential);
}

function end(standing) {
  record.state = { standing };
  record.key = record.jwk = record.credential = null;
}

async function remember() {
  record.clock = clock.kept();
  await store.write(id, record).catch(() => {});
}

function refreshable() {
  const state = record.state;
  const now = clock.now();
  return refreshedUrl && state?.standing === "expected" && state.begins_ms <= now && now < state.ends_ms;
}

async function refresh() {
  if (busy) return;
  busy = true;
  try {
    const response = await ask(refreshedUrl, {});
    if (response.ok) refreshed = await response.json();
    online = true;
    refreshAt = Date.now() + (response.ok ? REFRESH_MS : RETRY_MS);
    if (!response.ok) syncedAt = -Infinity;
  } catch {
    online = false;
    refreshAt = Date.now() + RETRY_MS;
  }
  busy = false;
  await tick();
}

// ---- The phone around it -----------------------------------------------------------------------------------

async function stayAwake() {
  if (!SHOWS_CODE.includes(page.dataset.mode) || document.hidden || (lock && !lock.released)) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    page.dataset.awake = "yes";
    lock.addEventListener("release", () => delete page.dataset.awake);
  } catch {
    delete page.dataset.awake; // no such thing here, or the battery is low: the phone does as it is set
  }
}

// From then on this page opens without a network.
async function keepPage() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register(workerUrl, { scope, updateViaCache: "none" });
    const { active } = await navigator.serviceWorker.ready;
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }) => {
      page.dataset.offline = data.kept ? "ready" : "no";
      if (data.kept) turnLanguage();
    };
    active.postMessage({ keep: location.pathname }, [channel.port2]);
  } catch {
    page.dataset.offline = "no"; // it goes on without
  }
}

// The page that this phone kept comes first, and speaks the language of then.
function isOtherLanguage() {
  const wanted = record.state?.language;
  return wanted !== undefined && wanted !== document.documentElement.lang;
}

// Called when the fresh page is kept.
function turnLanguage() {
  const turned = sessionStorage.getItem(TURNED);
  sessionStorage.removeItem(TURNED);
  if (!online || !isOtherLanguage() || turned) return;
  sessionStorage.setItem(TURNED, "yes"); // once: should the fresh page not have come, this one stays
  location.reload();
}

// What the server tells of the visit arrives at once; without this the page still asks each minute.
function listen() {
  const stream = new EventSource(streamUrl, { withCredentials: true });
  for (const event of notices.split(" ")) {
    stream.addEventListener(event, ({ data }) => {
      if (!about || event === "refresh" || data === about) sync();
    });
  }
}

function wake() {
  if (document.hidden) return;
  stayAwake();
  if (performance.now() - syncedAt > RECENT_MS) sync();
  else tick();
}

document.addEventListener("visibilitychange", wake);
window.addEventListener("pageshow", ({ persisted }) => persisted && wake());
window.addEventListener("online", () => sync());
window.addEventListener("offline", () => {
  online = false;
  tick();
});
page.querySelector("[data-set-up]").addEventListener("click", async () => {
  busy = true;
  render();
  try {
    Object.assign(record, await makeKey());
    await bind();
  } catch {
    online = false;
  }
  busy = false;
  await remember();
  await tick();
});

await tick();
if (syncedAt === -Infinity) await sync();
await keepPage();
listen();
