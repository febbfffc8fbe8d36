// The demo's wallet: it receives the page's invoice by an event, pays it, shows who got which share, and pays one out.
const $ = (id) => document.getElementById("demo-" + id);
const panel = document.getElementById("demo"), page = panel.closest("tuppence-page");
const sat = (msat) => (msat / 1000).toLocaleString(panel.dataset.lang, { maximumFractionDigits: 3 });
const step = (name) => { panel.dataset.step = name; $("pay").disabled = name !== "asked"; };
const LOOK_MILLISECONDS = 500;
let invoice, paidHere;

document.addEventListener("tuppence-invoice", ({ detail }) => ask(detail.payment_request));
document.addEventListener("tuppence-paid", () => sent());
document.addEventListener("tuppence-unlocked", ({ detail }) => account(detail.payment_hash, Date.now()));
$("pay").addEventListener("click", pay);
$("payout-button").addEventListener("click", payOut);
$("done").addEventListener("click", () => panel.remove());
customElements.whenDefined("tuppence-page").then(() => {
  new MutationObserver(stand).observe(page.shadowRoot, { attributeFilter: ["open"], childList: true, subtree: true });
});
balance();

// The open sheet makes all else inert, so the wallet stands in it meanwhile, at the same place.
function stand() {
  const place = page.shadowRoot.querySelector("dialog[open]") ? "sheet" : "";
  if (panel.slot === place) return;
  panel.style.setProperty("--top", panel.getBoundingClientRect().top + "px");
  panel.slot = place;
}

async function post(path, asked = { invoice }) {
  return bodyOf(await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked),
  }));
}

async function bodyOf(answer) {
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

async function balance() {
  try {
    const { balance_msat } = await (await fetch("/demo/balance")).json();
    // The line is replaced as a whole, so that none of its parts counts as a layout shift.
    $("funds").innerHTML = `<strong id="demo-balance">${sat(balance_msat)}</strong> sat`;
  } catch {}
}

async function ask(payment_request) {
  invoice = payment_request;
  try {
    const decoded = await post("/demo/decode");
    $("amount").textContent = sat(decoded.amount_msat);
    $("memo").textContent = decoded.description;
    $("payee").textContent = decoded.payee.slice(0, 8) + "…" + decoded.payee.slice(-6);
    $("refusal").textContent = "";
    step("asked");
  } catch (error) {
    refuse(error);
  }
}

async function pay() {
  step("paying");
  $("refusal").textContent = "";
  try {
    await post("/demo/pay");
    sent();
  } catch (error) {
    refuse(error);
  }
}

function refuse(error) {
  if (panel.dataset.step === "sent") return;
  step("asked");
  $("refusal").textContent = error.message;
}

function sent() {
  paidHere = true;
  step("sent");
  balance();
}

async function account(payment_hash, openedAt) {
  if (!paidHere) step("owned");
  const answer = await fetch("/demo/payments/" + payment_hash);
  if (!answer.ok) return;
  const { shares, seen_at, payable } = await answer.json();
  $("shares").replaceChildren(...shares.map(line));
  $("bar").replaceChildren(...shares.map(segment));
  $("swift").hidden = !(paidHere && seen_at);
  $("opened").textContent = Math.max(1, Math.round(openedAt - seen_at * 1000)) + " ms";
  $("payout").hidden = !payable?.amount_msat;
  if (payable) showPayout("payable", payable);
  $("went").hidden = false;
}

async function payOut() {
  $("payout-button").disabled = true;
  try {
    let payout = await post("/demo/payouts", { creator: "tomas" });
    showPayout(payout.state, payout);
    while (payout.state === "trying") {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
      payout = await bodyOf(await fetch("/demo/payouts/" + payout.payout_id));
      showPayout(payout.state, payout);
    }
  } catch (error) {
    $("payout-state").textContent = error.message;
    $("payout-button").disabled = false;
  }
}

function showPayout(state, { amount_msat, fee_limit_msat, fee_msat, reason }) {
  const values = { amount: sat(amount_msat), fee: sat(fee_msat ?? fee_limit_msat), reason };
  // The same text is not set again, so that it is read out once.
  const text = ($("payout").dataset[state] ?? $("payout").dataset.unpaid).replace(/{(\w+)}/g, (_, name) => values[name]);
  if ($("payout-state").textContent !== text) $("payout-state").textContent = text;
  $("payout-button").hidden = state === "succeeded";
}

function line(share) {
  const row = document.createElement("div"), name = document.createElement("dt"), amount = document.createElement("dd");
  name.textContent = share.title;
  amount.textContent = sat(share.amount_msat) + " sat";
  row.append(name, amount);
  return row;
}

function segment(share) {
  const part = document.createElement("span");
  part.style.flexGrow = share.amount_msat;
  return part;
}
