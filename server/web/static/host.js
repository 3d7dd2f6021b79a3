// The host's page: registers its service worker, turns push on when asked to, and says when there is no network.
(() => {
  "use strict";
  const body = document.body;

  if ("serviceWorker" in navigator && window.isSecureContext) {
    navigator.serviceWorker.register(body.dataset.worker, { scope: body.dataset.scope }).catch(() => {});
  }

  const offline = document.getElementById("offline");
  const tell = () => { if (offline) offline.hidden = navigator.onLine; };
  window.addEventListener("online", tell);
  window.addEventListener("offline", tell);
  tell();

  const retry = document.querySelector("[data-retry]");
  if (retry) {
    retry.addEventListener("click", () => window.location.reload());
    window.addEventListener("online", () => window.location.reload());
  }

  const push = document.getElementById("push");
  if (push) watchPush(push);

  function watchPush(box) {
    const show = (state) => { box.dataset.state = state; };
    const button = box.querySelector("button");

    async function state() {
      if (!window.isSecureContext) return "insecure";
      if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) {
        return /iPhone|iPad/.test(navigator.userAgent) ? "install" : "missing";
      }
      if (Notification.permission === "denied") return "denied";
      const worker = await navigator.serviceWorker.getRegistration(body.dataset.scope);
      const known = worker && await worker.pushManager.getSubscription();
      return known && Notification.permission === "granted" ? "on" : "off";
    }

    // Asked only here: a browser that is asked without a press of a button refuses for good.
    async function turnOn() {
      if (await Notification.requestPermission() !== "granted") return state();
      const worker = await navigator.serviceWorker.ready;
      const answer = await fetch(box.dataset.key);
      if (!answer.ok) throw new Error("no key");
      const key = bytes((await answer.text()).trim());
      let subscription = await worker.pushManager.getSubscription();
      if (subscription && !same(subscription.options.applicationServerKey, key)) {
        await subscription.unsubscribe(); // it belongs to a key that the server has no longer
        subscription = null;
      }
      subscription ||= await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
      const kept = await fetch(box.dataset.subscribe, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": box.dataset.csrf },
        body: JSON.stringify(subscription),
      });
      if (!kept.ok) throw new Error("not kept");
      window.location.reload();
      return "on";
    }

    button.addEventListener("click", () => {
      button.disabled = true;
      turnOn().then(show, () => show("failed")).finally(() => { button.disabled = false; });
    });
    state().then(show, () => show("failed"));
  }

  function bytes(base64url) {
    const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  }

  function same(buffer, wanted) {
    if (!buffer) return false;
    const found = new Uint8Array(buffer);
    return found.length === wanted.length && found.every((value, index) => value === wanted[index]);
  }
})();
