// A click on a LoRA's trigger word puts it at the prompt's end, unless it is in there already. Done here, so that
// quick clicks and what is being typed meanwhile are all kept.
document.addEventListener("click", (event) => {
  const word = event.target.closest?.(".ink-trigger-words button")?.dataset.word;
  const prompt = document.querySelector("#ink-prompt textarea");
  if (!word || !prompt || prompt.value.includes(word)) return;
  const before = prompt.value.replace(/[\s,，]+$/, "");
  prompt.value = before ? `${before}, ${word}` : word;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
});
