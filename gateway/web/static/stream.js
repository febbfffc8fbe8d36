// Follows the state of the shown invoice. Over HTTP/1.1 a browser opens at most six connections to a host, shared by all tabs,
// so one visible tab has an event stream and the others poll.
const check = () => dispatchEvent(new Event("tuppence-look"));
const { at } = document.getElementById("sale").dataset, POLL_MILLISECONDS = 5_000;
const asked = new Set();
let hash, streamedHash, source, lockRequest, releaseLock;

function openStream() {
  if (document.hidden || !hash) return closeStream();
  if (!releaseLock) return waitForLock();
  if (streamedHash === hash && source?.readyState !== EventSource.CLOSED) return;
  source?.close();
  source = new EventSource(at + (streamedHash = hash) + "/events");
  for (const type of ["settled", "canceled"]) source.addEventListener(type, end);
}

function waitForLock() {
  if (lockRequest) return;
  lockRequest = new AbortController();
  const hold = () => new Promise((done) => { releaseLock = done; openStream(); });
  // The Web Locks API is missing over plain HTTP; then every visible tab opens a stream.
  if (navigator.locks) navigator.locks.request("tuppence:stream", { signal: lockRequest.signal }, hold).catch(() => {});
  else hold();
}

function closeStream() {
  source?.close();
  lockRequest?.abort();
  releaseLock?.();
  source = streamedHash = lockRequest = releaseLock = undefined;
}

function end() {
  hash = undefined;
  closeStream();
  check();
}

document.addEventListener("tuppence-invoice", ({ detail }) => { asked.add(hash = detail.payment_hash); openStream(); });
document.addEventListener("tuppence-unlocked", () => { hash = undefined; closeStream(); });
document.addEventListener("visibilitychange", openStream);
setInterval(() => {
  if (document.hidden || !hash) return;
  openStream();
  // The stream follows the newest invoice only; a payment of an older one still counts.
  if (source?.readyState !== EventSource.OPEN || asked.size > 1) check();
}, POLL_MILLISECONDS);
