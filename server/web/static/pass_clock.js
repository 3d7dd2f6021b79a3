// The server's time, as well as this phone can know it: a gate refuses a presentation that is half a minute off.

// `kept` is what an earlier opening measured, so that the clock is right without a network as well.
export function serverClock(kept) {
  let best = kept ?? null;
  return {
    now: () => Date.now() + (best?.offset ?? 0),
    kept: () => best,
    // The server said `told` (ms) somewhere within the `took` ms that ended now.
    measured(told, took) {
      const found = { offset: Math.round(told + took / 2 - Date.now()), error: took / 2 };
      // A better measurement stays, unless this one shows that the phone's clock was set since.
      const agree = best && Math.abs(best.offset - found.offset) <= best.error + found.error + 1000;
      if (agree && best.error < found.error) return;
      best = found;
    },
  };
}
