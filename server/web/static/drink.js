// The voucher of a drink: its code drawn on this phone, and how long it still counts.
import { codeIn } from "./pass_code.js";

const SECOND = 1000;
let shown = null; // the voucher on the page now, with its code and the moment at which it ends
let ticking = null;

function tick() {
  if (shown === null) return;
  const left = Math.max(0, shown.ends - performance.now());
  const seconds = Math.ceil(left / SECOND);
  const words = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (shown.clock.textContent !== words) shown.clock.textContent = words;
  if (left > 0) return;
  shown = null;
  clearInterval(ticking);
  // The server says what comes next.
  document.body.dispatchEvent(new CustomEvent("genkan:refresh"));
}

function look() {
  clearInterval(ticking);
  const voucher = document.querySelector("[data-voucher]");
  shown = null;
  if (voucher === null) return;
  codeIn(voucher.querySelector("canvas")).show(voucher.dataset.voucher);
  shown = {
    clock: voucher.querySelector("[data-clock]"),
    ends: performance.now() + Number(voucher.dataset.leftMs),
  };
  tick();
  ticking = setInterval(tick, SECOND / 4);
}

document.body.addEventListener("htmx:afterSwap", look);
look();
