import { describe, expect, it } from "vitest";
import {
  equalBytes,
  equalText,
  readUint32,
  utf8,
  utf8Length,
  utf8Text,
  writeUint32,
  writeUtf8,
} from "../../../src/lib/bytes.ts";

describe("equalBytes", () => {
  it("tells what differs in any single bit, and in length", () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, at) => at * 7);
    expect(equalBytes(bytes, bytes.slice())).toBe(true);
    for (let bit = 0; bit < 256; bit += 1) {
      const other = bytes.slice();
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(equalBytes(bytes, other)).toBe(false);
    }
    expect(equalBytes(bytes, bytes.slice(0, 31))).toBe(false);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  it("looks at every byte, whatever the first ones say", () => {
    const read: PropertyKey[] = [];
    const watched = new Proxy(new Uint8Array(16).fill(9), {
      get(target, key) {
        read.push(key);
        return Reflect.get(target, key, target) as unknown;
      },
    });
    equalBytes(watched, new Uint8Array(16));
    expect(read.filter((key) => key !== "length")).toHaveLength(16);
  });
});

describe("equalText", () => {
  it("tells what differs in any character, and in length", () => {
    const text = "ajgFdIC5A9hCdt7G7TWOtBytomY";
    expect(equalText(text, `${text}`)).toBe(true);
    for (let at = 0; at < text.length; at += 1) {
      expect(equalText(text, `${text.slice(0, at)}!${text.slice(at + 1)}`)).toBe(false);
    }
    expect(equalText(text, text.slice(1))).toBe(false);
    expect(equalText("", "")).toBe(true);
  });
});

describe("UTF-8", () => {
  const texts = [
    "",
    "abc",
    "żółw",
    "日本語",
    "🧥🎫",
    "a\u0000b",
    "\ufeffmark",
    "\u07ff\u0800\uffff\u{10000}",
  ];

  it.each(texts)("comes back as it was: %j", (text) => {
    expect(utf8Text(utf8(text))).toBe(text);
    const target = new Uint8Array(text.length * 3);
    expect(utf8Text(target.subarray(0, writeUtf8(text, target)))).toBe(text);
  });

  it.each([...texts, "\ud83e", "\udde5\ud83e", "a\ud83eb", "\ud83e\ud83e\udde5"])(
    "has the length that is told without making it: %j",
    (text) => {
      expect(utf8Length(text)).toBe(utf8(text).length);
    },
  );

  it("is never repaired", () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0x80]]) {
      expect(utf8Text(Uint8Array.from(bytes))).toBeUndefined();
    }
  });
});

describe("readUint32", () => {
  it("reads what writeUint32 wrote, the highest byte first", () => {
    const bytes = new Uint8Array(6);
    for (const value of [0, 1, 0x01020304, 0x7fffffff, 0x80000000, 0xffffffff]) {
      writeUint32(bytes, 1, value);
      expect(readUint32(bytes, 1)).toBe(value);
    }
    writeUint32(bytes, 1, 0x01020304);
    expect([...bytes]).toEqual([0, 1, 2, 3, 4, 0]);
  });
});
