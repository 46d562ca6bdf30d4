// Ctrl+Enter (or Command+Enter) generates, Esc stops, where these buttons are in sight. Nothing happens while an
// input method is composing.
document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  const press = (id) => { const button = document.getElementById(id); if (button && !button.disabled && button.offsetParent) { button.click(); return true; } };
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (press("ink-generate")) event.preventDefault();
  } else if (event.key === "Escape" && !document.fullscreenElement) {
    if (event.target?.getAttribute?.("aria-expanded") === "true") return;
    press("ink-stop");
  }
}, true);
