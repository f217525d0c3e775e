// Runs once for a place with questions. A key that is written on a button, such as "1", presses it while the focus is
// in the same tab and not in a field: elsewhere keys belong to the browser and to screen readers.
const area = element.closest(".e5-answers");
area?.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [role=combobox], [role=listbox]")) return;
  const key = event.key.toLowerCase();
  if (!/^[0-9a-z]$/.test(key)) return;
  const button = [...area.querySelectorAll(`.key-${key}`)].find((one) => one.checkVisibility() && !one.disabled);
  if (!button) return;
  event.preventDefault();
  button.click();
});
// The next question takes the focus, so that it is read out and the keys go on.
watch("value", () => {
  requestAnimationFrame(() => element.querySelector("[data-focus]")?.focus({ preventScroll: true }));
});
