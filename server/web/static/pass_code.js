// Draws a QR code sharply: whole pixels of the screen for each module, black on white, as large as its place allows.
import { generate, mode } from "./vendor/lean-qr.mjs";

const QUIET_ZONE = 4; // modules of white on each side (ISO/IEC 18004); what is left of the place is white as well

// The place is measured in the screen's own pixels, so that no module is wider than its neighbour.
export function codeIn(canvas) {
  let side = Math.round(canvas.clientWidth * window.devicePixelRatio);
  let text = null;

  function draw() {
    if (text === null || side === 0) return;
    // It takes the smallest version that level L allows, then the highest level that fits into it.
    const code = generate(mode.alphaNumeric(text));
    const module = Math.max(1, Math.floor(side / (code.size + 2 * QUIET_ZONE)));
    const start = Math.floor((side - module * code.size) / 2);
    canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d", { alpha: false });
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, side, side);
    pen.fillStyle = "#000000";
    for (let y = 0; y < code.size; y += 1) {
      for (let x = 0; x < code.size; x += 1) {
        if (code.get(x, y)) pen.fillRect(start + x * module, start + y * module, module, module);
      }
    }
    canvas.dataset.modules = code.size;
  }

  function measure([entry]) {
    const about = entry.contentRect.width * window.devicePixelRatio;
    const exact = entry.devicePixelContentBoxSize?.[0].inlineSize;
    // Where the screen is only emulated the exact number is not the screen's.
    const measured = Math.abs(exact - about) <= 1 ? exact : Math.round(about);
    if (measured === side) return;
    side = measured;
    draw();
  }

  const observer = new ResizeObserver(measure);
  try {
    observer.observe(canvas, { box: "device-pixel-content-box" });
  } catch {
    observer.observe(canvas); // WebKit does not tell
  }
  return {
    show(next) {
      if (next === text) return;
      text = next;
      draw();
    },
  };
}
