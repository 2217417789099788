import { createHash, createHmac, hkdfSync } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/lib/bytes.ts";
import { hkdf, hkdfExpand, hkdfExtract, hmac, hmacKey, sha256 } from "../../../src/lib/sha256.ts";
import vectors from "../../vectors/hashes.json" with { type: "json" };

describe("sha256", () => {
  it.each(vectors.sha256)("gives the published hash: $source", ({ text, times = 1, hash }) => {
    expect(hex(sha256(utf8(text.repeat(times))))).toBe(hash);
  });

  it("agrees with node:crypto at every length around the ends of blocks", () => {
    for (let length = 0; length <= 300; length += 1) {
      const message = bytes(length);
      expect(hex(sha256(message))).toBe(createHash("sha256").update(message).digest("hex"));
    }
  });

  it("reads a view of larger memory", () => {
    const view = bytes(200).subarray(11, 133);
    expect(hex(sha256(view))).toBe(createHash("sha256").update(view).digest("hex"));
  });
});

describe("hmac", () => {
  it.each(vectors.hmac)("gives the published tag: $source", ({ key, data, tag }) => {
    expect(hex(hmac(hmacKey(unhex(key)), unhex(data))).slice(0, tag.length)).toBe(tag);
  });

  it("agrees with node:crypto for keys and messages around the ends of blocks", () => {
    for (const keyLength of [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 200]) {
      const key = bytes(keyLength);
      const prepared = hmacKey(key);
      for (const length of [0, 1, 41, 55, 56, 63, 64, 65, 119, 120, 128, 1000]) {
        const message = bytes(length);
        const expected = createHmac("sha256", key).update(message).digest("hex");
        expect(hex(hmac(prepared, message))).toBe(expected);
      }
    }
  });

  it("keeps keys apart that are in use at the same time", () => {
    const [one, two] = [hmacKey(bytes(32)), hmacKey(bytes(33))];
    const before = hex(hmac(one, bytes(41)));
    hmac(two, bytes(500));
    expect(hex(hmac(one, bytes(41)))).toBe(before);
  });

  it("does not follow a key's bytes once it is made", () => {
    const memory = bytes(32);
    const key = hmacKey(memory);
    const before = hex(hmac(key, bytes(10)));
    memory.fill(0);
    expect(hex(hmac(key, bytes(10)))).toBe(before);
  });

  it("P13 shows nothing of a key", () => {
    const key = hmacKey(bytes(32));
    expect(inspect(key)).toBe("{ begin: [Function: begin] }");
    expect(JSON.stringify(key)).toBe("{}");
    const everything = inspect(key, { showHidden: true, depth: Number.POSITIVE_INFINITY });
    const state = new Int32Array(8);
    for (const outer of [false, true]) {
      key.begin(state, outer);
      for (const word of state) expect(everything).not.toContain(String(word));
    }
  });
});

describe("hkdf", () => {
  it.each(vectors.hkdf)("gives the published key: $source", ({ secret, salt, info, key }) => {
    expect(hex(hkdf(unhex(secret), unhex(salt), unhex(info), key.length / 2))).toBe(key);
  });

  it("agrees with node:crypto at every length up to three blocks", () => {
    const root = hkdfExtract(bytes(40), bytes(12));
    for (let length = 1; length <= 96; length += 1) {
      const expected = hkdfSync("sha256", bytes(40), bytes(12), bytes(70), length);
      expect(hex(hkdfExpand(root, bytes(70), length))).toBe(hex(new Uint8Array(expected)));
    }
  });

  it("refuses more than it can give", () => {
    expect(hkdf(bytes(32), bytes(0), bytes(0), 8160)).toHaveLength(8160);
    expect(() => hkdf(bytes(32), bytes(0), bytes(0), 8161)).toThrow(RangeError);
  });
});

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * 37 + length);
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
