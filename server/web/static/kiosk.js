// Shows the changing code for hours: asks for the next one as the present one ends, and says so when nobody answers.
(() => {
  "use strict";
  const RETRY_MS = 2000;
  const PATIENCE_MS = 5000;
  const STEP_MS = 15000;
  const kiosk = document.getElementById("kiosk");
  const image = kiosk.querySelector("img");
  const digits = kiosk.querySelector("[data-digits]");
  const left = kiosk.querySelector("[data-left]");
  const bar = kiosk.querySelector(".kiosk-bar span");
  let until = 0; // by the clock that runs on whatever the wall clock does
  let asking = false;
  let next = 0;

  function show(state) {
    kiosk.dataset.state = state;
    for (const place of kiosk.querySelectorAll("[data-when]")) place.hidden = place.dataset.when !== state;
  }

  async function ask() {
    asking = true;
    const begun = performance.now();
    try {
      const response = await fetch(kiosk.dataset.url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (response.status === 410) { show("gone"); next = performance.now() + 60_000; return; }
      if (!response.ok) throw new Error(String(response.status));
      const code = await response.json();
      if (code.digits === null) { show("bare"); next = performance.now() + STEP_MS; return; }
      image.src = code.qr;
      digits.textContent = code.digits;
      until = begun + code.left_ms; // early rather than late: the way here took time as well
      next = performance.now() + Math.max(250, code.left_ms);
      show("live");
    } catch {
      // A code that ended is not shown on: whoever scans it would be sent away.
      if (performance.now() >= until) show("lost");
      next = performance.now() + RETRY_MS;
    } finally {
      asking = false;
    }
  }

  function tick() {
    const now = performance.now();
    if (!asking && now >= next) ask();
    const rest = Math.max(0, until - now);
    if (kiosk.dataset.state === "live") {
      left.textContent = `${Math.ceil(rest / 1000)} s`;
      bar.style.width = `${Math.min(100, (rest / STEP_MS) * 100)}%`;
      if (rest === 0 && now - until > RETRY_MS) show("lost");
    }
  }

  show("connecting");
  setInterval(tick, 250);
  if ("wakeLock" in navigator) {
    const stay = () => document.hidden || navigator.wakeLock.request("screen").catch(() => {});
    document.addEventListener("visibilitychange", stay);
    stay();
  }
})();
