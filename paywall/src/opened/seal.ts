/** A text that stands sealed in the page: a compact JWE (`dir`, A256GCM), opened by the JWK that was paid for. */

/** Throws what WebCrypto throws where the text and the key do not belong together, or one of them was changed. */
export async function unseal(sealed: string, jwk: string): Promise<string> {
  const [header = "", , nonce = "", body = "", tag = ""] = sealed.split(".");
  const key = await crypto.subtle.importKey("jwk", JSON.parse(jwk), "AES-GCM", false, ["decrypt"]);
  const whole = Uint8Array.from([...bytes(body), ...bytes(tag)]);
  const additionalData = new TextEncoder().encode(header);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(nonce), additionalData }, key, whole);
  return new TextDecoder().decode(plain);
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
