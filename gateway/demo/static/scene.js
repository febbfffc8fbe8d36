// Replaces the gateway's API and the wallet by fixed answers, so that the embed stays in one state.
const { scene, opens, sample, gateway } = document.querySelector("script[data-scene]").dataset;
const HASH = "5e".repeat(32);
const here = document.documentElement.lang;
const NAMES = { ko: ["이서연", "작은 동전이 멀리 간다"], ja: ["佐藤 美咲", "小さな硬貨は遠くへ行く"], zh: ["林若溪", "一枚小硬币能走很远"] };
const [name, title] = NAMES[here.slice(0, 2)] ?? ["Nora Lindqvist", "A little goes a long way"];
const expires = { short: 42, renewed: 600, stale: 0.4 }[scene] ?? 600;
let asked = 0;

// The scenes whose sealed text was paid for earlier.
const sealedScenes = new Set(["sealed", "broken"]);
const item = (id) => ({
  id, title: id === "essay" ? title : "A calendar for every year", kind: id === "essay" ? "text" : "file", creator: "nora",
  creator_title: name, accent: "#a4552b", price_msat: id === "essay" ? 100_000 : 250_000, preview_html: "",
  access_seconds: null, media_type: id === "essay" ? "text/html" : "application/pdf", byte_size: 6_153, word_count: 1300,
  for_sale: scene !== "ended", page_url: location.origin + "/demo/press", ...(sealedScenes.has(scene) && { kind: "sealed" }),
});
const invoice = (state = "open", seconds = expires) => ({
  payment_hash: HASH, payment_request: sample, amount_msat: 100_000, state, access_token: "AgEDbG5k",
  expires_at: new Date(Math.floor(Date.now() / 1000) * 1000 + seconds * 1000).toISOString(),
});
const json = (body, status = 200) => new Response(JSON.stringify(body), { status, headers: { Date: new Date().toUTCString() } });
const settled = scene === "paid" || scene === "open" || scene === "yours";

async function answer(path, method) {
  if (scene === "unreachable" || (scene === "offline" && /invoices\/./.test(path) && !/qr/.test(path))) throw new TypeError("offline");
  if (/items\/[^/]+\/content/.test(path)) return scene === "paid" ? new Promise(() => {}) : new Response(`<p>${document.querySelector("p").textContent}</p>`);
  if (/links/.test(path)) return json({ url: "#" });
  if (/receipt/.test(path)) return json({ payment_hash: HASH, state: "settled", recovery_code: "7KQ2-M4XD-9TRA" });
  if (/rate$/.test(path)) return json({ currency: "EUR", per_bitcoin: 90_000 });
  if (/wallets$/.test(path)) return real(path);
  if (/qr\.svg/.test(path)) return real("/demo/sample.svg");
  if (method === "POST") return mint();
  if (/invoices\//.test(path)) return json(invoice(settled ? "settled" : "open"));
  if (/creators\//.test(path)) return json({ name: "nora", title: name, accent: "#a4552b" });
  return json(item(path.split("/").pop()));
}

async function mint() {
  asked += 1;
  if (scene === "slow") return new Promise(() => {});
  if (scene === "elsewhere") return json({ code: "origin_not_allowed", detail: "" }, 403);
  if (scene === "away") return json({ code: "node_away", detail: "" }, 503);
  const old = scene === "renewed" && asked === 1;
  return json({ ...invoice("open", old ? 1.5 : expires), payment_hash: old ? "5d".repeat(32) : HASH, amount_msat: 100_000 });
}

const real = globalThis.fetch.bind(globalThis);
globalThis.fetch = (url, init = {}) => (String(url).includes("/v1/") ? answer(new URL(url).pathname, init.method) : real(url, init));
globalThis.EventSource = class extends EventTarget {
  static OPEN = 1;
  static CLOSED = 2;
  readyState = 1;
  constructor() {
    super();
    if (settled) setTimeout(() => this.dispatchEvent(new Event("settled")), 300);
    if (scene === "offline") this.readyState = 2;
  }
  close() {}
};
const wallets = {
  confirm: () => new Promise(() => {}),
  silent: () => new Promise(() => {}),
  stale: () => new Promise(() => {}),
  refused: () => Promise.reject(new Error("declined")),
};
if (wallets[scene]) globalThis.webln = { enable: async () => {}, sendPayment: wallets[scene] };
// Each scene has its own storage.
const stored = new Map();
Object.defineProperty(globalThis, "localStorage", { value: {
  getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value), removeItem: (key) => stored.delete(key),
} });
if (scene === "yours" || sealedScenes.has(scene)) {
  for (const id of ["essay", "calendar"]) {
    localStorage.setItem(`tuppence:${new URL(gateway).origin}:${id}`, JSON.stringify([{ key: "k", body: "{}", ends: 0, hash: HASH, token: "AgEDbG5k", paid: true }]));
  }
}
document.addEventListener("tuppence-ready", async ({ target }) => {
  if (!opens) return;
  await target.open();
  const sheet = target.shadowRoot.querySelector("dialog");
  if (scene === "silent") setTimeout(() => sheet.querySelector(".act").click(), 300);
  sheet.querySelector(`.fold[part="${scene}"]`)?.click();
});
await import(gateway + "/embed/v1.js");
