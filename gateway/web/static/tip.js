// Refuses what is no amount of whole sats: in the page's words, at its field, with what was typed in it.
const $ = (id) => document.getElementById(id);
const form = $("offer"), own = $("own");

form.addEventListener("submit", (event) => {
  const typed = new FormData(form).get("amount") || own.value.trim();
  const isAmount = /^\d+$/.test(typed) && Number(typed) >= 1 && Number(typed) <= Number(own.dataset.most);
  own.ariaInvalid = String(!isAmount);
  $("own-mistake").textContent = isAmount ? "" : $("status").dataset.tip_invalid;
  if (isAmount) return;
  event.preventDefault();
  // The script that pays comes after this one.
  event.stopImmediatePropagation();
  own.focus();
});
