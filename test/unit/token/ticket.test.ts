import { afterEach, describe, expect, it, vi } from "vitest";
import type { KeyRing, KeyRingOptions } from "../../../src/token/key-ring.ts";
import { createKeyRing, generateSecret } from "../../../src/token/key-ring.ts";
import { seal } from "../../../src/token/seal.ts";
import type { TicketParts } from "../../../src/token/ticket.ts";
import { isTicket, mintTicket, newSessionId, openTicket } from "../../../src/token/ticket.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const [OLD, NEW] = [generateSecret(), generateSecret()];
const ring = ringOf({});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("newSessionId", () => {
  it("gives 24 characters, each time others", () => {
    const ids = Array.from({ length: 1000 }, () => newSessionId());
    for (const id of ids) expect(id).toMatch(/^[\w-]{24}$/);
    expect(new Set(ids.map((id) => id.slice(0, 8))).size).toBe(1000);
    expect(new Set(ids.map((id) => id.slice(8))).size).toBe(1000);
  });

  it("begins with the home that it is given", () => {
    const ids = Array.from({ length: 100 }, () => newSessionId("aZ09-_Az"));
    for (const id of ids) expect(id).toMatch(/^aZ09-_Az[\w-]{16}$/);
    expect(new Set(ids).size).toBe(100);
  });

  it("refuses a home that a store made wrongly", () => {
    for (const home of ["", "short", "too-long-", "bad home", "bad+home", "żółwżółw"]) {
      expect(() => newSessionId(home)).toThrow(/the home of a session is 8 base64url characters/);
    }
  });
});

describe("mintTicket", () => {
  it("gives 76 characters, the verifier, and another ticket secret each time", () => {
    const id = newSessionId();
    const tickets = Array.from({ length: 500 }, () => mintTicket(ring, id));
    for (const { text, verifier } of tickets) {
      expect(text).toMatch(/^[\w-]{76}$/);
      expect(verifier).toMatch(/^[\w-]{27}$/);
    }
    expect(new Set(tickets.map(({ text }) => secretOf(text))).size).toBe(500);
    expect(new Set(tickets.map(({ verifier }) => verifier)).size).toBe(500);
  });

  it("P7 tells the store nothing that helps to make the ticket", () => {
    const { text, verifier } = mintTicket(ring, newSessionId());
    const [ticket, kept] = [Buffer.from(text, "base64url"), Buffer.from(verifier, "base64url")];
    // Beside the public key id, no four bytes are in both.
    for (let at = 4; at + 4 <= kept.length; at += 1) {
      expect(ticket.includes(kept.subarray(at, at + 4))).toBe(false);
    }
  });

  it("refuses what is no session id", () => {
    for (const id of ["", "a".repeat(23), "a".repeat(25), `${"a".repeat(23)}=`, "ż".repeat(24)]) {
      expect(() => mintTicket(ring, id)).toThrow(/a session id is 24 base64url characters/);
    }
  });

  it("mints nothing when there is no randomness", () => {
    vi.spyOn(crypto, "getRandomValues").mockImplementation(() => {
      throw new Error("no entropy");
    });
    const minted: unknown[] = [];
    // The pool may hold some from before.
    expect(() => {
      for (;;) minted.push(secretOf(mintTicket(ring, "a".repeat(24)).text));
    }).toThrow("no entropy");
    expect(minted.length).toBeLessThanOrEqual(4096 / 18);
    expect(new Set(minted).size).toBe(minted.length);
    expect(() => mintTicket(ring, "a".repeat(24))).toThrow("no entropy");
    expect(() => newSessionId()).toThrow("no entropy");
  });
});

describe("openTicket", () => {
  const fresh = (): string => mintTicket(ring, newSessionId()).text;
  // What came lately is known without an HMAC, and is to be as hard to forge.
  const remembered = (): string => {
    const text = fresh();
    for (let time = 0; time < 3; time += 1) openTicket(ring, text);
    return text;
  };
  const kinds: [string, () => string][] = [
    ["that never came", fresh],
    ["that came lately", remembered],
  ];

  it("gives the id and the verifier of the ticket that was minted", () => {
    for (let index = 0; index < 500; index += 1) {
      const id = newSessionId();
      const { text, verifier } = mintTicket(ring, id);
      expect(openTicket(ring, text)).toEqual({ id, verifier });
    }
  });

  it("reads a part of a longer header as well", () => {
    const id = newSessionId();
    const { text, verifier } = mintTicket(ring, id);
    const header = `theme=dark; sid=${text}; lang=pl`;
    expect(openTicket(ring, header.slice(16, 92))).toEqual({ id, verifier });
    expect(openTicket(ring, ["", text].join(""))).toEqual({ id, verifier });
  });

  it("makes one HMAC for each of the first two times that a ticket comes, and none after that", () => {
    const { current } = ring;
    const begin = vi.fn(current.ticket.begin);
    const key = { ...current, ticket: { begin } };
    const counting = { ...ring, find: (kid: number) => (kid === key.kid ? key : undefined) };
    const id = newSessionId();
    const { text, verifier } = mintTicket(ring, id);
    for (const begun of [2, 4, 4, 4]) {
      expect(openTicket(counting, text)).toEqual({ id, verifier });
      expect(begin).toHaveBeenCalledTimes(begun);
    }
  });

  it("tells apart more tickets than it remembers", () => {
    const tickets = Array.from({ length: 6000 }, () => {
      const id = newSessionId();
      return { id, ...mintTicket(ring, id) };
    });
    for (const times of [1, 3]) {
      for (const { id, text, verifier } of tickets) {
        for (let time = 0; time < times; time += 1) {
          const { id: said, verifier: kept } = openTicket(ring, text) as TicketParts;
          if (said !== id || kept !== verifier) expect.unreachable(`${said} is not ${id}`);
        }
      }
    }
  });

  it.each(kinds)("P3 opens nothing of which one bit differs, %s", (_, ticketOf) => {
    const bytes = Buffer.from(ticketOf(), "base64url");
    for (let bit = 0; bit < 57 * 8; bit += 1) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (0x80 >> (bit & 7));
      const part = bit < 8 ? "malformed" : bit < 40 ? "unknown-key" : "forged";
      expect(openTicket(ring, forged.toString("base64url"))).toBe(part);
    }
  });

  it.each(kinds)("P3 opens nothing of which one character differs, %s", (_, ticketOf) => {
    const text = ticketOf();
    for (let at = 0; at < 76; at += 1) {
      for (const character of `${ALPHABET}=+/ .~\0é\u0141\u{1f9e5}`) {
        if (character === text[at]) continue;
        const changed = openTicket(ring, text.slice(0, at) + character + text.slice(at + 1));
        expect(changed).toBeTypeOf("string");
        if (!ALPHABET.includes(character)) expect(changed).toBe("malformed");
      }
    }
  });

  it.each(kinds)("P3 opens nothing that was cut, grew or was moved, %s", (_, ticketOf) => {
    const text = ticketOf();
    for (let length = 0; length < 76; length += 1) {
      expect(openTicket(ring, text.slice(0, length))).toBe("malformed");
      expect(openTicket(ring, text.slice(76 - length))).toBe("malformed");
    }
    for (const more of ["A", "=", "====", " ", "\0", ";", text]) {
      expect(openTicket(ring, text + more)).toBe("malformed");
      expect(openTicket(ring, more + text)).toBe("malformed");
    }
    expect(openTicket(ring, text.slice(1) + text[0])).not.toBeTypeOf("object");
    expect(openTicket(ring, [...text].reverse().join(""))).not.toBeTypeOf("object");
  });

  it.each(kinds)("P3 opens nothing that joins the parts of two good tickets, %s", (_, ticketOf) => {
    const tickets = [ticketOf(), ticketOf()];
    const [one, two] = tickets.map((text) => Buffer.from(text, "base64url")) as [Buffer, Buffer];
    for (const [from, to] of [
      [5, 23],
      [23, 41],
      [41, 57],
      [5, 41],
      [23, 57],
    ] as const) {
      const joined = Buffer.from(one);
      two.copy(joined, from, from, to);
      expect(openTicket(ring, joined.toString("base64url"))).toBe("forged");
    }
  });

  it.each(kinds)(
    "P3 opens nothing of another cookie, another app, another secret, %s",
    (_, ticketOf) => {
      const text = ticketOf();
      expect(openTicket(ringOf({ cookieName: "psid" }), text)).toBe("forged");
      expect(openTicket(ringOf({ cookieName: "SID" }), text)).toBe("forged");
      expect(openTicket(ringOf({ app: "blog" }), text)).toBe("forged");
      expect(openTicket(ringOf({ app: "" }), text)).toBe("forged");
      expect(openTicket(ringOf({ secrets: [NEW] }), text)).toBe("unknown-key");
      // The key id of another secret does not help.
      const bytes = Buffer.from(text, "base64url");
      bytes.writeUInt32BE(ringOf({ secrets: [NEW] }).current.kid, 1);
      expect(openTicket(ringOf({ secrets: [NEW] }), bytes.toString("base64url"))).toBe("forged");
      expect(openTicket(ringOf({ secrets: [OLD, NEW] }), bytes.toString("base64url"))).toBe(
        "forged",
      );
    },
  );

  it("P3 opens nothing that is something else: a seal, a verifier, a tag of another half", () => {
    const { text, verifier } = mintTicket(ring, newSessionId());
    expect(openTicket(ring, seal(ring, "{}", Date.now()) as string)).toBe("malformed");
    expect(openTicket(ring, verifier)).toBe("malformed");
    // What the record keeps, put where the tag belongs.
    const bytes = Buffer.from(text, "base64url");
    Buffer.from(verifier, "base64url").copy(bytes, 41, 4);
    expect(openTicket(ring, bytes.toString("base64url"))).toBe("forged");
    // Another version.
    for (const version of [0x00, 0x02, 0x03, 0x81, 0xff]) {
      bytes[0] = version;
      expect(openTicket(ring, bytes.toString("base64url"))).toBe("malformed");
    }
  });

  it("P8 opens under every secret of the ring, and none that left it", () => {
    const id = newSessionId();
    const { text, verifier } = mintTicket(ring, id);
    for (const secrets of [
      [OLD, NEW],
      [NEW, OLD],
    ]) {
      expect(openTicket(ringOf({ secrets }), text)).toEqual({ id, verifier });
    }
    expect(openTicket(ringOf({ secrets: [NEW] }), text)).toBe("unknown-key");
    const minted = mintTicket(ringOf({ secrets: [NEW, OLD] }), id);
    expect(openTicket(ring, minted.text)).toBe("unknown-key");
    expect(openTicket(ringOf({ secrets: [NEW] }), minted.text)).toEqual({
      id,
      verifier: minted.verifier,
    });
  });

  it("P14 takes any text, of any length", () => {
    const texts = [
      "",
      "\0".repeat(76),
      "ż".repeat(76),
      "\ud83e".repeat(76),
      "\u{1f9e5}".repeat(38),
    ];
    texts.push("A".repeat(1 << 20), "\udde5".repeat(1 << 20), "=".repeat(76), "AQ==".repeat(19));
    for (const text of texts) expect(openTicket(ring, text)).toBe("malformed");
    expect(openTicket(ring, `AQ${"A".repeat(74)}`)).toBe("unknown-key");
  });
});

describe("isTicket", () => {
  it("goes by the first byte", () => {
    expect(isTicket(mintTicket(ring, newSessionId()).text)).toBe(true);
    expect(isTicket(seal(ring, "{}", Date.now()) as string)).toBe(false);
    for (let first = 0; first < 256; first += 1) {
      const text = Buffer.of(first, 0xab, 0xcd).toString("base64url");
      expect(isTicket(text)).toBe(first === 1);
    }
    for (const text of ["", "A", "Ag", "=Q==", "żAAA", "A\ud83eAA"])
      expect(isTicket(text)).toBe(false);
  });
});

function ringOf(options: Partial<KeyRingOptions>): KeyRing {
  return createKeyRing({ secrets: [OLD], app: "shop", cookieName: "sid", ...options });
}

function secretOf(ticket: string): string {
  return Buffer.from(ticket, "base64url").subarray(23, 41).toString("hex");
}
