/**
 * What stands in `ticket.json`, `seal.json` and `body.json`. `npx vitest run -u` with the tests that read
 * them (`test/unit/token/vectors.test.ts`, `test/unit/stores/layers/encrypted-body.test.ts`) writes them
 * anew.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Keys } from "./reference.ts";
import { bodyOf, kidOf, plaintextOf, sealOf, ticketOf } from "./reference.ts";

interface TicketVector extends Keys {
  /** The key id in hexadecimal digits. */
  readonly kid: string;
  readonly id: string;
  /** In hexadecimal digits. */
  readonly ticketSecret: string;
  readonly ticket: string;
  readonly verifier: string;
}

interface SealVector extends Keys {
  /** The key id in hexadecimal digits. */
  readonly kid: string;
  /** UTC days since 1970-01-01. */
  readonly day: number;
  /** In hexadecimal digits. */
  readonly nonce: string;
  readonly body: string;
  readonly seal: string;
}

interface BodyVector {
  readonly secret: string;
  /** The key id in hexadecimal digits. */
  readonly kid: string;
  readonly id: string;
  /** Absent for a visitor. */
  readonly userId?: string;
  /** UTC days since 1970-01-01. */
  readonly day: number;
  /** In hexadecimal digits. */
  readonly nonce: string;
  readonly body: string;
  /** As it lies in the store. */
  readonly text: string;
}

// Never use these: whoever reads this knows them.
const KEYS: readonly Keys[] = [
  {
    secret: `ck1_${Buffer.from(random("text", 32), "hex").toString("base64url")}`,
    app: "",
    cookieName: "__Host-Http-sid",
  },
  { secret: `hex:${random("bytes", 32)}`, app: "shop", cookieName: "sid" },
  { secret: `hex:${random("longer", 64)}`, app: "sklep 🧥", cookieName: "sid" },
  { secret: `hex:${random("bytes", 32)}`, app: "sho", cookieName: "psid" },
];

export function ticketVectors(): TicketVector[] {
  return KEYS.flatMap((keys, index) =>
    ["one", "two"].map((name) => {
      const id = Buffer.from(random(`id ${name} ${index}`, 18), "hex").toString("base64url");
      const ticketSecret = random(`ticket secret ${name} ${index}`, 18);
      const kid = kidOf(keys).toString("hex");
      return { ...keys, kid, id, ticketSecret, ...ticketOf(keys, id, ticketSecret) };
    }),
  );
}

export function sealVectors(): SealVector[] {
  const bodies = ["", "{}", "x".repeat(59), "x".repeat(60), "zażółć 🧥 日本語", "y".repeat(300)];
  return KEYS.flatMap((keys, index) =>
    bodies.map((body, at) => {
      const day = [20_776, 0, 255, 256, 65_535, 20_777][at] as number;
      const nonce = random(`nonce ${index} ${at}`, 12);
      const kid = kidOf(keys).toString("hex");
      return { ...keys, kid, day, nonce, body, seal: sealOf(keys, day, nonce, plaintextOf(body)) };
    }),
  );
}

export function bodyVectors(): BodyVector[] {
  const users = [undefined, "ada", "zażółć 🧥"];
  return KEYS.slice(0, 3).flatMap((keys, index) =>
    ["", "{}", "zażółć 🧥 日本語"].map((body, at) => {
      const { secret } = keys;
      const userId = users[(index + at) % users.length];
      const id = Buffer.from(random(`body id ${index} ${at}`, 18), "hex").toString("base64url");
      const day = [0, 20_777, 65_535][at] as number;
      const nonce = random(`body nonce ${index} ${at}`, 12);
      const text = bodyOf(secret, { id, userId }, day, nonce, body);
      const kid = kidOf(keys).toString("hex");
      return { secret, kid, id, ...(userId !== undefined && { userId }), day, nonce, body, text };
    }),
  );
}

// Bytes that look random and are the same each time.
function random(name: string, length: number): string {
  return createHash("shake256", { outputLength: length }).update(`vectors: ${name}`).digest("hex");
}
