/** Decrypts a sealed text: a compact JWE (`dir`, A256GCM) in the page, with the JWK that the payment unlocks. */

const JWE = /^[\w-]+\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/;

/** Whether a page has WebCrypto, which exists only in secure contexts: HTTPS and the local machine. */
export function isSecure(url: string): boolean {
  return /^https\b|^http\W+(localhost|127\.)/.test(url);
}

/** Whether this page could decrypt it, given the right key. */
export function isDecryptable(sealed: string): boolean {
  return JWE.test(sealed) && Boolean(crypto.subtle);
}

/** Throws WebCrypto's error if text and key do not match or one of them was altered. */
export async function unseal(sealed: string, jwk: string): Promise<string> {
  const [header = "", , nonce = "", body = "", tag = ""] = sealed.split(".");
  const key = await crypto.subtle.importKey("jwk", JSON.parse(jwk), "AES-GCM", false, ["decrypt"]);
  const whole = bytes(body, bytes(tag));
  const additionalData = new TextEncoder().encode(header);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(nonce), additionalData }, key, whole);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(plain);
}

/** Decode base64url and append `then`. A plain loop, because texts of several megabytes must not block the page. */
function bytes(base64url: string, then: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const letters = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  const all = new Uint8Array(letters.length + then.length);
  for (let at = 0; at < letters.length; at++) all[at] = letters.charCodeAt(at);
  all.set(then, letters.length);
  return all;
}
