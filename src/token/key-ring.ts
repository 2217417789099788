/**
 * The key ring: the app's secrets and the keys derived from them. The first makes, every one opens.
 *
 * HKDF-SHA-256 (RFC 5869) is run once per secret with the salt `coatcheck/v1`. Each key is expanded
 * from that with a context of its own: the purpose, the app, the cookie's name and, for a key of one
 * day, the day; each field after its length in four bytes, the high one first. So two purposes, apps
 * or cookies never share a key. The key id is expanded from the secret alone.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { readUint32, utf8, writeUint32 } from "../lib/bytes.ts";
import { randomBytes } from "../lib/random.ts";
import type { HmacKey } from "../lib/sha256.ts";
import { hkdfExpand, hkdfExtract, hmacKey } from "../lib/sha256.ts";
import { secretProblem } from "./secret-strength.ts";

/** What is derived from one secret. The keys stand in closures: nothing of them can be printed. */
export interface Key {
  /** Names the key in tickets and seals: 32 bits, unsigned. */
  readonly kid: number;
  /** Makes and opens tickets. */
  readonly ticket: HmacKey;
  /**
   * The key for something else, such as `"adopt"`. The name is a constant of the program, never a part
   * of a request: each one is kept.
   */
  purpose(name: string): HmacKey;
  /** The 32 bytes of the key that seals on one UTC day, counted from 1970-01-01. */
  sealKey(day: number): Uint8Array;
}

/** The keys of one app and one cookie. */
export interface KeyRing {
  /** Makes tickets and seals. */
  readonly current: Key;
  /** All of them, the current one first. */
  readonly keys: readonly Key[];
  /** The key of this id, `undefined` when its secret is not, or no longer, in the ring. */
  find(kid: number): Key | undefined;
  readonly app: string;
  readonly cookieName: string;
}

export interface KeyRingOptions {
  /** The first one makes, every one opens. */
  readonly secrets: readonly (string | Uint8Array)[];
  /** Sets apart apps that share a secret. */
  readonly app: string;
  readonly cookieName: string;
}

/**
 * Derives the keys: synchronous, without I/O or randomness, well under a millisecond per secret.
 *
 * @throws {ConfigError} `secrets`, naming the one that is missing, weak, well known or there twice.
 */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { secrets, app, cookieName } = options;
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw new ConfigError("secrets", `must be a list of one secret or more; ${MEND}`);
  }
  const keys = secrets.map((secret: unknown, index) => {
    const problem = secretProblem(secret);
    if (problem === undefined) return deriveKey(secret as string | Uint8Array, app, cookieName);
    throw new ConfigError("secrets", `cannot be used: \`secrets[${index}]\` ${problem}; ${MEND}`);
  });
  keys.forEach((key, index) => {
    const first = keys.findIndex((other) => other.kid === key.kid);
    if (first === index) return;
    const problem = `\`secrets[${first}]\` and \`secrets[${index}]\` are the same or share a key id`;
    throw new ConfigError("secrets", `cannot be used: ${problem}; replace one of them`);
  });
  return {
    current: keys[0] as Key,
    keys,
    find: (kid) => keys.find((key) => key.kid === kid),
    app,
    cookieName,
  };
}

/** A new secret for {@link createKeyRing}: 32 random bytes. What `coatcheck secret` prints. */
export function generateSecret(): string {
  return `ck1_${encodeBase64url(randomBytes(32))}`;
}

const MEND = "`npx coatcheck secret` prints a good one";
const SALT = utf8("coatcheck/v1");

function deriveKey(secret: string | Uint8Array, app: string, cookieName: string): Key {
  const root = hkdfExtract(typeof secret === "string" ? utf8(secret) : secret, SALT);
  const derive = (purpose: string, ...day: string[]) =>
    hkdfExpand(root, lengthPrefixed(purpose, app, cookieName, ...day), 32);
  const purposes = new Map<string, HmacKey>();
  return {
    kid: readUint32(hkdfExpand(root, lengthPrefixed("kid"), 4), 0),
    ticket: hmacKey(derive("ticket")),
    purpose(name) {
      const known = purposes.get(name);
      if (known !== undefined) return known;
      // The prefix keeps every name apart from the two purposes above and below.
      const key = hmacKey(derive(`purpose/${name}`));
      purposes.set(name, key);
      return key;
    },
    sealKey: (day) => derive("seal", String(day)),
  };
}

/** Each field after its length in four bytes, so that no two lists of fields give the same bytes. */
export function lengthPrefixed(...fields: readonly string[]): Uint8Array {
  const encoded = fields.map(utf8);
  const bytes = new Uint8Array(encoded.reduce((sum, field) => sum + 4 + field.length, 0));
  let at = 0;
  for (const field of encoded) {
    writeUint32(bytes, at, field.length);
    bytes.set(field, at + 4);
    at += 4 + field.length;
  }
  return bytes;
}
