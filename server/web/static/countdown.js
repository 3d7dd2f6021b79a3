// Counts down to the end of something that ends soon, then hides it and shows what to do next.
// The server says how many seconds are left: the clock of whoever looks may be wrong.
(() => {
  "use strict";
  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-left]")) {
      const until = performance.now() + Number(place.dataset.left) * 1000;
      const whole = place.closest("[data-counted-down]");
      const after = document.querySelector("[data-after-countdown]");
      const show = () => {
        const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
        const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        place.textContent = place.dataset.words.replace("{left}", clock);
        if (left > 0) return;
        clearInterval(ticking);
        whole.hidden = true;
        if (after) after.hidden = false;
      };
      const ticking = setInterval(show, 1000);
      show();
    }
  });
})();
