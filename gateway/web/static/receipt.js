// Shows the receipt of the token after the # of the address, and removes the token from the address bar at once.
const $ = (id) => document.getElementById(id);
const { lang } = document.documentElement;
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang.split("-")[0]) ?? lang;
const token = location.hash.slice(1);
const hide = () => history.replaceState(null, "", location.pathname + location.search);
hide();
// Reload if another receipt link is followed while this page is open.
addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });

const CLAIM_LOOK_MS = 3000;

// A receipt that is shown stays.
const say = (message) => {
  $("status").textContent = $("status").dataset[message];
  if ($("bill").dataset.state !== "shown") $("bill").dataset.state = "none";
};

if (token) {
  $("bill").dataset.state = "asking";
  await ask();
} else if ($("bill").dataset.state === "shown") show();
else say("none");

// The server renders the receipt. The token is sent in a header, so that it is in no URL and no log.
async function ask(url = location.href, form = {}) {
  try {
    const answer = await fetch(url, { ...form, headers: { Authorization: "Bearer " + token } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const bill = page.getElementById("bill");
    if (bill?.dataset.state === "shown") {
      $("bill").replaceWith(bill);
      save(bill.dataset);
      return show();
    }
    if (answer.status === 202) return say("open");
    if (answer.status === 404) return say("lost");
    say(answer.status < 500 ? "wrong" : "away");
  } catch {
    say("away");
  }
}

function show() {
  for (const time of document.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleString(locale, { dateStyle: "long", timeStyle: "short" });
  }
  $("print").onclick = () => print();
  $("send")?.addEventListener("click", send);
  // Here it leads to this page; it is shown if it cannot be copied.
  if ($("link")) $("link").hidden = true;
  $("claim")?.addEventListener("submit", claim);
  if ($("bill").dataset.refund === "claiming") setTimeout(look, CLAIM_LOOK_MS);
  verify($("preimage").textContent, $("hash").textContent);
}

// The share sheet where there is one, else the link to write a mail. Neither sends the token to a server.
async function send(event) {
  const { href, dataset } = event.currentTarget;
  if (!navigator.share) return asked();
  event.preventDefault();
  try {
    await navigator.share({ title: dataset.subject, text: dataset.text, url: $("link").href });
  } catch (error) {
    if (error.name === "AbortError") return;
    asked();
    location.href = href;
  }
}

const asked = () => { $("sent").textContent = $("sent").dataset.asked; };

// The form claims by cookie; a receipt that was opened by its link claims with the link's token.
async function claim(event) {
  if (!token) return;
  event.preventDefault();
  const form = event.target, button = form.querySelector("button");
  button.disabled = true;
  await ask(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  button.disabled = false;
  ($("claim-refusal") ? $("destination") : $("refund")).focus();
}

async function look() {
  if (!token) return location.reload();
  await ask();
  if ($("status").textContent) setTimeout(look, CLAIM_LOOK_MS);
}

// Check the proof of payment in the browser: the SHA-256 of the preimage is the payment hash.
async function verify(preimage, hash) {
  if (preimage.length !== 64 || !globalThis.crypto?.subtle) return;
  const bytes = Uint8Array.from(preimage.match(/../g), (pair) => parseInt(pair, 16));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { proved, unproved } = $("proof").dataset;
  $("proof").dataset.result = hex === hash ? "proved" : "unproved";
  $("proof").textContent = hex === hash ? proved : unproved;
}

// Store the token for the item's page, which then shows the item at once.
function save({ item, hash }) {
  if (!item) return;
  try {
    const storageKey = "tuppence:" + location.origin + ":" + item;
    const attempts = JSON.parse(localStorage[storageKey] ?? "[]").filter((attempt) => attempt.hash !== hash);
    localStorage[storageKey] = JSON.stringify([{ key: hash, body: "{}", ends: 0, hash, token, paid: true }, ...attempts]);
  } catch {}
}
