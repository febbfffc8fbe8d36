// Reloads all states with the chosen theme and language.
const form = document.querySelector("form");
form.addEventListener("input", () => {
  const query = new URLSearchParams(new FormData(form));
  for (const frame of document.querySelectorAll("iframe")) frame.src = frame.src.split("?")[0] + "?" + query;
});
