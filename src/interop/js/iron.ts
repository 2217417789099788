/**
 * Seals of the iron kind, which iron-session and h3 put their sessions in.
 *
 * `Fe26.2*<password id>*<salt>*<iv>*<ciphertext>*<expiry in ms>*<mac salt>*<mac>`: AES-256-CBC, then
 * HMAC-SHA-256 over all that is before the mac salt. Both keys are PBKDF2-HMAC-SHA-1 of the password,
 * with the salt's 64 hexadecimal digits as they stand. Salts apart, binary parts are base64url.
 *
 * @see https://github.com/brc-dd/iron-webcrypto
 * @module
 */

import { decodeBase64url, encodeBase64url } from "../../lib/base64url.ts";
import { equalText, utf8, utf8Text } from "../../lib/bytes.ts";
import { randomBytes } from "../../lib/random.ts";
import { hmac, hmacKey } from "../../lib/sha256.ts";
import { decryptAesCbc, encryptAesCbc, webPbkdf2 } from "../../lib/web-crypto.ts";
import type { Refused } from "../source.ts";
import { isRefused } from "../source.ts";
import type { JsonObject } from "./json.ts";
import { readJsonObject } from "./json.ts";
import { refuse } from "./refuse.ts";

/** What a seal holds. */
export interface IronContent {
  readonly object: JsonObject;
  /** When the seal says it ends, the leeway of a minute not counted; absent: never. */
  readonly expiresAt?: number;
}

/** The library takes a seal for a minute longer than it says, as clocks differ. */
export const IRON_SKEW = 60_000;
/** The library refuses shorter passwords. */
export const IRON_MIN_PASSWORD = 32;

const PREFIX = "Fe26.2";
const SALT_BYTES = 32;
const KEY_BYTES = 32;
const IV_BYTES = 16;

/** Makes a seal. */
export async function sealIron(
  json: string,
  options: {
    readonly password: string;
    readonly passwordId: string;
    readonly iterations: number;
    readonly expiresAt: number | undefined;
  },
): Promise<string> {
  const { password, passwordId, iterations, expiresAt } = options;
  const salt = hex(randomBytes(SALT_BYTES));
  const iv = randomBytes(IV_BYTES);
  const key = await derive(password, salt, iterations);
  const ciphertext = encodeBase64url(await encryptAesCbc(key, iv, utf8(json)));
  const expiry = expiresAt === undefined ? "" : Math.floor(expiresAt);
  const head = [PREFIX, passwordId, salt, encodeBase64url(iv), ciphertext, expiry].join("*");
  const macSalt = hex(randomBytes(SALT_BYTES));
  return `${head}*${macSalt}*${await macOf(head, password, macSalt, iterations)}`;
}

/**
 * Opens a seal. Nothing is decrypted before the MAC was right.
 *
 * @param passwordOf - the password of this id; the id is `""` where the seal has none.
 * @param iterations - of PBKDF2, one number after the other is tried.
 */
export async function openIron(
  seal: string,
  passwordOf: (id: string) => string | undefined,
  iterations: readonly number[],
  now: number,
): Promise<IronContent | Refused> {
  const parts = SEAL.exec(seal)?.groups;
  if (parts === undefined) return refuse("malformed", "the cookie is no seal");
  const { head = "", id = "", salt = "", iv = "", text = "", macSalt = "", mac = "" } = parts;
  const end = parts["expiry"] === "" ? undefined : Number(parts["expiry"]);
  if (end !== undefined && end <= now - IRON_SKEW)
    return refuse("expired", "the seal's time is over");
  const password = passwordOf(id);
  if (password === undefined) return refuse("forged", "there is no password of this id");
  for (const count of iterations) {
    if (!equalText(mac, await macOf(head, password, macSalt, count))) continue;
    const key = await derive(password, salt, count);
    return await openedContent(key, iv, text, end);
  }
  return refuse("forged", "the seal is not ours");
}

async function openedContent(
  key: Uint8Array,
  iv: string,
  text: string,
  expiresAt: number | undefined,
): Promise<IronContent | Refused> {
  const ivBytes = decodeBase64url(iv);
  const ciphertext = decodeBase64url(text);
  if (ivBytes?.length !== IV_BYTES || ciphertext === undefined) {
    return refuse("malformed", "the seal is not base64url");
  }
  const plaintext = await decryptAesCbc(key, ivBytes, ciphertext);
  const json = plaintext && utf8Text(plaintext);
  if (json === undefined) return refuse("malformed", "the seal holds no text");
  const parsed = readJsonObject(json);
  if (isRefused(parsed)) return parsed;
  return { object: parsed.object, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

async function macOf(
  head: string,
  password: string,
  salt: string,
  iterations: number,
): Promise<string> {
  const key = await derive(password, salt, iterations);
  return encodeBase64url(hmac(hmacKey(key), utf8(head)));
}

async function derive(password: string, salt: string, iterations: number): Promise<Uint8Array> {
  return await webPbkdf2("SHA-1", utf8(password), utf8(salt), iterations, KEY_BYTES);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const SEAL =
  /^(?<head>Fe26\.2\*(?<id>\w{0,64})\*(?<salt>[0-9a-f]{64})\*(?<iv>[\w-]{22})\*(?<text>[\w-]{1,400000})\*(?<expiry>\d{0,16}))\*(?<macSalt>[0-9a-f]{64})\*(?<mac>[\w-]{43})$/;
