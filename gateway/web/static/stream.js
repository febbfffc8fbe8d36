// Listens for the invoice that the page waits for. Over HTTP/1.1 a browser has six connections here for all of its tabs:
// of those that are seen one holds a stream, and the others ask.
const look = () => dispatchEvent(new Event("tuppence-look"));
const { at } = document.getElementById("sale").dataset, PAUSE = 5_000;
const asked = new Set();
let hash, heard, source, turn, free;

function listen() {
  if (document.hidden || !hash) return leave();
  if (!free) return queue();
  if (heard === hash && source?.readyState !== EventSource.CLOSED) return;
  source?.close();
  source = new EventSource(at + (heard = hash) + "/events");
  for (const type of ["settled", "canceled"]) source.addEventListener(type, end);
}

function queue() {
  if (turn) return;
  turn = new AbortController();
  const hold = () => new Promise((done) => { free = done; listen(); });
  // Without locks (plain http) only what is seen tells the tabs apart.
  if (navigator.locks) navigator.locks.request("tuppence:stream", { signal: turn.signal }, hold).catch(() => {});
  else hold();
}

function leave() {
  source?.close();
  turn?.abort();
  free?.();
  source = heard = turn = free = undefined;
}

function end() {
  hash = undefined;
  leave();
  look();
}

document.addEventListener("tuppence-invoice", ({ detail }) => { asked.add(hash = detail.payment_hash); listen(); });
document.addEventListener("tuppence-unlocked", () => { hash = undefined; leave(); });
document.addEventListener("visibilitychange", listen);
setInterval(() => {
  if (document.hidden || !hash) return;
  listen();
  // An older one still counts.
  if (source?.readyState !== EventSource.OPEN || asked.size > 1) look();
}, PAUSE);
