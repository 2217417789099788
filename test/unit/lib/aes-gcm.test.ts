import { createCipheriv } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AesGcm, Encrypted } from "../../../src/lib/aes-gcm.ts";
import { nodeAesGcm, webAesGcm } from "../../../src/lib/aes-gcm.ts";
import vectors from "../../vectors/aes-256-gcm.json" with { type: "json" };

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const implementations: [name: string, gcm: AesGcm][] = [
  ["node:crypto", nodeAesGcm() as AesGcm],
  ["Web crypto", webAesGcm()],
];
const zeros = new Uint8Array(64);
const nonce = zeros.subarray(0, 12);

describe.each(implementations)("AES-256-GCM by %s", (_, gcm) => {
  it.each(vectors)("gives the published bytes: $source", async (vector) => {
    const { key, nonce, data, plaintext, ciphertext, tag } = unhex(vector);
    const ready = await gcm.key(key);
    const encrypted = await gcm.encrypt(ready, nonce, data, plaintext);
    expect(hex(encrypted.ciphertext)).toBe(hex(ciphertext));
    expect(hex(encrypted.tag)).toBe(hex(tag));
    const opened = (await gcm.decrypt(ready, nonce, data, { ciphertext, tag })) as Uint8Array;
    expect(hex(opened)).toBe(hex(plaintext));
  });

  it("opens nothing of which a single bit differs", async () => {
    const { key, nonce, data, plaintext } = unhex(vectors[2] as Vector);
    const ready = await gcm.key(key);
    const { ciphertext, tag } = await gcm.encrypt(ready, nonce, data, plaintext);
    for (const part of [nonce, data, ciphertext, tag]) {
      for (let bit = 0; bit < part.length * 8; bit += 1) {
        const byte = part[bit >> 3] as number;
        part[bit >> 3] = byte ^ (1 << (bit & 7));
        expect(await gcm.decrypt(ready, nonce, data, { ciphertext, tag })).toBeUndefined();
        part[bit >> 3] = byte;
      }
    }
    expect(await gcm.decrypt(ready, nonce, data, { ciphertext, tag })).toBeDefined();
    const other = await gcm.key(key.map((byte) => byte ^ 1));
    expect(await gcm.decrypt(other, nonce, data, { ciphertext, tag })).toBeUndefined();
  });

  it("opens nothing with a tag of another length", async () => {
    const bytes = zeros.slice(0, 32);
    const key = await gcm.key(bytes);
    const { ciphertext } = await gcm.encrypt(key, nonce, zeros, zeros);
    // These tags are genuine: cut as GCM allows, and as Node before 26 takes them unasked.
    for (const length of [0, 4, 8, 12, 13, 14, 15]) {
      const authTagLength = Math.max(length, 4);
      const cipher = createCipheriv("aes-256-gcm", bytes, nonce, { authTagLength });
      cipher.setAAD(zeros);
      cipher.update(zeros);
      cipher.final();
      const tag = new Uint8Array(cipher.getAuthTag()).slice(0, length);
      expect(await gcm.decrypt(key, nonce, zeros, { ciphertext, tag })).toBeUndefined();
    }
    expect(await gcm.decrypt(key, nonce, zeros, { ciphertext, tag: zeros })).toBeUndefined();
  });

  it("has read its arguments when it returns", async () => {
    const key = await gcm.key(zeros.slice(0, 32));
    const used = [nonce.slice(), zeros.slice(), zeros.slice()] as const;
    const pending = gcm.encrypt(key, ...used);
    for (const memory of used) memory.fill(255);
    const encrypted = await pending;
    expect(encrypted).toEqual(await gcm.encrypt(key, nonce, zeros, zeros));
    const again = [nonce.slice(), zeros.slice()] as const;
    const { ciphertext, tag } = { ...encrypted };
    const opened = gcm.decrypt(key, ...again, { ciphertext, tag });
    for (const memory of [...again, ciphertext, tag]) memory.fill(255);
    expect(hex((await opened) as Uint8Array)).toBe(hex(zeros));
  });

  it("P13 shows nothing of a key", async () => {
    const secret = Uint8Array.from({ length: 32 }, (_, at) => 100 + at);
    const key = await gcm.key(secret);
    const shown = inspect(key, { showHidden: true, depth: 9 }) + JSON.stringify(key);
    expect(shown).not.toContain(Buffer.from(secret).toString("hex").slice(0, 8));
    expect(shown).not.toContain("100, 101");
    expect(shown).not.toContain(Buffer.from(secret).toString("base64").slice(0, 8));
  });
});

describe("the two implementations", () => {
  it("give the same bytes, at every length around the ends of blocks", async () => {
    const [[, node], [, web]] = implementations as [[string, AesGcm], [string, AesGcm]];
    const secret = Uint8Array.from({ length: 32 }, (_, at) => at * 3);
    const [nodeKey, webKey] = [node.key(secret), await web.key(secret)];
    for (let length = 0; length <= 70; length += 1) {
      const plaintext = Uint8Array.from({ length }, (_, at) => at);
      const data = Uint8Array.from({ length: 70 - length }, (_, at) => at);
      const one = node.encrypt(nodeKey, nonce, data, plaintext) as Encrypted;
      const two = await web.encrypt(webKey, nonce, data, plaintext);
      expect(hex(one.ciphertext) + hex(one.tag)).toBe(hex(two.ciphertext) + hex(two.tag));
    }
  });
});

describe("nodeAesGcm", () => {
  it("answers at once, without a promise", () => {
    const gcm = nodeAesGcm() as AesGcm;
    const key = gcm.key(zeros.slice(0, 32));
    const encrypted = gcm.encrypt(key, nonce, zeros, zeros);
    expect(encrypted).not.toBeInstanceOf(Promise);
    expect(gcm.decrypt(key, nonce, zeros, encrypted as Encrypted)).not.toBeInstanceOf(Promise);
  });

  it("does not exist on a runtime that has no node:crypto, or a hollow one", () => {
    const hollow = {
      createSecretKey: () => ({}),
      createCipheriv() {
        throw new Error("not implemented");
      },
    };
    for (const process of [undefined, {}, module(undefined), module({}), module(hollow)]) {
      vi.stubGlobal("process", process);
      expect(nodeAesGcm()).toBeUndefined();
    }
  });
});

function module(crypto: unknown): object {
  return { getBuiltinModule: () => crypto };
}

type Vector = (typeof vectors)[number];

function unhex(vector: Vector): Record<Exclude<keyof Vector, "source">, Uint8Array> {
  const { source: _, ...fields } = vector;
  const entries = Object.entries(fields).map(([name, text]) => [name, bytes(text)]);
  return Object.fromEntries(entries) as ReturnType<typeof unhex>;
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}
