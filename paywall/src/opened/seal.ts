/** A text that stands sealed in the page: a compact JWE (`dir`, A256GCM), opened by the JWK that was paid for. */

const JWE = /^[\w-]+\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/;

/** Whether this page could open it, with the right key. */
export function isReadable(sealed: string): boolean {
  return JWE.test(sealed) && Boolean(crypto.subtle);
}

/** Throws what WebCrypto throws where the text and the key do not belong together, or one of them was changed. */
export async function unseal(sealed: string, jwk: string): Promise<string> {
  const [header = "", , nonce = "", body = "", tag = ""] = sealed.split(".");
  const key = await crypto.subtle.importKey("jwk", JSON.parse(jwk), "AES-GCM", false, ["decrypt"]);
  const whole = bytes(body, bytes(tag));
  const additionalData = new TextEncoder().encode(header);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(nonce), additionalData }, key, whole);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(plain);
}

/** What base64url says, and `then` behind it. A loop, for a text of some megabytes must not hold up the page. */
function bytes(base64url: string, then: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const letters = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  const all = new Uint8Array(letters.length + then.length);
  for (let at = 0; at < letters.length; at++) all[at] = letters.charCodeAt(at);
  all.set(then, letters.length);
  return all;
}
