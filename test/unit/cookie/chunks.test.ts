import { describe, expect, it } from "vitest";
import type { Part } from "../../../src/cookie/chunks.ts";
import { chunkNames, MAX_CHUNKS, splitSeal, wholeSeals } from "../../../src/cookie/chunks.ts";
import { ownCookie } from "../../../src/cookie/write.ts";
import { decodeBase64url, encodeBase64url } from "../../../src/lib/base64url.ts";

describe("chunkNames", () => {
  it("begins with the cookie's own name", () => {
    expect(chunkNames("sid")).toEqual(["sid", "sid-1", "sid-2", "sid-3"]);
    expect(chunkNames("sid")).toHaveLength(MAX_CHUNKS);
  });
});

describe("splitSeal", () => {
  it("leaves a seal that fits as it is", () => {
    const seal = sealOf(100);
    expect(splitSeal("sid", seal, "sid".length + seal.length)).toEqual([
      { name: "sid", value: seal },
    ]);
  });

  it("splits a seal that is one byte too long", () => {
    const seal = sealOf(100);
    const parts = split(seal, "sid".length + seal.length - 1);
    expect(parts).toHaveLength(2);
    expect(seals(parts)).toEqual([seal]);
  });

  it.each([2, 3, 4])(
    "never makes a cookie of more than the bytes given, with %i cookies",
    (count) => {
      // Every remainder of the division into groups of three bytes and four characters.
      for (const limit of [100, 101, 102, 103, 4096]) {
        const seal = sealOf(Math.floor(limit * (count - 0.5) * 0.65));
        const parts = split(seal, limit);
        expect(parts).toHaveLength(count);
        for (const { name, value } of parts)
          expect(name.length + value.length).toBeLessThanOrEqual(limit);
        expect(seals(parts)).toEqual([seal]);
      }
    },
  );

  it("never makes a cookie that browsers drop, whatever bytes are allowed", () => {
    const seal = sealOf(9000);
    for (const { name, value } of split(seal, 1_000_000)) {
      expect(() => ownCookie(name, value, PLAIN)).not.toThrow();
    }
  });

  it("gives nothing when four cookies are too few", () => {
    const limit = 100;
    // 4 times (100 - 5) * 3/4 bytes, less 9 each.
    const most = 4 * (71 - 9);
    expect(split(sealOf(most), limit)).toHaveLength(4);
    expect(splitSeal("sid", sealOf(most + 1), limit)).toBeUndefined();
    expect(splitSeal("sid", sealOf(50), 10)).toBeUndefined();
  });

  it("marks every split with a generation of its own", () => {
    const seal = sealOf(200);
    const [one] = split(seal, 200);
    const [two] = split(seal, 200);
    expect(one?.value).not.toBe(two?.value);
  });

  it("writes chunks in the form that is documented", () => {
    const seal = sealOf(200);
    const all = split(seal, 200).map(({ value }) => decodeBase64url(value) ?? new Uint8Array());
    expect(all.map((bytes) => [bytes[0], bytes[7], bytes[8]])).toEqual([
      [3, 0, 2],
      [3, 1, 2],
    ]);
    const generations = all.map((bytes) => bytes.slice(1, 7).join());
    expect(generations[0]).toBe(generations[1]);
    expect(all.flatMap((bytes) => [...bytes.slice(9)])).toEqual([...bytesOf(seal)]);
  });
});

describe("wholeSeals", () => {
  it("gives a bare seal as it is, whatever lies beside it", () => {
    const seal = sealOf(60);
    expect(wholeSeals([{ index: 0, values: [seal] }])).toEqual([seal]);
    const [, left, over] = split(sealOf(300), 200);
    expect(wholeSeals([at(0, seal), at(1, left?.value), at(2, over?.value)])).toEqual([seal]);
  });

  it("takes a bare seal from the first cookie only", () => {
    expect(wholeSeals([at(1, sealOf(60))])).toEqual([]);
  });

  it("puts parts together in any order", () => {
    const seal = sealOf(300);
    const parts = found(split(seal, 200));
    expect(wholeSeals([...parts].reverse())).toEqual([seal]);
  });

  it("gives nothing while a part is missing", () => {
    const parts = found(split(sealOf(450), 200));
    expect(parts).toHaveLength(4);
    for (const missing of parts) {
      expect(wholeSeals(parts.filter((part) => part !== missing))).toEqual([]);
    }
  });

  it("never mixes two generations", () => {
    const old = split(sealOf(300, 1), 200);
    const next = split(sealOf(300, 2), 200);
    expect(seals([old[0], next[1], next[2]])).toEqual([]);
    expect(seals([next[0], old[1], next[2]])).toEqual([]);
    // Two versions of the last cookie, from two paths: its own generation tells them apart.
    expect(seals([next[0], next[1], next[2], old[2]])).toEqual([sealOf(300, 2)]);
  });

  it("takes the shorter seal that follows a longer one, with parts of that left over", () => {
    const next = sealOf(200, 2);
    const left = split(sealOf(450, 1), 200);
    expect(seals([...split(next, 200), left[2], left[3]])).toEqual([next]);
  });

  it("gives each whole seal when cookies of two paths are sent", () => {
    const one = split(sealOf(200, 1), 200);
    const two = split(sealOf(200, 2), 200);
    const bare = sealOf(50, 3);
    const both = [0, 1].map((index) => ({
      index,
      values: [one[index]?.value ?? "", two[index]?.value ?? "", ...(index === 0 ? [bare] : [])],
    }));
    expect(wholeSeals(both)).toEqual([bare, sealOf(200, 1), sealOf(200, 2)]);
  });

  it("trusts no part that is there in two versions", () => {
    const [first, second] = split(sealOf(200), 200);
    const forged = changed(second?.value, 20, 0xff);
    expect(
      wholeSeals([at(0, first?.value), { index: 1, values: [second?.value ?? "", forged] }]),
    ).toEqual([]);
  });

  it.each([
    ["an index that is not its name's", (value: string) => changed(value, 7, 0)],
    ["an index past the total", (value: string) => changed(value, 7, 3)],
    ["a total of 0", (value: string) => changed(value, 8, 0)],
    ["a total of 1", (value: string) => changed(value, 8, 1)],
    ["another total than the rest", (value: string) => changed(value, 8, 4)],
    ["a total past four", (value: string) => changed(value, 8, 5)],
    ["a total of 255", (value: string) => changed(value, 8, 255)],
    ["another generation", (value: string) => changed(value, 3, 7)],
    ["another first byte", (value: string) => changed(value, 0, 4)],
    ["padding", (value: string) => `${value}=`],
    ["another alphabet", (value: string) => `${value.slice(0, -1)}+`],
    ["quotation marks", (value: string) => `"${value}"`],
    ["no part after its head", (value: string) => value.slice(0, 12)],
    ["half a head", (value: string) => value.slice(0, 6)],
    ["nothing", () => ""],
  ])("P14 refuses a part with %s", (_, spoil) => {
    const [first, second] = found(split(sealOf(200), 200));
    const spoiled = spoil(second?.values[0] ?? "");
    expect(wholeSeals([at(0, first?.values[0]), at(1, spoiled)])).toEqual([]);
  });

  it.each<[string, readonly (readonly [index: number, total: number])[], number]>([
    ["one part of one", [[0, 1]], 0],
    ["no part of none", [[0, 0]], 0],
    [
      "a third part of two",
      [
        [0, 2],
        [1, 2],
        [2, 2],
      ],
      2,
    ],
    [
      "five parts of five",
      [
        [0, 5],
        [1, 5],
        [2, 5],
        [3, 5],
        [4, 5],
      ],
      0,
    ],
  ])("P14 takes no heed of %s", (_, heads, wholeParts) => {
    const parts = heads.map(([index, total]) =>
      at(index, encodeBase64url(Uint8Array.of(3, 9, 9, 9, 9, 9, 9, index, total, 2, 2, 2))),
    );
    const whole = wholeParts === 0 ? [] : [encodeBase64url(new Uint8Array(3 * wholeParts).fill(2))];
    expect(wholeSeals(parts)).toEqual(whole);
  });

  it("P14 refuses the second spelling of a part", () => {
    const parts = found(split(sealOf(198), 200));
    const last = parts[1]?.values[0] ?? "";
    // The last character of a text of 4n + 2 characters has four bits to spare.
    expect(last.length % 4).toBe(2);
    const spare = last.charCodeAt(last.length - 1) + 1;
    const alias = last.slice(0, -1) + String.fromCharCode(spare);
    expect(wholeSeals([at(0, parts[0]?.values[0]), at(1, alias)])).toEqual([]);
  });

  it("P14 looks at no value that is longer than a cookie", () => {
    expect(wholeSeals([at(0, sealOf(3072 + 3))])).toEqual([]);
    expect(wholeSeals([at(0, "A".repeat(1_000_000))])).toEqual([]);
  });

  it("gives nothing but seals", () => {
    const ticket = encodeBase64url(Uint8Array.from([1, ...new Uint8Array(200)]));
    expect(wholeSeals([at(0, ticket)])).toEqual([]);
    expect(seals(split(ticket, 200))).toEqual([]);
  });
});

const PLAIN = { path: "/", secure: true, sameSite: "lax", partitioned: false } as const;

/** Bytes that begin as a seal does; a seal's own check is not ours. */
function sealOf(length: number, fill = 9): string {
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + fill) & 0xff);
  bytes[0] = 2;
  return encodeBase64url(bytes);
}

function bytesOf(text: string | undefined): Uint8Array {
  return decodeBase64url(text ?? "") ?? new Uint8Array();
}

function changed(text: string | undefined, at: number, value: number): string {
  const bytes = bytesOf(text);
  bytes[at] = value;
  return encodeBase64url(bytes);
}

function split(seal: string, limit: number): readonly Part[] {
  return splitSeal("sid", seal, limit) ?? [];
}

function at(index: number, value: string | undefined): { index: number; values: string[] } {
  return { index, values: value === undefined ? [] : [value] };
}

/** What a browser would send back. */
function found(parts: readonly (Part | undefined)[]): { index: number; values: string[] }[] {
  return parts.map((part) => at(chunkNames("sid").indexOf(part?.name ?? ""), part?.value));
}

function seals(parts: readonly (Part | undefined)[]): readonly string[] {
  return wholeSeals(found(parts));
}
