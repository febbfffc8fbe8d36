// Shows in the reader's currency what an invoice asks for, and a tip while its amount is typed.
const $ = (id) => document.getElementById(id);
const sale = $("sale"), { lang, rate, currency, display } = sale.dataset;
const own = document.querySelector("[name=own]");

function fiat(msat) {
  const value = (msat / 1e11) * rate;
  if (!(value > 0)) return "";
  const digits = value < 0.01 ? { maximumSignificantDigits: 1 } : {};
  return "≈ " + value.toLocaleString(lang, { style: "currency", currency, currencyDisplay: display, ...digits });
}

const showOwn = () => { $("own-fiat").textContent = fiat(1000 * own.value); };
own?.addEventListener("input", showOwn);
if (own) showOwn();
sale.addEventListener("tuppence-invoice", ({ detail }) => { $("fiat").textContent = fiat(detail.amount_msat); });
