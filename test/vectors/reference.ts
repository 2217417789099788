/**
 * Tickets and seals once more, straight from their description and with `node:crypto` alone: what the
 * vectors beside this file are made with. It shares no code with the package.
 *
 * @module
 */

import { createCipheriv, createHmac, hkdfSync } from "node:crypto";

/** What the keys depend on. A secret is text, or bytes as `hex:…`. */
export interface Keys {
  readonly secret: string;
  readonly app: string;
  readonly cookieName: string;
}

/** Whose a body at rest is. */
export interface Owner {
  readonly id: string;
  readonly userId: string | undefined;
}

export function kidOf({ secret }: Keys): Buffer {
  return derive(secret, [Buffer.from("kid")], 4);
}

export function ticketOf(
  keys: Keys,
  id: string,
  ticketSecret: string,
): { ticket: string; verifier: string } {
  const kid = kidOf(keys);
  const key = derive(keys.secret, contextOf(keys, "ticket"), 32);
  const parts = [Buffer.of(1), kid, Buffer.from(id, "base64url"), Buffer.from(ticketSecret, "hex")];
  const halves = createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  return {
    ticket: Buffer.concat([...parts, halves.subarray(0, 16)]).toString("base64url"),
    verifier: Buffer.concat([kid, halves.subarray(16)]).toString("base64url"),
  };
}

export function sealOf(keys: Keys, day: number, nonce: string, plaintext: Buffer): string {
  const key = derive(keys.secret, [...contextOf(keys, "seal"), Buffer.from(String(day))], 32);
  const header = Buffer.concat([
    Buffer.of(2),
    kidOf(keys),
    Buffer.of(day >> 8, day & 255),
    Buffer.from(nonce, "hex"),
  ]);
  const cipher = createCipheriv("aes-256-gcm", key, Buffer.from(nonce, "hex"));
  const names = lengthPrefixed([Buffer.from(keys.app), Buffer.from(keys.cookieName)]);
  cipher.setAAD(Buffer.concat([header, names]));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header, ciphertext, cipher.getAuthTag()]).toString("base64url");
}

/** A body at rest: a key of the name that no cookie has, and the session's id and user beside it. */
export function bodyOf(
  secret: string,
  owner: Owner,
  day: number,
  nonce: string,
  body: string,
): string {
  const keys: Keys = { secret, app: "", cookieName: "body in a store" };
  const key = derive(secret, [...contextOf(keys, "seal"), Buffer.from(String(day))], 32);
  const header = Buffer.concat([
    Buffer.of(4),
    kidOf(keys),
    Buffer.of(day >> 8, day & 255),
    Buffer.from(nonce, "hex"),
  ]);
  const cipher = createCipheriv("aes-256-gcm", key, Buffer.from(nonce, "hex"));
  const names = lengthPrefixed([Buffer.from(owner.id), Buffer.from(owner.userId ?? "")]);
  cipher.setAAD(Buffer.concat([header, names]));
  const ciphertext = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([header, ciphertext, cipher.getAuthTag()]).toString("base64url");
}

/** The plaintext of a seal: flags, length, body, zeros. */
export function plaintextOf(body: string): Buffer {
  const text = Buffer.from(body);
  const plaintext = Buffer.alloc(Math.ceil((5 + text.length) / 64) * 64);
  plaintext.writeUInt32BE(text.length, 1);
  text.copy(plaintext, 5);
  return plaintext;
}

/** The HMAC key of another purpose. */
export function purposeKeyOf(keys: Keys, name: string): Buffer {
  return derive(keys.secret, contextOf(keys, `purpose/${name}`), 32);
}

function contextOf({ app, cookieName }: Keys, purpose: string): Buffer[] {
  return [purpose, app, cookieName].map((field) => Buffer.from(field));
}

function derive(secret: string, context: readonly Buffer[], length: number): Buffer {
  const bytes = secret.startsWith("hex:")
    ? Buffer.from(secret.slice(4), "hex")
    : Buffer.from(secret);
  return Buffer.from(hkdfSync("sha256", bytes, "coatcheck/v1", lengthPrefixed(context), length));
}

function lengthPrefixed(fields: readonly Buffer[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      return [length, field];
    }),
  );
}
