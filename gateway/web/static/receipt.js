// Shows the receipt that the address carries after its #, and takes it out of the address bar at once.
const $ = (id) => document.getElementById(id);
const { lang } = document.documentElement;
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang.split("-")[0]) ?? lang;
const token = location.hash.slice(1);
const hide = () => history.replaceState(null, "", location.pathname + location.search);
hide();
// Another link, followed where a receipt is open.
addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });

const say = (words) => {
  $("status").textContent = $("status").dataset[words];
  $("bill").dataset.state = "none";
};

if (token) await ask();
else if ($("bill").dataset.state !== "shown") say("none");
if ($("bill").dataset.state === "shown") show();

// The server writes the receipt; the token goes there in a header, and never in an address.
async function ask() {
  $("bill").dataset.state = "asking";
  try {
    const answer = await fetch(location.href, { headers: { Authorization: "Bearer " + token } });
    if (answer.status === 202) return say("open");
    if (answer.status === 404) return say("lost");
    if (!answer.ok) return say(answer.status < 500 ? "wrong" : "away");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    $("bill").replaceWith(page.getElementById("bill"));
    keep($("bill").dataset);
  } catch {
    say("away");
  }
}

function show() {
  for (const time of document.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleString(locale, { dateStyle: "long", timeStyle: "short" });
  }
  $("print").onclick = () => print();
  prove($("preimage").textContent, $("hash").textContent);
}

// The proof is the payer's own: SHA-256 of the preimage is the payment hash, and only a paid node gives it away.
async function prove(preimage, hash) {
  if (preimage.length !== 64 || !globalThis.crypto?.subtle) return;
  const bytes = Uint8Array.from(preimage.match(/../g), (pair) => parseInt(pair, 16));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { proved, unproved } = $("proof").dataset;
  $("proof").dataset.verdict = hex === hash ? "proved" : "unproved";
  $("proof").textContent = hex === hash ? proved : unproved;
}

// The page of the item finds the token here, and opens at once.
function keep({ item, hash }) {
  if (!item) return;
  try {
    const shelf = "tuppence:" + location.pathname.replace(/r$/, "i/") + item;
    const attempts = JSON.parse(localStorage[shelf] ?? "[]").filter((attempt) => attempt.hash !== hash);
    localStorage[shelf] = JSON.stringify([{ hash, token, ends: 0, paid: 1 }, ...attempts]);
  } catch {}
}
