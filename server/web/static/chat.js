// A chat that is open: shows the newest message, tells the server what is being looked at, and loses nothing typed.
(() => {
  "use strict";
  const NEAR = 160; // pixels from the end within which somebody is reading the newest message
  let draft = "";
  let follow = true;

  const chat = () => document.getElementById("chat");
  const text = () => document.getElementById("text");
  const toTheEnd = () => window.scrollTo({ top: document.documentElement.scrollHeight });
  const atTheEnd = () =>
    window.innerHeight + window.scrollY > document.documentElement.scrollHeight - NEAR;
  const visible = () => document.visibilityState === "visible";

  function unsent(why) {
    const place = document.getElementById("chat-unsent");
    if (place === null) return;
    place.querySelector("div").textContent = why;
    place.hidden = why === "";
  }

  document.addEventListener("htmx:configRequest", (event) => {
    if (visible()) event.detail.headers["X-Seen"] = "1";
    if (event.detail.verb === "post") unsent("");
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "chat" && event.detail.target.id !== "thread") return;
    const sent = event.detail.requestConfig.verb === "post";
    follow = sent || atTheEnd();
    // A question was pressed while words of one's own stood there: they stay.
    const own = event.detail.requestConfig.elt.classList.contains("chat-form");
    draft = sent && !own && text() ? text().value : "";
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "chat" && event.detail.target.id !== "thread") return;
    if (draft && text() && !text().value) text().value = draft;
    if (follow) toTheEnd();
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.requestConfig.verb === "post") unsent(chat().dataset.unsent);
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.requestConfig.verb !== "post") return;
    unsent(event.detail.xhr.status === 413 ? chat().dataset.tooLarge : chat().dataset.unsent);
  });
  // Whoever comes back to the page sees what was said meanwhile, and it counts as read from then on.
  document.addEventListener("visibilitychange", () => {
    if (visible()) document.body.dispatchEvent(new CustomEvent("genkan:refresh"));
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "files") return;
    const list = document.getElementById("chosen");
    list.replaceChildren(...[...event.target.files].map((file) => {
      const line = document.createElement("li");
      line.textContent = file.name;
      return line;
    }));
    list.hidden = event.target.files.length === 0;
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "text" || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
  document.addEventListener("DOMContentLoaded", () => {
    if (!new URLSearchParams(window.location.search).has("before")) toTheEnd();
  });
})();
