// Keeps the receipts of refunded payments, which pay.js forgets, and leads there: the newest first.
const MOST = 8, key = "tuppence-refunded:" + location.pathname;
const line = document.getElementById("refunded"), { receipt } = document.getElementById("sale").dataset;
let tokens = [];
try { tokens = JSON.parse(localStorage[key]).slice(-MOST); } catch {}

const show = (token) => {
  const first = line.querySelector("a"), link = line.hidden ? first : first.cloneNode(true);
  link.href = receipt + token;
  if (link !== first) first.before(link, " ");
  line.hidden = false;
};

tokens.forEach(show);
addEventListener("tuppence-payment_refunded", ({ detail: token }) => {
  if (tokens.includes(token)) return;
  show(token);
  tokens = [...tokens, token].slice(-MOST);
  try { localStorage[key] = JSON.stringify(tokens); } catch {}
});
