// Copies the value of a field or the address of a link, which a button names in data-copy.
addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button || button.ariaDisabled) return;
  const source = document.getElementById(button.dataset.copy), label = button.textContent;
  try {
    await navigator.clipboard.writeText(source.value ?? source.href);
    button.ariaDisabled = true;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; button.ariaDisabled = null; }, 2000);
  } catch {
    // Without HTTPS a page has no clipboard.
    if (source.href) prompt("", source.href);
    source.hidden = false;
    source.select?.();
  }
});
