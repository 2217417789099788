import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64urlScratch, decodeBase64url, encodeBase64url } from "../../src/lib/base64url.ts";
import { equalBytes, equalText, utf8Length, utf8Text } from "../../src/lib/bytes.ts";
import { hmac, hmacKey, sha256 } from "../../src/lib/sha256.ts";
import { createKeyRing, generateSecret } from "../../src/token/key-ring.ts";
import { seal, unseal } from "../../src/token/seal.ts";
import { secretProblem } from "../../src/token/secret-strength.ts";
import { isTicket, mintTicket, newSessionId, openTicket } from "../../src/token/ticket.ts";
import { fuzzRuns, fuzzTimeout } from "../support/fuzz.ts";
import { kidOf, ticketOf } from "../vectors/reference.ts";

const numRuns = fuzzRuns();
const timeout = fuzzTimeout();

const DAY = 86_400_000;
const NOW = 20_776 * DAY;
const KEYS = { secret: generateSecret(), app: "shop", cookieName: "sid" };
const ring = createKeyRing({ secrets: [KEYS.secret], app: "shop", cookieName: "sid" });
const REFUSALS = new Set<unknown>(["malformed", "forged", "unknown-key", "expired"]);
const { text: TICKET } = mintTicket(ring, newSessionId());
const SEAL = seal(ring, JSON.stringify({ user: "ada" }), NOW) as string;

describe("openTicket", () => {
  it("P3 P14 opens what is whole, and answers everything else", { timeout }, () => {
    fc.assert(
      fc.property(broken(TICKET), (text) => {
        const opened = openTicket(ring, text);
        if (text === TICKET) return typeof opened === "object";
        // What calls itself no ticket is not looked at.
        return isTicket(text) ? REFUSALS.has(opened) : opened === "malformed";
      }),
      { numRuns },
    );
  });

  it("P3 agrees with the reference about any 57 bytes", { timeout }, () => {
    const kid = kidOf(KEYS);
    const parts = fc.tuple(
      fc.constantFrom(1, 1, 1, 0, 2, 255),
      fc.oneof({ weight: 4, arbitrary: fc.constant(new Uint8Array(kid)) }, bytes(4)),
      bytes(18),
      bytes(18),
      fc.option(bytes(16)),
    );
    fc.assert(
      fc.property(parts, ([version, named, id, ticketSecret, tag]) => {
        const idText = Buffer.from(id).toString("base64url");
        const good = ticketOf(KEYS, idText, Buffer.from(ticketSecret).toString("hex"));
        const genuine = Buffer.from(good.ticket, "base64url");
        genuine[0] = version;
        genuine.set(named, 1);
        if (tag !== null) genuine.set(tag, 41);
        const expected =
          version !== 1
            ? "malformed"
            : !kid.equals(named)
              ? "unknown-key"
              : genuine.toString("base64url") === good.ticket
                ? { id: idText, verifier: good.verifier }
                : "forged";
        expect(openTicket(ring, genuine.toString("base64url"))).toEqual(expected);
      }),
      { numRuns },
    );
  });

  it("opens what is minted for any id, and mints what the reference makes", { timeout }, () => {
    fc.assert(
      fc.property(bytes(18), (id) => {
        const idText = Buffer.from(id).toString("base64url");
        const { text, verifier } = mintTicket(ring, idText);
        const ticketSecret = Buffer.from(text, "base64url").subarray(23, 41).toString("hex");
        expect(ticketOf(KEYS, idText, ticketSecret)).toEqual({ ticket: text, verifier });
        expect(openTicket(ring, text)).toEqual({ id: idText, verifier });
      }),
      { numRuns },
    );
  });
});

describe("unseal", () => {
  it("P3 P14 opens what is whole, and answers everything else", { timeout }, () => {
    fc.assert(
      fc.property(broken(SEAL), (text) => {
        const opened = unseal(ring, text, NOW, DAY);
        return text === SEAL ? typeof opened === "object" : REFUSALS.has(opened);
      }),
      { numRuns },
    );
  });

  it("gives any text back", { timeout }, () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (body) => {
        const opened = unseal(ring, seal(ring, body, NOW) as string, NOW, DAY);
        return typeof opened === "object" && "body" in opened && opened.body === body;
      }),
      { numRuns },
    );
  });

  it("P3 takes no bytes for a seal that were not sealed", { timeout }, () => {
    const header = Buffer.concat([Buffer.of(2), kidOf(KEYS), Buffer.of(20_776 >> 8, 20_776 & 255)]);
    fc.assert(
      fc.property(bytes(12 + 64 + 16), (rest) => {
        const text = Buffer.concat([header, rest]).toString("base64url");
        return unseal(ring, text, NOW, DAY) === "forged";
      }),
      { numRuns },
    );
  });
});

describe("base64url", () => {
  it("P14 reads one spelling of any bytes, and no other text", { timeout }, () => {
    const scratch = base64urlScratch(300);
    const good = fc
      .uint8Array({ maxLength: 120 })
      .map((data) => Buffer.from(data).toString("base64url"));
    const texts = good.chain((text) => fc.oneof(fc.constant(text), broken(text)));
    fc.assert(
      fc.property(texts, (text) => {
        const data = decodeBase64url(text);
        if (scratch.read(text) !== data?.length) return false;
        if (data !== undefined) return encodeBase64url(data) === text;
        return Buffer.from(text, "base64url").toString("base64url") !== text;
      }),
      { numRuns },
    );
  });
});

describe("hashes", () => {
  it("agree with node:crypto", { timeout }, () => {
    const data = fc.uint8Array({ maxLength: 260 });
    fc.assert(
      fc.property(data, data, (key, message) => {
        const expected = createHmac("sha256", key).update(message).digest();
        const hash = createHash("sha256").update(message).digest();
        return expected.equals(hmac(hmacKey(key), message)) && hash.equals(sha256(message));
      }),
      { numRuns },
    );
  });
});

describe("bytes", () => {
  it("P14 are text when they are UTF-8, and are as long as is told", { timeout }, () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(toUnit) }), (text) => {
        const data = Buffer.from(text);
        return utf8Length(text) === data.length && utf8Text(data) === data.toString();
      }),
      { numRuns },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (data) => {
        const text = Buffer.from(data).toString();
        return utf8Text(data) === (Buffer.from(text).equals(data) ? text : undefined);
      }),
      { numRuns },
    );
  });

  it("are equal when they are the same", { timeout }, () => {
    const few = fc.uint8Array({ max: 1, maxLength: 6 });
    fc.assert(
      fc.property(few, few, (a, b) => {
        const same = Buffer.compare(a, b) === 0;
        return equalBytes(a, b) === same && equalText(a.join(""), b.join("")) === same;
      }),
      { numRuns },
    );
  });
});

describe("secretProblem", () => {
  it("P13 P14 judges any text and any bytes, and repeats none of it", { timeout }, () => {
    const secrets = fc.oneof(
      fc.string({ unit: "binary", maxLength: 120 }),
      fc.string({ unit: fc.constantFrom(..."abc123-_"), minLength: 40, maxLength: 120 }),
      fc.uint8Array({ maxLength: 80 }),
    );
    fc.assert(
      fc.property(secrets, (secret) => {
        const problem = secretProblem(secret);
        if (problem === undefined) return secret.length >= 32;
        return typeof secret !== "string" || secret.length < 12 || !problem.includes(secret);
      }),
      // Slow, and not met by anyone's request.
      { numRuns: Math.min(numRuns, 20_000) },
    );
  });
});

/** A good text as somebody may have changed it, and texts that have nothing to do with it. */
function broken(good: string): fc.Arbitrary<string> {
  const at = fc.nat(good.length);
  const character = fc.oneof(
    fc.constantFrom(..."ABCQZaz09-_"),
    fc.constantFrom("=", "+", "/", " ", ";", "\0", "\n", "é", "\u0141", "\ud83e", "\u{1f9e5}"),
    fc.integer({ min: 0, max: 0xffff }).map(toUnit),
  );
  return fc.oneof(
    fc.tuple(at, character).map(([from, by]) => good.slice(0, from) + by + good.slice(from + 1)),
    fc.tuple(at, character).map(([from, by]) => good.slice(0, from) + by + good.slice(from)),
    fc.tuple(at, at).map(([from, to]) => good.slice(0, from) + good.slice(to)),
    fc.tuple(at, at).map(([from, to]) => good.slice(from) + good.slice(0, to)),
    fc.tuple(at, bytes(12)).map(([from, data]) => splice(good, from, data)),
    fc.string({ unit: "binary", maxLength: good.length + 4 }),
    fc.base64String({ minLength: good.length - 4, maxLength: good.length + 4 }),
    fc.constant(good),
  );
}

function splice(good: string, from: number, data: Uint8Array): string {
  const text = Buffer.from(data).toString("base64url");
  return good.slice(0, from) + text.slice(0, good.length - from) + good.slice(from + text.length);
}

function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

function toUnit(code: number): string {
  return String.fromCharCode(code);
}
