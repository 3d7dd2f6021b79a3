// Shows whether a live page is live, and has its fragments fetched again while the stream cannot tell what changed.
(() => {
  "use strict";
  const POLL_MS = 5000; // while the stream is lost
  const SILENCE_MS = 40000; // the server sends a heartbeat every 15 s; after this much silence the stream is dead
  const LONGEST_MS = 60000; // between two tries of a fragment that cannot be had
  let polling = null;
  const failing = new Set();
  let failedAt = -Infinity;
  let wait = POLL_MS;
  let retrying = null;
  let silence = null;
  let source = null;

  const refresh = () => document.body.dispatchEvent(new CustomEvent("genkan:refresh"));

  function show(state) {
    for (const element of document.querySelectorAll(".live-state")) element.dataset.state = state;
  }

  function lost() {
    show("lost");
    if (polling === null) polling = setInterval(refresh, POLL_MS);
  }

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE_MS);
    if (polling !== null) {
      clearInterval(polling);
      polling = null;
      failing.clear();
      refresh(); // what happened while nobody told us
    }
    if (failing.size === 0) show("live");
  }

  // The stream stands, and a fragment could not be had: asking every few seconds would not mend what is wrong there.
  function failed(event) {
    const { verb, path } = event.detail.requestConfig;
    if (verb !== "get") return;
    failing.add(path);
    show("lost");
    const now = performance.now();
    if (now - failedAt > 2 * LONGEST_MS) wait = POLL_MS;
    failedAt = now;
    if (retrying !== null || polling !== null) return;
    retrying = setTimeout(() => {
      retrying = null;
      failing.clear(); // whoever is still on the page and fails again says so
      refresh();
    }, wait);
    wait = Math.min(2 * wait, LONGEST_MS);
  }

  function fetched(event) {
    if (!event.detail.successful || event.detail.requestConfig.verb !== "get") return;
    failing.delete(event.detail.requestConfig.path);
    if (failing.size === 0 && polling === null && silence !== null) show("live");
  }

  // The extension asks for its event source here; only the url is its own.
  htmx.createEventSource = (url) => {
    source = new EventSource(url, { withCredentials: true });
    source.addEventListener("open", heard);
    source.addEventListener("connected", heard);
    source.addEventListener("heartbeat", heard);
    source.addEventListener("refresh", () => { heard(); refresh(); });
    source.addEventListener("error", lost);
    return source;
  };

  window.addEventListener("offline", lost);

  // A response which is not a fragment (signed out, server restarting) is followed, not pasted into the page.
  document.addEventListener("htmx:beforeSwap", (event) => {
    // A visitor's page is no longer this phone's (403) or nobody's (404): the page itself says what to do.
    const ended = "visitor" in document.body.dataset ? [401, 403, 404] : [401];
    if (ended.includes(event.detail.xhr.status)) window.location.reload();
  });
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:afterRequest", fetched);

  // On a narrow screen the bar of places is longer than the screen: where one is stands in sight.
  document.querySelector(".places [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // What is new in a list is shown by a short glow, so that an eye which was elsewhere finds it.
  let known = null;
  const keys = () => new Set([...document.querySelectorAll("[data-key]")].map((e) => e.dataset.key));
  function glow(event) {
    for (const element of event.detail.target.querySelectorAll("[data-key]")) {
      if (known !== null && !known.has(element.dataset.key)) element.classList.add("fresh");
    }
  }
  document.addEventListener("htmx:beforeSwap", () => { known = keys(); });
  document.addEventListener("htmx:afterSwap", glow);
  document.addEventListener("htmx:oobAfterSwap", glow);

  // Of parts that come together those that say what they said before stay as they are: nothing is read out twice,
  // and a finger or the keyboard keeps its place.
  const said = new WeakMap();
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    if (said.get(target) === fragment.innerHTML) event.detail.shouldSwap = false;
    else said.set(target, fragment.innerHTML);
  });

  // After a refused form the eye and the keyboard begin at what is to be mended.
  document.addEventListener("DOMContentLoaded", () => {
    const problem = document.getElementById("form-errors");
    if (problem) (document.querySelector("[aria-invalid=true]") || problem).focus();
  });
})();
