// A wallet of the reader's own is connected on this origin alone, where only our scripts run. What connects it is loaded
// when it is asked for.
const $ = (id) => document.getElementById(id);
const sale = $("sale"), fold = $("connect"), shelf = "tuppence:connection";
let invoice, pressed, loaded;

const place = { fold, shelf, shown: () => invoice, show: (given) => tell((invoice = given)) };
const load = () => (loaded ??= import(fold.dataset.script).then(({ connectOn }) => connectOn(place)).catch(lost));
const lost = (error) => { loaded = undefined; $("status").textContent = $("status").dataset.offline; throw error; };
const tell = (detail) => sale.dispatchEvent(new CustomEvent("tuppence-invoice", { bubbles: true, detail }));
const isKept = () => { try { return Boolean(localStorage[shelf]); } catch { return false; } };

// A page that embeds us leads here with the invoice that it waits for.
async function handed() {
  const [, hash] = /^#invoice=([0-9a-f]{64})$/.exec(location.hash) ?? [];
  if (!hash) return;
  sale.dataset.state = "handed";
  (await load()).follow(hash);
}

fold.hidden = false;
fold.addEventListener("toggle", load);
$("offer").addEventListener("submit", () => { pressed = true; });
sale.addEventListener("tuppence-invoice", async ({ detail }) => {
  invoice = detail;
  // One press pays one invoice: the one that renews it is not handed to the wallet.
  const asks = pressed && isKept();
  pressed = false;
  if (asks) (await load()).pay();
});
addEventListener("hashchange", () => { if (location.hash.startsWith("#invoice=")) location.reload(); });
handed();
