// Keeps the receipt of a refunded payment, which pay.js forgets, and leads there.
const key = "tuppence-refunded:" + location.pathname;

const show = (token) => {
  const line = document.getElementById("refunded");
  line.querySelector("a").href = document.getElementById("sale").dataset.receipt + token;
  line.hidden = false;
};

try {
  if (localStorage[key]) show(localStorage[key]);
} catch {}

addEventListener("tuppence-payment_refunded", ({ detail: token }) => {
  show(token);
  try { localStorage[key] = token; } catch {}
});
