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
      const { subscribe } = await import("./push.js");
      await subscribe(worker, box.dataset);
      window.location.reload();
      return "on";
    }

    button.addEventListener("click", () => {
      button.disabled = true;
      turnOn().then(show, () => show("failed")).finally(() => { button.disabled = false; });
    });
    state().then(show, () => show("failed"));
  }
})();
