// "Tell me on this phone": asks the browser once the button is pressed, and hands its subscription to the server.
const able = window.isSecureContext && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
const SCOPE = "/v/";

const box = () => document.getElementById("telling");

// The visit page fetches its sections anew; what this phone can do is put into each new one.
function settle() {
  const here = box();
  if (!here || here.dataset.state === "on") return;
  here.hidden = !able;
  if (able) show(Notification.permission === "denied" ? "denied" : "off");
}

function show(state) {
  const here = box();
  if (!here) return;
  here.dataset.state = state;
  for (const line of here.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== state;
  const button = here.querySelector("[data-tell]");
  if (button) {
    button.hidden = state === "denied";
    button.disabled = state === "asking";
  }
}

async function tell() {
  const here = box().dataset;
  show("asking");
  // Asked only here: a browser that is asked without a press of a button refuses for good.
  if (await Notification.requestPermission() !== "granted") {
    show(Notification.permission === "denied" ? "denied" : "off");
    return;
  }
  await navigator.serviceWorker.register(here.worker, { scope: SCOPE, updateViaCache: "none" });
  const { subscribe } = await import("./push.js");
  await subscribe(await ready(), here);
  document.body.dispatchEvent(new CustomEvent("genkan:refresh"));
}

// The page may not be below the worker's scope yet when it is registered for the first time.
async function ready() {
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  if (registration.active) return registration;
  const coming = registration.installing || registration.waiting;
  await new Promise((done) => {
    coming.addEventListener("statechange", () => { if (coming.state === "activated") done(); });
    if (coming.state === "activated") done();
  });
  return registration;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-tell]")) tell().catch(() => show("failed"));
});
document.body.addEventListener("htmx:afterSettle", settle);
settle();
