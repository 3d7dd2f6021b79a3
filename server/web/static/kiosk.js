// Shows the changing code for hours: fetches the next ones ahead, and says so plainly when it has none left.
(() => {
  "use strict";
  const RETRY_MS = 5000;
  const PATIENCE_MS = 5000;
  const STEP_MS = 15_000;
  const REST_MS = 60_000; // between questions of a screen that was put out of service
  const ASLEEP_MS = 1500; // the two clocks of a device part by more only when it slept, or was set anew
  const kiosk = document.getElementById("kiosk");
  const image = kiosk.querySelector("img");
  const digits = kiosk.querySelector("[data-digits]");
  const left = kiosk.querySelector("[data-left]");
  const bar = kiosk.querySelector(".kiosk-bar span");
  const alone = kiosk.querySelector("[data-when=alone]");
  // The server tells spans, so the screen's time of day does not matter; they count on the clock that nobody sets.
  const now = () => performance.now();
  const parted = () => Date.now() - now();
  let codes = []; // {digits, qr, until}: the one shown first, then those after it
  let shown = null;
  let asking = false;
  let next = 0;
  let apart = parted();

  function show(state) {
    kiosk.dataset.state = state;
    for (const place of kiosk.querySelectorAll(":scope > [data-when]")) place.hidden = place.dataset.when !== state;
  }

  async function ask() {
    asking = true;
    const begun = now();
    try {
      const response = await fetch(kiosk.dataset.url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (response.status === 410) {
        codes = [];
        next = now() + REST_MS;
        show("gone");
        return;
      }
      if (!response.ok) throw new Error(String(response.status));
      // Early rather than late: the way here took time as well.
      codes = (await response.json()).codes.map((each) => ({ ...each, until: begun + each.left_ms }));
      next = codes.length ? codes[0].until : now() + STEP_MS;
      alone.hidden = true;
      if (codes.length === 0) show("bare");
      turn();
    } catch {
      next = now() + RETRY_MS;
      alone.hidden = false;
      // What was said before no longer holds, or nothing was said yet.
      if (codes.length === 0) show("lost");
    } finally {
      asking = false;
    }
  }

  function tick() {
    if (Math.abs(parted() - apart) > ASLEEP_MS) {
      // Nobody knows how long it slept, so nobody knows which code counts.
      apart = parted();
      codes = [];
      next = 0;
      show("connecting");
    }
    if (!asking && now() >= next) ask();
    turn();
  }

  function turn() {
    const had = codes.length > 0;
    while (codes.length > 0 && now() >= codes[0].until) codes.shift();
    if (codes.length > 0) draw(codes[0]);
    // A code that ended is not shown on: whoever scans it would be sent away.
    else if (had) show("lost");
  }

  function draw(code) {
    const rest = code.until - now();
    if (shown !== code.digits) {
      shown = code.digits;
      image.src = code.qr;
      digits.textContent = code.digits;
    }
    if (kiosk.dataset.state !== "live") show("live");
    left.textContent = `${Math.ceil(rest / 1000)} s`;
    bar.style.width = `${Math.min(100, (rest / STEP_MS) * 100)}%`;
  }

  show("connecting");
  setInterval(tick, 250);
  if ("wakeLock" in navigator) {
    const stay = () => document.hidden || navigator.wakeLock.request("screen").catch(() => {});
    document.addEventListener("visibilitychange", stay);
    stay();
  }
})();
