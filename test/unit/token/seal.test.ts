import { createCipheriv } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AesGcm } from "../../../src/lib/aes-gcm.ts";
import { nodeAesGcm, webAesGcm } from "../../../src/lib/aes-gcm.ts";
import type { KeyRing, KeyRingOptions } from "../../../src/token/key-ring.ts";
import { createKeyRing, generateSecret, lengthPrefixed } from "../../../src/token/key-ring.ts";
import type { Sealer } from "../../../src/token/seal.ts";
import { createSealer, seal, unseal } from "../../../src/token/seal.ts";
import { mintTicket, newSessionId } from "../../../src/token/ticket.ts";
import { plaintextOf } from "../../vectors/reference.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const DAY = 86_400_000;
const NOW = 20_776 * DAY + 1234;
const WEEK = 7 * DAY;
const BODY = JSON.stringify({ user: "ada", cart: ["tea", "żółw 🧥"], note: "x".repeat(40) });
const [OLD, NEW] = [generateSecret(), generateSecret()];

afterEach(() => {
  vi.restoreAllMocks();
});

const implementations: [name: string, gcm: AesGcm][] = [
  ["node:crypto", nodeAesGcm() as AesGcm],
  ["Web crypto", webAesGcm()],
];

describe.each(implementations)("a seal by %s", (_, gcm) => {
  const sealer = sealerOf({});

  it.each(["", "{}", BODY, "\0", "\u{10ffff}", "x".repeat(58), "x".repeat(59), "y".repeat(9000)])(
    "gives the body back: %j",
    async (body) => {
      expect(await sealer.unseal(await sealer.seal(body, NOW), NOW, WEEK)).toEqual({ body });
    },
  );

  it("is opened by the other implementation", async () => {
    for (const [, other] of implementations) {
      const text = await sealer.seal(BODY, NOW);
      const opener = createSealer(ringOf({}), other);
      expect(await opener.unseal(text, NOW, WEEK)).toEqual({ body: BODY });
    }
  });

  it("P7 shows nothing of the body, not even its length but in steps of 64", async () => {
    const lengths = new Map<number, number>();
    for (let length = 0; length <= 200; length += 1) {
      const text = await sealer.seal("x".repeat(length), NOW);
      const bytes = Buffer.from(text, "base64url").length - 19 - 16;
      expect(bytes % 64).toBe(0);
      lengths.set(bytes, (lengths.get(bytes) ?? 0) + 1);
    }
    expect([...lengths]).toEqual([
      [64, 60],
      [128, 64],
      [192, 64],
      [256, 13],
    ]);
    const sealed = Buffer.from(await sealer.seal(BODY, NOW), "base64url");
    // So many bytes that none are there by chance.
    for (let at = 0; at + 8 <= BODY.length; at += 1) {
      expect(sealed.includes(BODY.slice(at, at + 8))).toBe(false);
    }
  });

  it("never uses a nonce twice", async () => {
    const texts = await Promise.all(Array.from({ length: 500 }, () => sealer.seal("{}", NOW)));
    const nonces = texts.map((text) =>
      Buffer.from(text, "base64url").subarray(7, 19).toString("hex"),
    );
    expect(new Set(nonces).size).toBe(500);
  });

  it("P3 opens nothing of which one bit differs", async () => {
    const bytes = Buffer.from(await sealer.seal("{}", NOW), "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (0x80 >> (bit & 7));
      const answer = await sealer.unseal(forged.toString("base64url"), NOW, WEEK);
      if (bit < 8) expect(answer).toBe("malformed");
      else if (bit < 40) expect(answer).toBe("unknown-key");
      else if (bit < 56) expect(["forged", "expired"]).toContain(answer);
      else expect(answer).toBe("forged");
    }
  });

  it("P3 opens nothing of which one character differs", async () => {
    const text = await sealer.seal("{}", NOW);
    for (let at = 0; at < text.length; at += 1) {
      for (const character of `${ALPHABET[at % 64]}A_=+ \0é\u0141`) {
        if (character === text[at]) continue;
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const answer = await sealer.unseal(changed, NOW, WEEK);
        expect(answer).toBeTypeOf("string");
        if (!ALPHABET.includes(character)) expect(answer).toBe("malformed");
      }
    }
  });

  it("P3 knows one spelling of each seal", async () => {
    const texts = await Promise.all(
      ["", "x".repeat(60), "x".repeat(130)].map((body) => sealer.seal(body, NOW)),
    );
    // 99, 163 and 227 bytes: no bits to spare, two and four.
    expect(texts.map(({ length }) => length % 4)).toEqual([0, 2, 3]);
    for (const text of texts) {
      const last = [...ALPHABET].filter((character) => character !== text.at(-1));
      for (const character of last) {
        expect(await sealer.unseal(text.slice(0, -1) + character, NOW, WEEK)).toBeTypeOf("string");
      }
      for (const alias of [`${text}=`, `${text}==`, `${text} `, ` ${text}`, `${text}\n`]) {
        expect(await sealer.unseal(alias, NOW, WEEK)).toBe("malformed");
      }
    }
  });

  it("P3 opens nothing that was cut or grew", async () => {
    const text = await sealer.seal("x".repeat(100), NOW);
    for (let length = 0; length < text.length; length += 1) {
      expect(await sealer.unseal(text.slice(0, length), NOW, WEEK)).toBeTypeOf("string");
    }
    const bytes = Buffer.from(text, "base64url");
    for (let cut = 1; cut < 80; cut += 1) {
      const short = bytes.subarray(0, bytes.length - cut).toString("base64url");
      expect(await sealer.unseal(short, NOW, WEEK)).toBe(cut === 64 ? "forged" : "malformed");
      const long = Buffer.concat([bytes, Buffer.alloc(cut)]).toString("base64url");
      expect(await sealer.unseal(long, NOW, WEEK)).toBe(cut === 64 ? "forged" : "malformed");
    }
  });

  it("P3 opens nothing with a tag that was cut, though GCM knows shorter ones", async () => {
    const ring = ringOf({});
    const header = Buffer.from(await sealer.seal("{}", NOW), "base64url").subarray(0, 19);
    const key = ring.current.sealKey(20_776);
    for (const authTagLength of [4, 8, 12, 13, 14, 15, 16]) {
      const cipher = createCipheriv("aes-256-gcm", key, header.subarray(7), { authTagLength });
      cipher.setAAD(Buffer.concat([header, lengthPrefixed("shop", "sid")]));
      // Filled up, so that the whole is as long as a seal.
      const filled = Buffer.concat([plaintextOf("{}"), Buffer.alloc(16 - authTagLength)]);
      const parts = [header, cipher.update(filled), cipher.final(), cipher.getAuthTag()];
      const answer = await sealer.unseal(Buffer.concat(parts).toString("base64url"), NOW, WEEK);
      expect(answer).toEqual(authTagLength === 16 ? { body: "{}" } : "forged");
    }
  });

  it("P3 opens nothing of another cookie, another app, another secret, another day", async () => {
    const text = await sealer.seal("{}", NOW);
    expect(await sealerOf({ cookieName: "psid" }).unseal(text, NOW, WEEK)).toBe("forged");
    expect(await sealerOf({ app: "blog" }).unseal(text, NOW, WEEK)).toBe("forged");
    expect(await sealerOf({ app: "sho", cookieName: "psid" }).unseal(text, NOW, WEEK)).toBe(
      "forged",
    );
    expect(await sealerOf({ secrets: [NEW] }).unseal(text, NOW, WEEK)).toBe("unknown-key");
    const bytes = Buffer.from(text, "base64url");
    bytes.writeUInt16BE(20_775, 5);
    expect(await sealer.unseal(bytes.toString("base64url"), NOW, WEEK)).toBe("forged");
  });

  it("P3 opens nothing that is something else: a ticket, however it is dressed up", async () => {
    const { text } = mintTicket(ringOf({}), newSessionId());
    expect(await sealer.unseal(text, NOW, WEEK)).toBe("malformed");
    const dressed = Buffer.alloc(99, Buffer.from(text, "base64url"));
    dressed[0] = 2;
    dressed.writeUInt16BE(20_776, 5);
    expect(await sealer.unseal(dressed.toString("base64url"), NOW, WEEK)).toBe("forged");
    for (const version of [0x00, 0x01, 0x03, 0x82, 0xff]) {
      const bytes = Buffer.from(await sealer.seal("{}", NOW), "base64url");
      bytes[0] = version;
      expect(await sealer.unseal(bytes.toString("base64url"), NOW, WEEK)).toBe("malformed");
    }
  });

  it("P8 opens under every secret of the ring, and none that left it", async () => {
    const text = await sealer.seal(BODY, NOW);
    for (const secrets of [
      [OLD, NEW],
      [NEW, OLD],
    ]) {
      expect(await sealerOf({ secrets }).unseal(text, NOW, WEEK)).toEqual({ body: BODY });
    }
    expect(await sealerOf({ secrets: [NEW] }).unseal(text, NOW, WEEK)).toBe("unknown-key");
    const next = await sealerOf({ secrets: [NEW, OLD] }).seal(BODY, NOW);
    expect(await sealer.unseal(next, NOW, WEEK)).toBe("unknown-key");
    expect(await sealerOf({ secrets: [NEW] }).unseal(next, NOW, WEEK)).toEqual({ body: BODY });
  });

  it("P11 is opened from a day before its own until the oldest age, by its own word", async () => {
    const text = await sealer.seal("{}", NOW);
    expect(await sealer.unseal(text, NOW - DAY, WEEK)).toEqual({ body: "{}" });
    expect(await sealer.unseal(text, NOW + WEEK, WEEK)).toEqual({ body: "{}" });
    expect(await sealer.unseal(text, NOW + WEEK + DAY, WEEK)).toBe("expired");
    expect(await sealer.unseal(text, NOW - 2 * DAY, WEEK)).toBe("forged");
    expect(await sealer.unseal(text, NOW + DAY, 0)).toBe("expired");
    expect(await sealer.unseal(text, NOW + 1000 * DAY, Number.POSITIVE_INFINITY)).toEqual({
      body: "{}",
    });
  });

  it.each<[what: string, change: (plaintext: Buffer) => Buffer, answer: string]>([
    ["zeros that are none", (bytes) => withByte(bytes, bytes.length - 1, 1), "malformed"],
    ["a length past its end", (bytes) => withByte(bytes, 4, 200), "malformed"],
    ["an enormous length", (bytes) => withByte(bytes, 1, 255), "malformed"],
    ["more zeros than needed", (bytes) => Buffer.concat([bytes, Buffer.alloc(64)]), "malformed"],
    ["broken UTF-8", (bytes) => withByte(bytes, 5, 0xff), "malformed"],
    // From a newer deployment: nobody may take it away from the browser.
    ["a flag that is not known yet", (bytes) => withByte(bytes, 0, 1), "unknown-key"],
  ])("is refused when it is genuine and has %s", async (_, change, answer) => {
    const header = Buffer.from(await sealer.seal("{}", NOW), "base64url").subarray(0, 19);
    const key = ringOf({}).current.sealKey(20_776);
    const cipher = createCipheriv("aes-256-gcm", key, header.subarray(7));
    cipher.setAAD(Buffer.concat([header, lengthPrefixed("shop", "sid")]));
    const ciphertext = Buffer.concat([cipher.update(change(plaintextOf("{}"))), cipher.final()]);
    const text = Buffer.concat([header, ciphertext, cipher.getAuthTag()]).toString("base64url");
    expect(await sealer.unseal(text, NOW, WEEK)).toBe(answer);
  });

  it("P14 takes any text, of any length", async () => {
    const texts = [
      "",
      "A",
      "Ag",
      "\0".repeat(132),
      "ż".repeat(132),
      "\ud83e".repeat(132),
      "=".repeat(132),
    ];
    texts.push("A".repeat(1 << 20), "\udde5".repeat(1 << 20), `Ag${"A".repeat(1 << 20)}`);
    for (const text of texts) expect(await sealer.unseal(text, NOW, WEEK)).toBe("malformed");
    expect(await sealer.unseal(`Ag${"A".repeat(130)}`, NOW, WEEK)).toBe("unknown-key");
  });

  it("makes what is longer than any cookie, and does not read it", async () => {
    const fits = await sealer.seal("x".repeat(12_219), NOW);
    expect(fits).toHaveLength(16_346);
    expect(await sealer.unseal(fits, NOW, WEEK)).toEqual({ body: "x".repeat(12_219) });
    const long = await sealer.seal("x".repeat(12_220), NOW);
    expect(Buffer.from(long, "base64url")).toHaveLength(19 + 12_288 + 16);
    expect(await sealer.unseal(long, NOW, WEEK)).toBe("malformed");
    expect((await sealer.seal("ż".repeat(50_000), NOW)).length).toBeGreaterThan(130_000);
  });

  it("keeps seals apart that are made and opened at the same time", async () => {
    // New rings: the first ones of a day wait for their key with Web crypto.
    const [one, two] = [sealerOf({ secrets: [generateSecret()] }), sealerOf({ app: "blog" })];
    const bodies = Array.from({ length: 40 }, (_, index) => `${index}`.repeat(index * 7));
    const texts = await Promise.all(bodies.map((body, at) => (at % 2 ? one : two).seal(body, NOW)));
    const openers = [sealerOf({ app: "blog" }), one];
    const opened = await Promise.all(
      texts.map((text, at) => (openers[at % 2] as Sealer).unseal(text, NOW, WEEK)),
    );
    expect(opened).toEqual(bodies.map((body) => ({ body })));
  });

  it("derives the key of a day once, and keeps at most 512 of them", async () => {
    const key = vi.spyOn(gcm, "key");
    const counting = sealerOf({});
    const texts: string[] = [];
    for (let day = 0; day < 512; day += 1) texts.push(await counting.seal("{}", NOW + day * DAY));
    await counting.seal("{}", NOW);
    expect(key).toHaveBeenCalledTimes(512);
    await counting.seal("{}", NOW + 600 * DAY);
    expect(key).toHaveBeenCalledTimes(513);
    // It made room, and derives again what is asked for again.
    expect(await counting.unseal(texts[0] as string, NOW, WEEK)).toEqual({ body: "{}" });
    expect(key).toHaveBeenCalledTimes(514);
  });

  it("P14 derives no key for a seal that is refused by its day, its key id or its form", async () => {
    const bytes = Buffer.from(await sealer.seal("{}", NOW), "base64url");
    const key = vi.spyOn(gcm, "key");
    const other = sealerOf({});
    for (let day = 0; day < 65_536; day += 97) {
      bytes.writeUInt16BE(day, 5);
      if (day < 20_769 || day > 20_777) await other.unseal(bytes.toString("base64url"), NOW, WEEK);
    }
    bytes[1] = (bytes[1] as number) ^ 1;
    await other.unseal(bytes.toString("base64url"), NOW, WEEK);
    expect(key).not.toHaveBeenCalled();
  });

  it("seals nothing when there is no randomness", async () => {
    await sealer.seal("{}", NOW);
    vi.spyOn(crypto, "getRandomValues").mockImplementation(() => {
      throw new Error("no entropy");
    });
    // The pool may hold some from before.
    const drain = async () => {
      for (let index = 0; index < 400; index += 1) await sealer.seal("{}", NOW);
    };
    await expect(drain()).rejects.toThrow("no entropy");
  });

  function sealerOf(options: Partial<KeyRingOptions>): Sealer {
    return createSealer(ringOf(options), gcm);
  }
});

describe("seal and unseal", () => {
  it("answer at once where there is node:crypto", () => {
    const ring = ringOf({});
    const text = seal(ring, BODY, NOW);
    expect(text).toBeTypeOf("string");
    expect(unseal(ring, text as string, NOW, WEEK)).toEqual({ body: BODY });
  });
});

function ringOf(options: Partial<KeyRingOptions>): KeyRing {
  return createKeyRing({ secrets: [OLD], app: "shop", cookieName: "sid", ...options });
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}
