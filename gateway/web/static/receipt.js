// Shows the receipt that the address carries after its #, and takes it out of the address bar at once.
const $ = (id) => document.getElementById(id);
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname + location.search);

const say = (words) => { $("status").textContent = $("status").dataset[words]; };
const { lang } = document.documentElement;
const sat = (msat) => (msat / 1000).toLocaleString(lang, { maximumFractionDigits: 3 });

if (token) show();
else if ($("bill").dataset.state !== "shown") say("none");

async function show() {
  $("bill").dataset.state = "asking";
  try {
    const answer = await fetch("/v1/receipt", { headers: { Authorization: "Bearer " + token } });
    if (!answer.ok) return say(answer.status < 500 ? "wrong" : "away");
    const receipt = await answer.json();
    if (receipt.state !== "settled") return say("open");
    fill(receipt);
    prove(receipt);
    keep(receipt);
  } catch {
    say("away");
  }
}

function fill(receipt) {
  $("title").textContent = receipt.tip_to ? $("title").dataset.tip.replace("{creator}", receipt.title) : receipt.title;
  $("amount").textContent = sat(receipt.paid_msat);
  $("settled").dateTime = receipt.settled_at;
  $("settled").textContent = new Date(receipt.settled_at).toLocaleString(lang, { dateStyle: "long", timeStyle: "short" });
  $("hash").textContent = receipt.payment_hash;
  $("item").hidden = !receipt.item_id;
  $("item").href = "/i/" + receipt.item_id + location.search;
  $("shares").replaceChildren(...receipt.shares.map(row));
  $("bill").dataset.state = "shown";
}

function row(share) {
  const line = document.createElement("div"), name = document.createElement("dt"), amount = document.createElement("dd");
  name.textContent = share.title;
  amount.textContent = sat(share.amount_msat) + " sat";
  line.append(name, amount);
  return line;
}

// The proof is the payer's own: SHA-256 of the preimage is the payment hash, and only a paid node gives it away.
async function prove({ preimage, payment_hash }) {
  const { proved, unproved, later } = $("proof").dataset;
  $("preimage").textContent = preimage ?? "";
  if (!preimage) $("proof").textContent = later;
  else if (globalThis.crypto?.subtle) {
    const bytes = Uint8Array.from(preimage.match(/../g), (pair) => parseInt(pair, 16));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    $("proof").textContent = hex === payment_hash ? proved : unproved;
  }
}

// The page of the item finds the token here, and opens at once.
function keep({ item_id, payment_hash }) {
  if (!item_id) return;
  try {
    const shelf = "tuppence:/i/" + item_id;
    const attempts = JSON.parse(localStorage[shelf] ?? "[]").filter((attempt) => attempt.hash !== payment_hash);
    localStorage[shelf] = JSON.stringify([{ hash: payment_hash, token, ends: 0, paid: 1 }, ...attempts]);
  } catch {}
}
