import { describe, expect, it } from "vitest";
import { nodeAesGcm, webAesGcm } from "../../../../src/lib/aes-gcm.ts";
import { bodyCipher } from "../../../../src/stores/layers/encrypted-body.ts";
import { bodyVectors } from "../../../vectors/make.ts";
import { bodyOf } from "../../../vectors/reference.ts";

const DAY = 86_400_000;

const bytesOf = (secret: string): string | Uint8Array =>
  secret.startsWith("hex:") ? Buffer.from(secret.slice(4), "hex") : secret;

describe("body.json", () => {
  it("is what the reference makes", async () => {
    const json = `${JSON.stringify(bodyVectors(), undefined, 2)}\n`;
    await expect(json).toMatchFileSnapshot("../../../vectors/body.json");
  });

  it.each(bodyVectors())("opens, by either cryptography: $text", async (vector) => {
    const { secret, id, userId, text, body } = vector;
    for (const gcm of [nodeAesGcm(), webAesGcm()]) {
      const cipher = bodyCipher([bytesOf(secret)], gcm);
      expect(await cipher.decrypt(text, { id, userId })).toEqual({ body });
    }
  });

  it.each(bodyVectors())("is what would be made, by either cryptography: $text", async (vector) => {
    const { secret, id, userId, day, body } = vector;
    for (const gcm of [nodeAesGcm(), webAesGcm()]) {
      const cipher = bodyCipher([bytesOf(secret)], gcm);
      const text = await cipher.encrypt(body, { id, userId }, day * DAY);
      const nonce = Buffer.from(text, "base64url").subarray(7, 19).toString("hex");
      expect(bodyOf(secret, { id, userId }, day, nonce, body)).toBe(text);
    }
  });
});
