// Connects the reader's wallet. This is done only on the gateway's origin, where no foreign script runs. The connecting code is
// loaded when the reader opens its section.
const $ = (id) => document.getElementById(id);
const sale = $("sale"), details = $("connect"), storageKey = "tuppence:connection";
let invoice, pressed, loaded;

const page = { details, storageKey, shown: () => invoice, show: (given) => emit((invoice = given)) };
const load = () => (loaded ??= import(details.dataset.script).then(({ connectOn }) => connectOn(page)).catch(lost));
const lost = (error) => { loaded = undefined; $("status").textContent = $("status").dataset.offline; throw error; };
const emit = (detail) => sale.dispatchEvent(new CustomEvent("tuppence-invoice", { bubbles: true, detail }));
const isStored = () => { try { return Boolean(localStorage[storageKey]); } catch { return false; } };

// An embedding page links here with the invoice that it has created.
async function followEmbedded() {
  const [, hash] = /^#invoice=([0-9a-f]{64})$/.exec(location.hash) ?? [];
  if (!hash) return;
  sale.dataset.state = "embedded";
  (await load()).follow(hash);
}

details.hidden = false;
details.addEventListener("toggle", load);
$("offer").addEventListener("submit", () => { pressed = true; });
sale.addEventListener("tuppence-invoice", async ({ detail }) => {
  invoice = detail;
  // One click pays one invoice: a renewed invoice is not passed to the wallet.
  const asks = pressed && isStored();
  pressed = false;
  if (asks) (await load()).pay();
});
addEventListener("hashchange", () => { if (location.hash.startsWith("#invoice=")) location.reload(); });
followEmbedded();
