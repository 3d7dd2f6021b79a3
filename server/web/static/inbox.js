// Puts a ready answer into the message, where it can be changed before it is sent.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-canned]");
  const text = document.getElementById("text");
  if (!button || !text) return;
  const words = button.closest("li").querySelector("[data-words]").textContent;
  text.value = text.value.trim() ? `${text.value.trimEnd()}\n${words}` : words;
  button.closest("details").open = false;
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
});
