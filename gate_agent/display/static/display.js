// Shows what the gate says, in turn in each language, and sounds its tones. The gate decides what stands there and
// for how long; this page only draws it. Nothing is fetched from anywhere but the gate itself.
"use strict";

const told = JSON.parse(document.body.dataset.told);
const TURN_MS = 3000;
const LOST_AFTER_MS = 3000;
// From the largest type to the smallest that may stand on a gate's display. There phrases may break (loose), then the
// icon gets small (close), and then the heading goes (closest).
const SIZES = [96, 84, 72, 60, 48];
const MOST_LINES = { 96: 2, 84: 2, 72: 2, 60: 3, 48: Infinity }; // of a sentence, in type of that size
const FITS = ["roomy", "loose", "close", "closest"];
const part = (name) => document.getElementById(name);
const icons = "http://www.w3.org/2000/svg";

let now = null; // what the gate said last
let turn = 0; // counts the pages of the present screen
let turning = 0;
let losing = 0;
let codeEnds = 0; // when the code at an entrance changes, by this page's own clock
const CODE_LATE_MS = 2000; // the gate sends the next code at once; without one what stands here is no longer true

function overflows() {
  const room = part("screen");
  const style = getComputedStyle(room);
  const air = parseFloat(style.paddingTop);
  const heights = [...room.children].map((child) => child.getBoundingClientRect().height);
  const stacked = style.flexDirection === "column";
  const high = stacked ? heights[0] + heights[1] + parseFloat(style.rowGap) : Math.max(...heights);
  return (
    room.scrollHeight > room.clientHeight ||
    room.scrollWidth > room.clientWidth ||
    high > room.clientHeight - 2 * air
  );
}

// The words of one language as one page or, where they do not fit at 48 px, a page for each sentence.
function pagesOf(language) {
  const { heading, sentences } = now.screen.words[language];
  const whole = { language, heading, sentences };
  if (fit(whole) || sentences.length < 2) {
    return [whole];
  }
  return sentences.map((sentence) => ({ language, heading: "", sentences: [sentence] }));
}

function fit(page) {
  document.documentElement.lang = page.language;
  part("heading").textContent = page.heading;
  part("heading").hidden = !page.heading;
  const lines = page.sentences.map((sentence) => {
    const line = document.createElement("span");
    line.textContent = sentence;
    if (now.code && /^[0-9 ]+$/.test(sentence)) {
      line.className = "digits";
      line.append(" ", secondsLeft());
    }
    return line;
  });
  part("text").replaceChildren(...lines.flatMap((line) => [line, " "]));
  const scale = Math.max(1, Math.min(innerWidth / 800, innerHeight / 480));
  return (
    SIZES.some((size) => fits(size * scale, "roomy") && isCalm(lines, MOST_LINES[size])) ||
    FITS.some((tight) => fits(48, tight))
  );
}

function secondsLeft() {
  const left = document.createElement("span");
  left.id = "left";
  left.setAttribute("aria-hidden", "true"); // or it would be read out every second
  left.textContent = leftText();
  return left;
}

function leftText() {
  return `${Math.max(0, Math.ceil((codeEnds - performance.now()) / 1000))} s`;
}

function drawCode() {
  const { code } = now;
  part("modules").setAttribute("d", code ? code.path : "");
  part("icon").firstElementChild.style.display = code ? "none" : "";
  if (code) {
    part("icon").setAttribute("viewBox", `-4 -4 ${code.size + 8} ${code.size + 8}`); // with its quiet zone
  } else {
    part("icon").removeAttribute("viewBox");
  }
}

setInterval(() => {
  if (now?.code && part("left")) {
    part("left").textContent = leftText();
  }
  if (now?.code && performance.now() > codeEnds + CODE_LATE_MS) {
    show({ number: -1, screen: told.lost, marks: [] });
  }
}, 250);

function fits(size, tightness) {
  document.body.style.setProperty("--type", `${size}px`);
  document.body.dataset.fit = tightness;
  return !overflows();
}

function isCalm(lines, most) {
  const height = parseFloat(getComputedStyle(part("text")).lineHeight);
  const head = part("heading");
  const breaks = head.offsetHeight > 1.5 * parseFloat(getComputedStyle(head).lineHeight);
  return !(breaks && most < Infinity) && lines.every((line) => line.offsetHeight < (most + 0.5) * height);
}

function drawMarks(language) {
  const marks = now.marks.map((mark) => {
    const line = document.createElement("span");
    line.append(iconOf(mark.icon), mark.words[language]);
    return line;
  });
  part("marks").hidden = marks.length === 0;
  part("marks").replaceChildren(...marks);
  if (part("marks").offsetHeight > 100) {
    // Where they need two lines they take turns, so that the words above keep their room.
    part("marks").replaceChildren(marks[turn % marks.length]);
  }
}

function iconOf(name) {
  const icon = document.createElementNS(icons, "svg");
  const use = document.createElementNS(icons, "use");
  icon.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `/icons.svg#${name}`);
  icon.append(use);
  return icon;
}

function draw() {
  const { dataset } = document.body;
  dataset.what = now.screen.what;
  dataset.tone = now.screen.tone;
  dataset.arrow = now.screen.arrow ? told.arrow : "none";
  // An open door and the arrow are both shown as the arrow: it says where to go.
  const icon = now.screen.arrow ? "onward" : now.screen.icon;
  part("icon").firstElementChild.setAttribute("href", `/icons.svg#${icon}`);
  drawCode();
  const pages = told.languages.flatMap((language) => {
    document.documentElement.lang = language;
    drawMarks(language);
    return pagesOf(language);
  });
  const page = pages[turn % pages.length];
  drawMarks(page.language);
  fit(page);
  dataset.page = `${(turn % pages.length) + 1}/${pages.length}`;
  clearTimeout(turning);
  if (pages.length > 1) {
    turning = setTimeout(() => {
      turn += 1;
      draw();
    }, TURN_MS);
  }
}

function show(next) {
  const another = !now || next.number !== now.number || next.screen.what !== now.screen.what;
  const happened = now && next.number !== now.number;
  now = next;
  codeEnds = next.code ? performance.now() + next.code.left_ms : 0;
  if (another) {
    turn = 0;
  }
  draw();
  if (happened && told.sound && next.screen.sound) {
    play(next.screen.sound);
  }
}

// ---- Sound: pairs of hertz and seconds. High and rising: go; low and long: stop. ------------------------------------
const TONES = {
  granted: [[880, 0.12]],
  open: [[880, 0.12], [1320, 0.24]],
  refused: [[220, 0.35], [165, 0.5]],
  attention: [[660, 0.1], [660, 0.1]],
};
let audio = null;
let played = 0;

function prepareSound() {
  audio ??= new AudioContext();
  audio.onstatechange = sayWhetherSoundWorks;
  audio.resume().then(sayWhetherSoundWorks);
  sayWhetherSoundWorks();
}

function sayWhetherSoundWorks() {
  document.body.dataset.sound = audio.state;
}

function play(name) {
  if (audio?.state !== "running") {
    return;
  }
  let at = audio.currentTime + 0.01;
  for (const [hertz, seconds] of TONES[name]) {
    const tone = new OscillatorNode(audio, { frequency: hertz });
    const volume = new GainNode(audio, { gain: 0 });
    // Faded in and out over 10 ms, so that the loudspeaker does not click.
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.4, at + 0.01);
    volume.gain.setValueAtTime(0.4, at + seconds - 0.01);
    volume.gain.linearRampToValueAtTime(0, at + seconds);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.06;
  }
  played += 1;
  document.body.dataset.played = String(played);
}

if (told.sound) {
  prepareSound();
  // Where the browser wants a hand first (no kiosk flag), any touch will do.
  addEventListener("pointerdown", prepareSound);
}

// ---- The stream ---------------------------------------------------------------------------------------------------
function connect() {
  const stream = new EventSource(told.events);
  stream.addEventListener("screen", (event) => {
    clearTimeout(losing);
    losing = 0;
    show(JSON.parse(event.data));
  });
  stream.addEventListener("error", () => {
    // The gate's program is not there: nothing that stands here is true any longer.
    losing ||= setTimeout(() => show({ number: -1, screen: told.lost, marks: [] }), LOST_AFTER_MS);
    if (stream.readyState === EventSource.CLOSED) {
      stream.close();
      setTimeout(connect, 1000);
    }
  });
}

addEventListener("resize", () => now && draw());
document.fonts.ready.then(() => now && draw());
connect();
