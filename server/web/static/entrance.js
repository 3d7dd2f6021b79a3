// Before the door is asked for: the phone's key signs, and the phone says where it is, each only where it is asked for.
import { openStore } from "./pass_key.js";
import { full } from "./pass_presentation.js";

const PATIENCE_MS = 10_000;
const loadedAt = performance.now();
let prepared = null;

// The form is drawn anew when somebody answered, so the document listens and not the form.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "open-door" || prepared === form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  // Each by itself: what one cannot give must not keep back the other.
  await Promise.allSettled([sign(form), locate(form)]);
  prepared = form;
  button.disabled = false;
  form.requestSubmit(button);
});

// Back from the next page: the button asks anew.
window.addEventListener("pageshow", () => { prepared = null; });

async function sign(form) {
  const { credential, key } = await (await openStore()).read(form.dataset.pass);
  if (!credential || !key) return;
  // By the server's clock, counted on from when the page came.
  const seconds = Math.floor((Number(document.getElementById("asked").dataset.nowMs) + performance.now() - loadedAt) / 1000);
  form.elements.presentation.value = await full(credential, key, seconds);
}

async function locate(form) {
  if (!form.dataset.position || !navigator.geolocation) return;
  const options = { enableHighAccuracy: true, timeout: PATIENCE_MS, maximumAge: 0 };
  const { coords } = await new Promise((done, failed) => navigator.geolocation.getCurrentPosition(done, failed, options));
  for (const name of ["latitude", "longitude", "accuracy"]) form.elements[name].value = coords[name];
}
