/**
 * Compact JWEs with a shared key: `dir` with A256CBC-HS512 or A256GCM, as Auth.js and Better Auth make
 * them. Of all that JOSE allows nothing else is read.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7516 JWE
 * @see https://www.rfc-editor.org/rfc/rfc7518#section-5 the two algorithms
 * @module
 */

import { aesGcm } from "../../lib/aes-gcm.ts";
import { decodeBase64url, encodeBase64url } from "../../lib/base64url.ts";
import { equalBytes, utf8, utf8Text } from "../../lib/bytes.ts";
import { randomBytes } from "../../lib/random.ts";
import { sha256 } from "../../lib/sha256.ts";
import { decryptAesCbc, encryptAesCbc, webHmac, webSha512 } from "../../lib/web-crypto.ts";
import type { Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import type { JsonObject, Parsed } from "./json.ts";
import { MAX_COOKIE_CHARACTERS, readJsonObject, writeJson } from "./json.ts";
import { refuse } from "./refuse.ts";

/** How the content is encrypted. */
export type JweEncryption = "A256CBC-HS512" | "A256GCM";

/** A key with its name. */
export interface JweKey {
  /** 64 bytes for A256CBC-HS512, 32 for A256GCM. */
  readonly bytes: Uint8Array;
  /** The thumbprint (RFC 7638), where the library writes one. */
  readonly kid: string | undefined;
}

/** Claims, and whether they are of this time. */
export interface JweClaims {
  readonly claims: JsonObject;
  /** Which of the keys it was: 0 is the one that writes. */
  readonly keyIndex: number;
}

/** Seconds that clocks may differ, as the libraries have it. */
const TOLERANCE = 15;
/** Seconds by which a token may be of the future. */
const FUTURE = 300;

/** Bytes of a key. */
export const JWE_KEY_BYTES: Readonly<Record<JweEncryption, number>> = {
  "A256CBC-HS512": 64,
  A256GCM: 32,
};

/** A JWE of some claims. @throws {ValueError} for what JSON lacks. */
export async function makeJwe(
  claims: Readonly<JsonObject>,
  enc: JweEncryption,
  key: JweKey,
): Promise<string> {
  const { kid } = key;
  const header = JSON.stringify({ alg: "dir", enc, ...(kid === undefined ? {} : { kid }) });
  const visible = encodeBase64url(utf8(header));
  const iv = randomBytes(IV_BYTES[enc]);
  const plaintext = utf8(writeJson(claims));
  const data = utf8(visible);
  const { ciphertext, tag } =
    enc === "A256GCM"
      ? await encryptGcm(key.bytes, iv, data, plaintext)
      : await encryptCbc(key.bytes, iv, data, plaintext);
  return [visible, "", ...[iv, ciphertext, tag].map(encodeBase64url)].join(".");
}

/**
 * The claims of a JWE that is of this time: `exp` and `nbf` with 15 seconds of tolerance.
 *
 * @param keysFor - the keys for an encryption, none where the library does not use it.
 */
export async function openJwe(
  token: string,
  keysFor: (enc: JweEncryption) => Promise<readonly JweKey[]>,
  now: number,
): Promise<JweClaims | Refused> {
  if (token.length > MAX_COOKIE_CHARACTERS) return refuse("too-large", "the token is too long");
  const parts = takenApart(token);
  if (isRefused(parts)) return parts;
  const { enc, kid } = parts;
  const keys = await keysFor(enc);
  if (keys.length === 0) return refuse("unsupported", "the token is encrypted in another way");
  for (const [keyIndex, key] of keys.entries()) {
    if (kid !== undefined && key.kid !== undefined && key.kid !== kid) continue;
    const plaintext =
      enc === "A256GCM" ? await decryptGcm(parts, key.bytes) : await decryptCbc(parts, key.bytes);
    if (plaintext === undefined) continue;
    const text = utf8Text(plaintext);
    if (text === undefined) return refuse("malformed", "the token holds no text");
    const parsed = readJsonObject(text);
    if (isRefused(parsed)) return parsed;
    return timeProblem(parsed, now) ?? { claims: parsed.object, keyIndex };
  }
  return refuse("forged", "the token was made with none of the keys");
}

/** The thumbprint of a shared key (RFC 7638), by which `kid` names it. */
export async function thumbprint(key: Uint8Array, hash: "SHA-256" | "SHA-512"): Promise<string> {
  const text = utf8(`{"k":"${encodeBase64url(key)}","kty":"oct"}`);
  return encodeBase64url(hash === "SHA-256" ? sha256(text) : await webSha512(text));
}

interface Parts {
  readonly enc: JweEncryption;
  readonly kid: string | undefined;
  readonly data: Uint8Array;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

function takenApart(token: string): Parts | Refused {
  const [header = "", encryptedKey, ...rest] = token.split(".", 6);
  const [iv, ciphertext, tag] = rest.map(decodeBase64url);
  if (rest.length !== 3 || encryptedKey !== "" || !iv || !ciphertext || !tag) {
    return refuse("malformed", "the cookie is no JWE with a shared key");
  }
  const bytes = decodeBase64url(header);
  const text = bytes && utf8Text(bytes);
  const parsed = text === undefined ? undefined : readJsonObject(text, MAX_HEADER);
  if (parsed === undefined || isRefused(parsed)) {
    return refuse("malformed", "the token's header is not JSON");
  }
  const { alg, enc, kid, ...others } = parsed.object;
  // `zip`, `crit` and whatever else would change what the token means.
  if (alg !== "dir" || !isEncryption(enc) || Object.keys(others).some((key) => key !== "typ")) {
    return refuse("unsupported", "the token is encrypted in another way");
  }
  if (kid !== undefined && typeof kid !== "string") {
    return refuse("malformed", "the token's key has no name");
  }
  if (iv.length !== IV_BYTES[enc] || tag.length !== TAG_BYTES[enc]) {
    return refuse("malformed", "parts of the token are too short or too long");
  }
  return { enc, kid, data: utf8(header), iv, ciphertext, tag };
}

function timeProblem({ object }: Parsed, now: number): Refused | undefined {
  const { exp, nbf, iat } = object;
  for (const time of [exp, nbf, iat]) {
    if (time !== undefined && !Number.isFinite(time)) {
      return refuse("malformed", "a time of the token is no number");
    }
  }
  const seconds = now / 1000;
  if (exp !== undefined && (exp as number) <= seconds - TOLERANCE) {
    return refuse("expired", "the token's time is over");
  }
  const isEarly = nbf !== undefined && (nbf as number) > seconds + TOLERANCE;
  if (isEarly || (iat !== undefined && (iat as number) > seconds + FUTURE)) {
    return refuse("future", "the token is of a later time");
  }
  return undefined;
}

async function encryptGcm(
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
  plaintext: Uint8Array,
) {
  const gcm = aesGcm();
  return await gcm.encrypt(await gcm.key(key), iv, data, plaintext);
}

async function decryptGcm(
  { iv, data, ciphertext, tag }: Parts,
  key: Uint8Array,
): Promise<Uint8Array | undefined> {
  const gcm = aesGcm();
  return await gcm.decrypt(await gcm.key(key), iv, data, { ciphertext, tag });
}

async function encryptCbc(
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
  plaintext: Uint8Array,
) {
  const ciphertext = await encryptAesCbc(key.subarray(32), iv, plaintext);
  return { ciphertext, tag: await cbcTag(key, data, iv, ciphertext) };
}

async function decryptCbc(
  { iv, data, ciphertext, tag }: Parts,
  key: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (!equalBytes(tag, await cbcTag(key, data, iv, ciphertext))) return undefined;
  return await decryptAesCbc(key.subarray(32), iv, ciphertext);
}

/** The first half of HMAC-SHA-512 over data, vector, ciphertext and the data's length in bits. */
async function cbcTag(
  key: Uint8Array,
  data: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array> {
  const message = new Uint8Array(data.length + iv.length + ciphertext.length + 8);
  message.set(data);
  message.set(iv, data.length);
  message.set(ciphertext, data.length + iv.length);
  new DataView(message.buffer).setBigUint64(message.length - 8, BigInt(data.length * 8));
  return (await webHmac("SHA-512", key.subarray(0, 32), message)).subarray(0, 32);
}

function isEncryption(enc: unknown): enc is JweEncryption {
  return enc === "A256CBC-HS512" || enc === "A256GCM";
}

const IV_BYTES: Readonly<Record<JweEncryption, number>> = { "A256CBC-HS512": 16, A256GCM: 12 };
const TAG_BYTES: Readonly<Record<JweEncryption, number>> = { "A256CBC-HS512": 32, A256GCM: 16 };
const MAX_HEADER = 1024;
