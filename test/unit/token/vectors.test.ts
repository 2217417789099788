import { describe, expect, it } from "vitest";
import { webAesGcm } from "../../../src/lib/aes-gcm.ts";
import { hmac, hmacKey } from "../../../src/lib/sha256.ts";
import type { KeyRing } from "../../../src/token/key-ring.ts";
import { createKeyRing } from "../../../src/token/key-ring.ts";
import { createSealer, seal, unseal } from "../../../src/token/seal.ts";
import { mintTicket, openTicket } from "../../../src/token/ticket.ts";
import { sealVectors, ticketVectors } from "../../vectors/make.ts";
import type { Keys } from "../../vectors/reference.ts";
import { plaintextOf, purposeKeyOf, sealOf, ticketOf } from "../../vectors/reference.ts";

const DAY = 86_400_000;

describe("ticket.json", () => {
  it("is what the reference makes", async () => {
    await expect(json(ticketVectors())).toMatchFileSnapshot("../../vectors/ticket.json");
  });

  it.each(ticketVectors())("opens: $ticket", ({ ticket, id, verifier, kid, ...keys }) => {
    const ring = ringOf(keys);
    expect(ring.current.kid).toBe(Number.parseInt(kid, 16));
    expect(openTicket(ring, ticket)).toEqual({ id, verifier });
  });

  it.each(ticketVectors())("is what would be minted: $ticket", ({ id, ...keys }) => {
    const { text, verifier } = mintTicket(ringOf(keys), id);
    const ticketSecret = Buffer.from(text, "base64url").subarray(23, 41).toString("hex");
    expect(ticketOf(keys, id, ticketSecret)).toEqual({ ticket: text, verifier });
  });
});

describe("seal.json", () => {
  it("is what the reference makes", async () => {
    await expect(json(sealVectors())).toMatchFileSnapshot("../../vectors/seal.json");
  });

  it.each(sealVectors())("opens: $seal", async ({ seal, body, day, ...keys }) => {
    const ring = ringOf(keys);
    expect(unseal(ring, seal, day * DAY, 0)).toEqual({ body });
    expect(await createSealer(ring, webAesGcm()).unseal(seal, day * DAY, 0)).toEqual({ body });
  });

  it.each(sealVectors())("is what would be sealed: $seal", async ({ body, day, ...keys }) => {
    const ring = ringOf(keys);
    const made = [
      seal(ring, body, day * DAY),
      createSealer(ring, webAesGcm()).seal(body, day * DAY),
    ];
    for (const text of await Promise.all(made)) {
      const nonce = Buffer.from(text, "base64url").subarray(7, 19).toString("hex");
      expect(sealOf(keys, day, nonce, plaintextOf(body))).toBe(text);
    }
  });
});

describe("the key of another purpose", () => {
  it("is what the reference derives", () => {
    const keys = ticketVectors()[2] as Keys;
    const message = new Uint8Array(20).fill(7);
    const expected = hmac(hmacKey(purposeKeyOf(keys, "csrf")), message);
    expect(hmac(ringOf(keys).current.purpose("csrf"), message)).toEqual(expected);
  });
});

function ringOf({ secret, app, cookieName }: Keys): KeyRing {
  const bytes = new Uint8Array(Buffer.from(secret.replace(/^hex:/, ""), "hex"));
  return createKeyRing({ secrets: [secret.startsWith("hex:") ? bytes : secret], app, cookieName });
}

function json(vectors: unknown): string {
  return `${JSON.stringify(vectors, undefined, 2)}\n`;
}
