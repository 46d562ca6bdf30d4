// A click on a column of samples, or on a cell of the grid, picks that checkpoint.
document.addEventListener("click", (event) => {
  const cell = event.target?.closest?.(".ink-strip [data-pick]");
  if (!cell) return;
  const choices = [...document.querySelectorAll("#ink-checkpoint input")];
  choices.find((choice) => choice.value === cell.dataset.pick)?.click();
});
