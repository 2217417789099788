import fc from "fast-check";
import sodium from "sodium-native";
import { describe, expect, it } from "vitest";
import { makeSecretbox, openSecretbox, poly1305 } from "../../../src/lib/secretbox.ts";

const hex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));

const bytes = (size: { minLength?: number; maxLength?: number }) => fc.uint8Array(size);
const key = bytes({ minLength: 32, maxLength: 32 });
const nonce = bytes({ minLength: 24, maxLength: 24 });

describe("secretbox", () => {
  it("gives the box of NaCl's own test", () => {
    // tests/secretbox.c of NaCl 20110221.
    const firstkey = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
    const theirs = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
    const message = hex(
      `be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129
       6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde
       048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705`,
    );
    const box = hex(
      `f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a
       c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae
       90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74
       e355a5`,
    );
    expect(makeSecretbox(message, theirs, firstkey)).toEqual(box);
    expect(openSecretbox(box, theirs, firstkey)).toEqual(message);
  });

  it("gives what libsodium gives, and opens what it made", () => {
    fc.assert(
      fc.property(bytes({ maxLength: 400 }), nonce, key, (message, nonce, key) => {
        const theirs = Buffer.alloc(message.length + 16);
        sodium.crypto_secretbox_easy(
          theirs,
          Buffer.from(message),
          Buffer.from(nonce),
          Buffer.from(key),
        );
        expect(makeSecretbox(message, nonce, key)).toEqual(new Uint8Array(theirs));
        expect(openSecretbox(new Uint8Array(theirs), nonce, key)).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    // RFC 8439 A.3, 7 to 9: sums between the prime and the next power of two, and carries at the end.
    ["02", "00", "ff".repeat(16), "03"],
    ["02", "ff".repeat(16), "02".padEnd(32, "0"), "03"],
    ["02", "00", `fd${"ff".repeat(15)}`, `fa${"ff".repeat(15)}`],
  ])("reduces as the standard's vectors ask for: r %s, s %s", (r, s, message, tag) => {
    const key = hex(r.padEnd(32, "0") + s.padEnd(32, "0"));
    expect(poly1305(hex(message), key)).toEqual(hex(tag.padEnd(32, "0")));
  });

  it("carries where all bits are set", () => {
    // The last reduction happens for few sums only; these keys and messages come near.
    for (const length of [15, 16, 17, 31, 32, 33, 64, 1000]) {
      for (const value of [0, 1, 0x7f, 0x80, 0xfb, 0xff]) {
        const message = new Uint8Array(length).fill(value);
        const nonce = new Uint8Array(24).fill(value);
        const key = new Uint8Array(32).fill(255 - value);
        const theirs = Buffer.alloc(length + 16);
        sodium.crypto_secretbox_easy(
          theirs,
          Buffer.from(message),
          Buffer.from(nonce),
          Buffer.from(key),
        );
        expect(makeSecretbox(message, nonce, key)).toEqual(new Uint8Array(theirs));
      }
    }
  });

  it("opens no box in which a bit was changed, or that is too short", () => {
    const key = new Uint8Array(32).fill(7);
    const nonce = new Uint8Array(24).fill(9);
    const box = makeSecretbox(hex("00112233445566778899aabbccddeeff0011"), nonce, key);
    for (let bit = 0; bit < box.length * 8; bit += 1) {
      const changed = box.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(openSecretbox(changed, nonce, key)).toBeUndefined();
    }
    for (let length = 0; length < box.length; length += 1) {
      expect(openSecretbox(box.subarray(0, length), nonce, key)).toBeUndefined();
    }
    expect(openSecretbox(box, new Uint8Array(24), key)).toBeUndefined();
    expect(openSecretbox(box, nonce, new Uint8Array(32))).toBeUndefined();
  });

  it("says that a key or a nonce is of the wrong length", () => {
    const message = new Uint8Array(1);
    expect(() => makeSecretbox(message, new Uint8Array(24), new Uint8Array(31))).toThrow(
      RangeError,
    );
    expect(() => makeSecretbox(message, new Uint8Array(12), new Uint8Array(32))).toThrow(
      RangeError,
    );
  });
});
