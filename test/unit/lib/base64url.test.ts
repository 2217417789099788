import { afterEach, describe, expect, it, vi } from "vitest";
import type * as Base64url from "../../../src/lib/base64url.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each(["with Node's codec", "without"])("base64url %s", (way) => {
  it("has the spelling of RFC 4648 §10, without padding", async () => {
    const { encodeBase64url, decodeBase64url } = await load(way);
    const spellings = { "": "", f: "Zg", fo: "Zm8", foo: "Zm9v", foob: "Zm9vYg", fooba: "Zm9vYmE" };
    for (const [plain, text] of Object.entries(spellings)) {
      expect(encodeBase64url(new Uint8Array(Buffer.from(plain)))).toBe(text);
      expect(decodeBase64url(text)).toEqual(new Uint8Array(Buffer.from(plain)));
    }
    expect(encodeBase64url(Uint8Array.of(0xfb, 0xef, 0xff))).toBe("--__");
  });

  it("agrees with Buffer at every length, from views of larger memory too", async () => {
    const { encodeBase64url, decodeBase64url, base64urlScratch } = await load(way);
    const memory = Uint8Array.from({ length: 300 }, (_, at) => at * 31 + (at >> 3));
    const scratch = base64urlScratch(300);
    for (let length = 0; length <= 200; length += 1) {
      const bytes = memory.subarray(7, 7 + length);
      const text = Buffer.from(bytes).toString("base64url");
      expect(encodeBase64url(bytes)).toBe(text);
      expect(decodeBase64url(text)).toEqual(bytes);
      expect(scratch.read(text)).toBe(length);
      expect(scratch.bytes.subarray(0, length)).toEqual(bytes);
      expect(scratch.text(length)).toBe(text);
    }
  });

  it("gives plain bytes in memory of their own", async () => {
    const { decodeBase64url } = await load(way);
    for (const length of [4, 40, 400]) {
      const bytes = decodeBase64url("Zm9v".repeat(length)) as Uint8Array;
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
      expect(bytes.buffer.byteLength).toBe(length * 3);
    }
  });

  it("knows one spelling of each byte string: bits to spare are zero", async () => {
    const { decodeBase64url, base64urlScratch } = await load(way);
    for (const prefix of ["", "Zm9v".repeat(30)]) {
      for (const [rest, step] of [
        ["Z", 16],
        ["Zm", 4],
      ] as const) {
        const good = [...ALPHABET].filter((last) => decodeBase64url(prefix + rest + last));
        expect(good).toEqual([...ALPHABET].filter((_, value) => value % step === 0));
        const scratch = base64urlScratch(200);
        expect([...ALPHABET].filter((last) => scratch.read(prefix + rest + last))).toEqual(good);
      }
    }
  });

  it("P14 takes no other character, no padding and no impossible length", async () => {
    const { decodeBase64url, base64urlScratch } = await load(way);
    const scratch = base64urlScratch(1000);
    for (const good of ["Zm9v", "Zm9v".repeat(30)]) {
      const others = [
        "=",
        "+",
        "/",
        " ",
        "\n",
        "\t",
        "\0",
        ".",
        "%",
        "\u0080",
        "é",
        "ż",
        "\u{1f9e5}",
      ];
      // Characters whose low byte, or low seven bits, are a letter.
      others.push("\u0141", "\u00c1", "\uff21", "\u4141", "\ud841", "\udc41");
      for (const other of others) {
        for (const at of [0, 1, good.length - 1, good.length]) {
          const text = good.slice(0, at) + other + good.slice(at + 1);
          expect(decodeBase64url(text)).toBeUndefined();
          expect(scratch.read(text)).toBeUndefined();
        }
      }
      for (const text of [`${good}Z`, `${good}Zg==`, `${good}=`, `${good}Zm8=`, `=${good}`]) {
        expect(decodeBase64url(text)).toBeUndefined();
        expect(scratch.read(text)).toBeUndefined();
      }
    }
  });

  it("P14 takes a megabyte, and refuses one", async () => {
    const { decodeBase64url, base64urlScratch } = await load(way);
    const text = "Zm9v".repeat(1 << 18);
    expect(decodeBase64url(text)).toHaveLength(3 << 18);
    expect(decodeBase64url(`${text}!`)).toBeUndefined();
    expect(decodeBase64url("!".repeat(1 << 20))).toBeUndefined();
    expect(base64urlScratch(1000).read(text)).toBeUndefined();
  });

  it("does not read what is longer than the scratch", async () => {
    const { base64urlScratch } = await load(way);
    const scratch = base64urlScratch(60);
    expect(scratch.read("Zm9v".repeat(20))).toBe(60);
    expect(scratch.read("Zm9v".repeat(21))).toBeUndefined();
    expect(scratch.read(`${"Zm9v".repeat(20)}Zg`)).toBeUndefined();
  });
});

/** The module as it is on Node, and as it is on a runtime without `Buffer`. */
async function load(way: string): Promise<typeof Base64url> {
  vi.resetModules();
  if (way === "without") vi.stubGlobal("Buffer", undefined);
  const module = await import("../../../src/lib/base64url.ts");
  vi.unstubAllGlobals();
  return module;
}
