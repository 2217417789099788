/**
 * Hashes and ciphers that foreign formats use and ours do not, by Web Crypto, which every runtime has.
 *
 * @module
 */

/** Hashes by their names in Web Crypto. */
export type Hash = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

/** HMAC of a message. */
export async function webHmac(
  hash: Hash,
  key: Uint8Array,
  message: Uint8Array,
): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", copy(key), { name: "HMAC", hash }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, copy(message)));
}

/** SHA-512. */
export async function webSha512(message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", copy(message)));
}

/** PBKDF2 (RFC 8018). */
export async function webPbkdf2(
  hash: Hash,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", copy(password), "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash, salt: copy(salt), iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8));
}

/** AES-CBC with PKCS #7 padding. */
export async function encryptAesCbc(
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", copy(key), "AES-CBC", false, ["encrypt"]);
  const parameters = { name: "AES-CBC", iv: copy(iv) };
  return new Uint8Array(await crypto.subtle.encrypt(parameters, imported, copy(plaintext)));
}

/**
 * The plaintext, or `undefined` when the padding is wrong. Ask only after the MAC was right: alone, the
 * answer would tell an attacker about the padding.
 */
export async function decryptAesCbc(
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array | undefined> {
  const imported = await crypto.subtle.importKey("raw", copy(key), "AES-CBC", false, ["decrypt"]);
  const parameters = { name: "AES-CBC", iv: copy(iv) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, imported, copy(ciphertext)));
  } catch {
    return undefined;
  }
}

// Web Crypto's types want bytes that are not in shared memory.
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
