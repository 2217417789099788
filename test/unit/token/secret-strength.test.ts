import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateSecret } from "../../../src/token/key-ring.ts";
import { secretProblem } from "../../../src/token/secret-strength.ts";

const GUESSABLE = "is too easy to guess (words, repeats, sequences)";

describe("secretProblem", () => {
  it.each<[name: string, make: () => string | Uint8Array]>([
    ["coatcheck secret", generateSecret],
    ["openssl rand -base64 32", () => randomBytes(32).toString("base64")],
    ["openssl rand -hex 32", () => randomBytes(32).toString("hex")],
    ["32 bytes in base64url", () => randomBytes(32).toString("base64url")],
    ["64 bytes in base64", () => randomBytes(64).toString("base64")],
    ["64 bytes in hex, upper case", () => randomBytes(64).toString("hex").toUpperCase()],
    ["two UUIDs", () => crypto.randomUUID() + crypto.randomUUID()],
    ["32 bytes", () => new Uint8Array(randomBytes(32))],
    ["64 bytes", () => randomBytes(64)],
  ])("takes %s", (_, make) => {
    for (let index = 0; index < 100; index += 1) expect(secretProblem(make())).toBeUndefined();
  });

  it("asks for 43 characters or 32 bytes", () => {
    const text = randomBytes(40).toString("base64url");
    expect(secretProblem(text.slice(0, 42))).toBe("has 42 characters and needs 43");
    expect(secretProblem(randomBytes(31))).toBe("has 31 bytes and needs 32");
    expect(secretProblem("")).toBe("has 0 characters and needs 43");
  });

  it("judges bytes that are text as text", () => {
    const text = randomBytes(40).toString("base64url");
    expect(secretProblem(Buffer.from(text.slice(0, 42)))).toBe("has 42 characters and needs 43");
    expect(secretProblem(Buffer.from(text.slice(0, 43)))).toBeUndefined();
    expect(secretProblem(Buffer.from("keyboard-cat".repeat(5)))).toBe("is a placeholder");
  });

  it("refuses what is no secret at all", () => {
    expect(secretProblem(undefined)).toMatch(/is undefined/);
    for (const value of [null, 42, {}, [], true, new ArrayBuffer(32), Symbol("secret")]) {
      expect(secretProblem(value)).toBe("is neither a string nor a Uint8Array");
    }
  });

  it("refuses white space and letters outside ASCII: two deployments may read them differently", () => {
    const good = generateSecret();
    for (const text of [
      `${good}\n`,
      ` ${good}`,
      `${good}\r\n`,
      `${good} ${good}`,
      `${good}ż`,
      `${good}\0`,
    ]) {
      expect(secretProblem(text)).toBe(
        "has white space (a line break at its end?) or characters that are not ASCII",
      );
    }
  });

  it("judges bytes that are the lines of a text as text: what a file holds that ends in a line break", () => {
    for (const text of ["CHANGE-ME-8d5f1c7b2e9a4f6d3c0b8a7e5d2f1c9b6a4e", generateSecret()]) {
      for (const end of ["\n", "\r\n", "\t", " "]) {
        expect(secretProblem(Buffer.from(text + end))).toBe(
          "has white space (a line break at its end?) or characters that are not ASCII",
        );
      }
    }
  });

  it("refuses a generated secret that was cut or grew", () => {
    const good = generateSecret();
    for (const text of [good.slice(0, -1), `${good}A`, `${good.slice(0, -1)}=`]) {
      expect(secretProblem(text)).toBe("begins like a generated one and is not whole");
    }
  });

  it.each([
    "keyboardcatkeyboardcatkeyboardcatkeyboardcat",
    "keyboard-cat-keyboard-cat-keyboard-cat-keyboard-cat",
    "changemechangemechangemechangemechangemechangeme",
    "CHANGE-ME-8d5f1c7b2e9a4f6d3c0b8a7e5d2f1c9b6a4e",
    "please_change_this_to_something_that_is_long_and_random",
    "complex_password_at_least_32_characters_long",
    "A_Super_Secret_Key_That_Is_At_Least_32_Characters_Long",
    "django-insecure-9x$k2v!mz7@q4w8e#r5t6y1u3i0o9p2a4s6d8f",
    "example-8d5f1c7b2e9a4f6d3c0b8a7e5d2f1c9b6a4e8d5f1c",
  ])("refuses a placeholder: %s", (text) => {
    expect(secretProblem(text)).toBe("is a placeholder");
  });

  it.each([
    // Documentation of Flask and Tornado, RFC 7515 A.1; hashes of nothing and of "secret".
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "43oETzKXQAGaYdkL5gEmGeJJFuYh7EQnp2XdTP1o/Vo=",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
    // What our own pages had in their examples.
    "zvVRzzTcMdkgxwvEMAYrMmgGvQMdbqBTYdTbrcDYdBg",
  ])("refuses what is published: %s", (text) => {
    expect(secretProblem(text)).toBe("is published");
  });

  it.each([
    ["one character", "a".repeat(64)],
    ["zeros in groups", "00000000-0000-0000-0000-000000000000-0000000000"],
    ["a word again and again", "secret".repeat(8)],
    ["a random word again and again", "xK9#mQ2$".repeat(8)],
    ["a password again and again", "P@ssw0rd123!".repeat(4)],
    ["the digits", "1234567890".repeat(5)],
    ["hexadecimal digits in order", "0123456789abcdef".repeat(4)],
    ["the alphabet", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
    ["the alphabet in both cases", "AbCdEfGhIjKlMnOpQrStUvWxYz1234567890AbCdEfGhIjKlMnOp"],
    ["letters and digits in turn", "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v2w3x4"],
    [
      "hexadecimal digits in turn",
      "8f9a7b6c5d4e3f2a1b0c9d8e7f6a5b4c8f9a7b6c5d4e3f2a1b0c9d8e7f6a5b4c",
    ],
    ["rows of the keyboard", "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm"],
    ["columns of the keyboard", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/!@#$%^&*()"],
    ["columns of the keyboard, upwards", "zaq1xsw2cde3vfr4bgt5nhy6mju7,ki8.lo9/;p0zaq1xsw2"],
    ["pi", "3141592653589793238462643383279502884197169399375105820974944592"],
    ["digits ten times each", "1111111111222222222233333333334444444444555555"],
    ["words", "correct-horse-battery-staple-purple-monkey-dishwasher"],
    ["words in upper case", "THISISAVERYLONGSECRETTHATNOBODYWILLEVERGUESS"],
    ["words in camel case", "SuperSecretSessionKeyForMyWonderfulApplication"],
    ["words and a year", "my_very_secure_jwt_secret_for_this_application_2024"],
    ["words and a number", "another_different_secret_key_that_is_also_32_characters"],
    ["words with digits for letters", "Th1sIsMyV3ryL0ngS3cr3tK3yF0rMyApp2024!!!!!!!!"],
    ["words of a list", "abandon-ability-able-about-above-absent-absorb-abstract-absurd"],
    [
      "words of a list in upper case",
      "ABANDON_ABILITY_ABLE_ABOUT_ABOVE_ABSENT_ABSORB_ABSTRACT_ABSURD_7",
    ],
    ["a sentence", "itwasthebestoftimesitwastheworstoftimesitwastheageofwisdom"],
    ["a pangram", "TheQuickBrownFoxJumpsOverTheLazyDogs1234567890"],
    ["words of another language", "dasisteinsehrgeheimesundlangespasswortfueralle"],
  ])("refuses %s", (_, text) => {
    expect(secretProblem(text)).toBe(GUESSABLE);
    expect(secretProblem(Buffer.from(text))).toBe(GUESSABLE);
  });

  it.each(["hex", "base64", "base64url"] as const)(
    "refuses a phrase in %s, and bytes in order",
    (encoding) => {
      const inOrder = Uint8Array.from({ length: 36 }, (_, at) => at);
      for (const easy of [
        "my super secret passphrase that nobody will ever guess",
        "changemechangemechangemechangemechangeme",
        "xK9#mQ2$".repeat(5),
        Buffer.from("a phrase, twice in base64, is a phrase").toString("base64"),
        inOrder,
      ]) {
        const text = Buffer.from(easy as string).toString(encoding);
        expect(secretProblem(text), text).toBe(GUESSABLE);
        expect(secretProblem(Buffer.from(text)), text).toBe(GUESSABLE);
      }
      // Random characters stay what they are.
      const random = Buffer.from(randomBytes(32).toString("hex")).toString(encoding);
      expect(secretProblem(random)).toBeUndefined();
    },
  );

  it.each([
    ["zeros", new Uint8Array(32)],
    ["one byte again and again", new Uint8Array(64).fill(0xa5)],
    ["bytes in order", Uint8Array.from({ length: 64 }, (_, at) => at)],
    ["bytes downwards", Uint8Array.from({ length: 64 }, (_, at) => 255 - at)],
    [
      "eight bytes again and again",
      Uint8Array.from({ length: 64 }, (_, at) => (at % 8) * 31 + 130),
    ],
  ])("refuses %s", (_, bytes) => {
    expect(secretProblem(bytes)).toBe(GUESSABLE);
  });

  it("P14 judges a megabyte as fast as 256 characters", () => {
    expect(secretProblem("a".repeat(1 << 20))).toBe(GUESSABLE);
    expect(secretProblem(randomBytes(1 << 19).toString("hex"))).toBeUndefined();
    expect(secretProblem(new Uint8Array(1 << 20))).toBe(GUESSABLE);
  });
});
