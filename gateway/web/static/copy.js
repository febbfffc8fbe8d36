// Copies what a button names: the value of a field, or the address of a link.
addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button || button.ariaDisabled) return;
  const source = document.getElementById(button.dataset.copy), words = button.textContent;
  try {
    await navigator.clipboard.writeText(source.value ?? source.href);
    button.ariaDisabled = true;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = words; button.ariaDisabled = null; }, 2000);
  } catch {
    source.hidden = false;
    source.select?.();
  }
});
