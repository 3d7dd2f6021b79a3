/* Notices on the phone that a visitor comes near, with their consent, and tells only that: approaching, near, left.

   Positions stay in this module's memory, the last one alone, to know how fast they are. What is kept across a
   reload is the consent and what coming_rule.js remembers: counts and times. */

const AGAIN_MS = 15000; // a phone that lies still reports nothing by itself
const SPEED_OVER_S = 5; // two fixes closer together say little about speed
const UNSURE_M = 1000;

const memory = {
  read(store, name) {
    try { return JSON.parse(store.getItem(name)); } catch { return null; }
  },
  write(store, name, value) {
    try { store.setItem(name, JSON.stringify(value)); } catch { /* a private window keeps nothing */ }
  },
  drop(store, name) {
    try { store.removeItem(name); } catch { /* the same */ }
  },
};

let data = null;
let rule = null;
let watch = null;
let again = null;
let last = null;
let state = "off";
const untold = [];
let telling = false;

const consent = () => `genkan-coming-${data.key}`;

function show(next = state) {
  state = next;
  const card = document.getElementById("coming-watch");
  if (!card) return;
  card.hidden = false;
  card.dataset.state = state;
}

/** Read the card anew: it comes with the page, and again whenever the page fetches its sections. */
async function attach() {
  const found = document.getElementById("coming-watch");
  if (!found) {
    if (watch !== null) stop("off");
    return;
  }
  data = JSON.parse(found.dataset.coming);
  // The page keeps this part when it fetches its sections anew: set, not added, so that a tap is one tap.
  document.getElementById("coming-start").onclick = start;
  for (const button of document.querySelectorAll("#coming-watch [data-stop]")) {
    button.onclick = () => stop("off");
  }
  if (!("geolocation" in navigator) || !window.isSecureContext) {
    show("missing");
    return;
  }
  show();
  if (watch === null && memory.read(localStorage, consent()) && (await permission()) === "granted") start();
}

async function permission() {
  try {
    return (await navigator.permissions.query({ name: "geolocation" })).state;
  } catch {
    return "prompt"; // older browsers do not tell; then only the button asks
  }
}

async function start() {
  if (watch !== null) return;
  rule = rule ?? (await import(data.rule));
  show("asking");
  const options = { enableHighAccuracy: true, maximumAge: 0, timeout: 30000 };
  watch = navigator.geolocation.watchPosition(take, fail, options);
  again = setInterval(() => {
    tell();
    navigator.geolocation.getCurrentPosition(take, () => {}, options);
  }, AGAIN_MS);
}

function stop(next) {
  navigator.geolocation.clearWatch(watch);
  clearInterval(again);
  watch = again = last = null;
  memory.drop(localStorage, consent());
  memory.drop(sessionStorage, consent());
  show(next);
}

function fail(error) {
  if (error.code === error.PERMISSION_DENIED) stop("refused");
  else if (state !== "on") show("unsure");
}

function take(position) {
  if (watch === null) return;
  const { latitude, longitude, accuracy } = position.coords;
  const at = Math.floor(position.timestamp / 1000);
  const here = { place: [longitude, latitude], at };
  const fix = { latitude, longitude, accuracy_m: accuracy, at_s: at, speed_mps: speed(position, here) };
  if (last === null || at - last.at >= SPEED_OVER_S) last = here;
  memory.write(localStorage, consent(), true);
  show(accuracy <= UNSURE_M ? "on" : "unsure");
  const before = memory.read(sessionStorage, consent()) ?? rule.UNKNOWN;
  const [after, noticed] = rule.weigh(before, fix, data.rings);
  memory.write(sessionStorage, consent(), after);
  if (noticed) {
    untold.push(noticed);
    tell();
  }
  document.dispatchEvent(new CustomEvent("genkan:fix", { detail: at }));
}

/** Metres a second: the phone's own word, or what two fixes say. */
function speed(position, here) {
  const own = position.coords.speed;
  if (typeof own === "number" && own >= 0) return own;
  if (last === null || here.at - last.at < SPEED_OVER_S) return null;
  return rule.metresBetween(last.place, here.place) / (here.at - last.at);
}

/** Tell what was noticed, in its order; what the network would not take is told again later. */
async function tell() {
  if (telling) return;
  telling = true;
  try {
    while (untold.length) {
      const answer = await fetch(data.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": data.csrf },
        body: JSON.stringify(untold[0]),
      });
      if (answer.status >= 500 || answer.status === 429) return;
      untold.shift();
      document.body.dispatchEvent(new CustomEvent("genkan:refresh"));
      // The visit is over, or another phone took over: there is nothing to notice any more.
      if (!answer.ok) stop("off");
    }
  } catch {
    // No network now: the next fix, or the network's return, tries again.
  } finally {
    telling = false;
  }
}

window.addEventListener("online", tell);
document.addEventListener("htmx:afterSwap", attach);
attach();
