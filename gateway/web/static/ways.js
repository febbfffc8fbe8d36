// Shows the invoice with the ways to pay it, and says what is known after the wallet's link was followed.
const $ = (id) => document.getElementById(id);
const sale = $("sale"), line = $("status"), OPENS_MILLISECONDS = 3_000;
let pressed, timer;

const say = (id) => { if (/waiting|embedded/.test(sale.dataset.state)) line.textContent = line.dataset[id]; };
const stop = () => { clearTimeout(timer); timer = undefined; };
// No browser tells whether a link opened a wallet. A wallet that opens takes the focus from the page.
const leave = () => { if (timer) stop(), say("paying"); };

$("offer").addEventListener("submit", () => { pressed = true; });
sale.addEventListener("tuppence-invoice", ({ detail: { amount_msat, payment_hash, payment_request } }) => {
  stop();
  $("qr").src = sale.dataset.at + payment_hash + "/qr.svg";
  $("wallet").href = "lightning:" + payment_request;
  $("request").value = payment_request;
  $("amount").textContent = (amount_msat / 1000).toLocaleString(sale.dataset.lang);
  if (pressed) $(matchMedia("(pointer: coarse)").matches ? "wallet" : "copy").focus();
  pressed = false;
});
$("wallet").addEventListener("click", () => {
  stop();
  say("linked");
  timer = setTimeout(() => { stop(); say("waiting"); }, OPENS_MILLISECONDS);
});
addEventListener("blur", leave);
document.addEventListener("visibilitychange", leave);
