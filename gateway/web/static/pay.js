// Requests the invoice, which `ways.js` shows, and shows the paid content in place.
const $ = (id) => document.getElementById(id);
const sale = $("sale"), line = $("status"), data = sale.dataset, { kind, invoices, opens, method, receipt } = data;
const key = "tuppence:" + location.pathname;
const SEEN_MILLISECONDS = 450;
let attempts = [], shown, opened, seen;
try { attempts = JSON.parse(localStorage[key]).filter((a) => a.key || a.hash); } catch {}

const save = (list = attempts) => {
  attempts = list;
  try { localStorage[key] = JSON.stringify(list); } catch { $("forgets").hidden = kind === "tip"; }
};
const drop = (a) => save(attempts.filter((b) => b !== a));
const url = (a) => data.at + a.hash;
const say = (id) => { line.textContent = line.dataset[id] ?? line.dataset.refused; };
const show = (state, id = state) => { data.state = state; say(id); };
const emit = (name, detail) => sale.dispatchEvent(new CustomEvent("tuppence-" + name, { bubbles: true, detail }));

async function ask(id) {
  if (data.state === "asking") return;
  show("asking");
  const { amount, own, ...note } = Object.fromEntries(new FormData($("offer")));
  const body = JSON.stringify(kind === "tip" ? { amount_msat: 1000 * (amount || own), ...note } : {});
  let a = attempts.at(-1);
  if (id || a?.body !== body || a.ends < Date.now()) {
    a = { body, key: crypto.getRandomValues(new Uint32Array(5)).join("-") };
    save([...attempts, a]);
  }
  try {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": a.key };
    const r = await fetch(invoices, { method: "POST", body, headers }), got = await r.json();
    if (r.ok) offer(a, got, Date.parse(r.headers.get("Date")), id);
    else show("offered", r.status === 503 ? "away" : got.code);
  } catch { show("offered", "lost"); }
}

function offer(a, got, now, id) {
  a.hash = got.payment_hash;
  a.token = got.access_token;
  a.ends = Date.now() + Date.parse(got.expires_at) - now;
  shown = a;
  save();
  show("waiting", id);
  emit("invoice", got);
}

async function check(a, state) {
  if (!a.hash || opened) return;
  try {
    state ??= a.paid ? "settled" : (await (await fetch(url(a))).json()).state;
    if (state === "canceled") drop(a);
    if (state === "settled") await open(a);
    else if (a === shown) say("waiting");
  } catch { say("offline"); if (state) setTimeout(check, 2000, a, state); }
}

async function open(a) {
  if (!opened && shown && data.state !== "settled") {
    emit("paid", a.hash, show("settled"));
    seen = new Promise((done) => setTimeout(done, SEEN_MILLISECONDS));
  }
  const r = await fetch(opens, { method, headers: { Authorization: "Bearer " + a.token } });
  const got = await (r.ok && kind === "text" ? r.text() : r.json());
  // Meanwhile the reader sees the tick.
  await seen;
  if (opened) return;
  // A proxy's response ends no access.
  if (/^(access|token|payment)/.test(got.code)) return emit(got.code, a.token), /_un|req/.test(got.code) || drop(a), show("offered", "asking");
  if (!r.ok) throw r;
  opened = true;
  const render = () => {
    if (kind === "text") $("text").innerHTML = got;
    if (got.url) $("file").href = got.url;
    $("receipt").href = receipt + a.token;
    show(a.paid ? "yours" : "open");
    if (shown) $("text").focus({ preventScroll: true });
    emit("unlocked", a.hash);
    a.paid = 1;
    kind === "tip" ? drop(a) : save();
  };
  document.startViewTransition?.(render) ?? render();
}

// No purchase replaces the invoice of an embedding page.
const recheck = () => data.state === "embedded" || attempts.forEach((a) => check(a));
for (const e of ["pageshow", "online", "visibilitychange", "tuppence-look"]) addEventListener(e, recheck);
$("offer").onsubmit = (e) => ask(e.preventDefault());
setInterval(() => {
  const left = Math.ceil((shown?.ends - Date.now()) / 1000);
  $("left").textContent = left > 0 && left <= 60 ? line.dataset.seconds.replace("{seconds}", left) : "";
  if (document.hidden || data.state !== "waiting") return;
  if (left < 1) ask("renewed");
}, 1000);
