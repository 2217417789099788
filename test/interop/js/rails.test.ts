import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";
import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RailsDigest } from "../../../src/interop/rails.ts";
import {
  deviseUser,
  makeEncryptedCookie,
  makeSignedCookie,
  openEncryptedCookie,
  openSignedCookie,
  railsSession,
} from "../../../src/interop/rails.ts";
import { describeWith, findProgram } from "../../support/needs.ts";
import { coverage } from "../coverage.ts";
import { opened, refusal, takeFields } from "./browser.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = coverage("js-rails");
const NAME = "_shop_session";
const SECRET = "a0b1c2d3".repeat(16);
const DAY = 86_400_000;

interface Answer {
  readonly session?: Record<string, unknown>;
  readonly cookie?: string;
  readonly value?: unknown;
  /** The session as Ruby's JSON, whose numbers are exact. */
  readonly shown?: string;
  readonly error?: string;
}

/** Rails behind a pipe, one question at a time. */
class Rails {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    const script = fileURLToPath(new URL("./rails.rb", import.meta.url));
    this.#child = spawn(program, [script]);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("Rails has ended");
    return JSON.parse(value);
  }

  async ask(question: object): Promise<Answer> {
    this.#child.stdin.write(
      `${JSON.stringify({ name: NAME, secret: SECRET, digest: "sha256", ...question })}\n`,
    );
    const answer = (await this.line()) as Answer;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin.end();
    await ended;
  }
}

const header = (value: string | undefined): string => `${NAME}=${value}`;

function cookieIn({ cookie = "" }: Answer): string {
  const jar = new Map<string, string>();
  takeFields(jar, cookie.split("\n"));
  return jar.get(NAME) as string;
}

describeWith({ rails: railsProgram() }, "Rails, live", () => {
  let rails: Rails;
  let version: string;
  const note = (what: string) =>
    cover({ library: "Rails", version, what, direction: "both", how: "live" });
  beforeAll(async () => {
    rails = new Rails(railsProgram() ?? "ruby");
    version = ((await rails.line()) as { rails: string }).rails;
    expect(version).toMatch(/^[678]\./);
  });
  afterAll(() => rails.end());

  describe.each(["sha256", "sha1"] as const)("with keys by %s", (digest) => {
    const source = railsSession({ name: NAME, secretKeyBase: SECRET, keyDigest: digest });
    const ask = (question: object) => rails.ask({ digest, ...question });

    it("is read as the app left it", async () => {
      const set = {
        user_id: 42,
        name: "Zoë ❄",
        flash: { discard: [], flashes: { notice: "Saved." } },
      };
      const value = cookieIn(await ask({ do: "visit", set }));
      const found = await opened(source, () => value);
      expect(found).toMatchObject({ userId: "42", persistent: false, data: set });
      expect(found.identity).toMatch(/^[0-9a-f]{32}$/);
      expect(found.identity).toBe(found.data["session_id"]);
    });

    it("keeps whole numbers of any size to the last digit, also whose it is", async () => {
      // Ids of Discord and others have 18 digits; of what JavaScript cannot hold the last ones are lost.
      const json =
        '{"user_id":812345678901234567,"more":[-9007199254740993,123456789012345678901]}';
      const value = cookieIn(await ask({ do: "visit", json }));
      const found = await opened(source, () => value);
      expect(found).toMatchObject({ userId: "812345678901234567" });
      const { cookies } = await source.seal(
        { ...found, data: { ...found.data, n: 1 } },
        Date.now(),
      );
      const again = await ask({ do: "visit", cookie: header(cookies[0]?.value) });
      expect(again.shown).toContain(json.slice(1, -1));
    });

    it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
      await fc.assert(
        fc.asyncProperty(kept, sessionData, async (first, second) => {
          const value = cookieIn(await ask({ do: "visit", set: { ...first, always: 1 } }));
          const found = await opened(source, () => value);
          expect(found.data).toMatchObject({ ...first, always: 1 });
          const session_id = found.identity;
          const { cookies } = await source.seal(
            { ...found, data: { ...second, session_id } },
            Date.now(),
          );
          const { session } = await ask({ do: "visit", cookie: header(cookies[0]?.value) });
          expect(session).toEqual({ ...second, session_id });
        }),
        { numRuns: 40 },
      );
      note(`session cookie, keys by ${digest}`);
    });

    it("keeps other encrypted and signed cookies, in both directions", async () => {
      const options = { name: NAME, secretKeyBase: SECRET, keyDigest: digest };
      const json = { a: ["Zoë", 1, null, true, { b: 2.5 }] };
      for (const [kind, open, make] of [
        ["encrypted", openEncryptedCookie, makeEncryptedCookie],
        ["signed", openSignedCookie, makeSignedCookie],
      ] as const) {
        const theirs = cookieIn(await ask({ do: "write", kind, value: json }));
        expect(await open(theirs, options, Date.now())).toEqual({ json, keyIndex: 0 });
        const ours = await make(json, options);
        expect(await ask({ do: "read", kind, cookie: header(ours) })).toEqual({ value: json });
        const past = await make(json, options, Date.now() - 1000);
        expect(await ask({ do: "read", kind, cookie: header(past) })).toEqual({ value: null });
        expect(await open(past, options, Date.now())).toMatchObject({ refused: "expired" });
        const other = { ...options, name: "_other" };
        const moved = await make(json, other);
        expect(await ask({ do: "read", kind, cookie: header(moved) })).toEqual({ value: null });
        expect(await open(moved, options, Date.now())).toMatchObject({ refused: "forged" });
      }
      note(`encrypted and signed cookies, keys by ${digest}`);
    });
  });

  const source = railsSession({ name: NAME, secretKeyBase: SECRET, expireAfter: 3600 });

  it("is read with its end, and written with one", async () => {
    const asked = { do: "visit", set: { a: 1 }, expire_after: 3600 };
    const value = cookieIn(await rails.ask(asked));
    const found = await opened(source, () => value);
    expect(found.persistent).toBe(true);
    expect(found.expiresAt).toBeGreaterThan(Date.now() + 3_590_000);
    expect(await refusal(source, { [NAME]: value }, Date.now() + 3_700_000)).toBe("expired");
    const now = Date.now();
    const made = await source.seal({ data: { a: 2 }, userId: "ada", expiresAt: now + DAY }, now);
    expect(made.cookies[0]?.expiresAt).toBe(now + DAY);
    const { session } = await rails.ask({ do: "visit", cookie: header(made.cookies[0]?.value) });
    expect(session).toEqual({ session_id: made.identity, a: 2, user_id: "ada" });
  });

  it("is read without the envelope that Rails 5.2 did not write", async () => {
    const value = cookieIn(await rails.ask({ do: "visit", set: { a: 1 }, metadata: false }));
    expect((await opened(source, () => value)).data).toMatchObject({ a: 1 });
  });

  it("is refused by name when it holds Marshal", async () => {
    for (const metadata of [true, false]) {
      const asked = { do: "visit", set: { a: 1 }, serializer: "marshal", metadata };
      const value = cookieIn(await rails.ask(asked));
      expect(await refusal(source, { [NAME]: value })).toBe("unsupported");
    }
  });

  it("goes on through a rotation of secrets and of digests", async () => {
    const old = cookieIn(await rails.ask({ do: "visit", set: { a: 1 }, digest: "sha1" }));
    const rotated = railsSession({
      name: NAME,
      secretKeyBase: ["f".repeat(128), SECRET],
      keyDigest: ["sha256", "sha1"],
    });
    const found = await opened(rotated, () => old);
    const { cookies } = await rotated.seal(found, Date.now());
    const asked = { do: "visit", cookie: header(cookies[0]?.value), secret: "f".repeat(128) };
    expect((await rails.ask(asked)).session).toEqual(found.data);
    expect(await refusal(source, { [NAME]: old })).toBe("forged");
  });
});

/** A cookie of Rails 5.2, with any text in it. */
function encryptedText(text: string): string {
  const key = pbkdf2Sync(SECRET, "authenticated encrypted cookie", 1000, 32, "sha256");
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final()]);
  const parts = [ciphertext, iv, cipher.getAuthTag()];
  return encodeURIComponent(parts.map((part) => part.toString("base64")).join("--"));
}

describe("cookies of Rails", () => {
  const options = { name: NAME, secretKeyBase: SECRET };
  const source = railsSession(options);
  const now = Date.now();

  it.each([
    ["malformed", "text"],
    ["malformed", [1]],
    ["malformed", null],
  ])("that are no session are refused as %s: %j", async (reason, json) => {
    const value = await makeEncryptedCookie(json, options);
    expect(await refusal(source, { [NAME]: value })).toBe(reason);
  });

  it("that are nested deeper than we write ourselves are refused as too-large", async () => {
    const nested = (levels: number): string =>
      encryptedText(`{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`);
    expect(await refusal(source, { [NAME]: nested(100) })).toBe("too-large");
    const few = await opened(source, () => nested(2));
    expect(few.data).toEqual({ a: [[]] });
  });

  it("are refused under another secret, another digest, and as the other kind", async () => {
    const value = await makeEncryptedCookie({ a: 1 }, options);
    const other = { ...options, secretKeyBase: "another" };
    expect(await openEncryptedCookie(value, other, now)).toMatchObject({ refused: "forged" });
    const sha1 = { ...options, keyDigest: "sha1" as RailsDigest };
    expect(await openEncryptedCookie(value, sha1, now)).toMatchObject({ refused: "forged" });
    expect(await openSignedCookie(value, options, now)).toHaveProperty("refused");
    const signed = await makeSignedCookie({ a: 1 }, options);
    expect(await refusal(source, { [NAME]: signed })).toBe("malformed");
    const sha256 = { ...options, digest: "sha256" as RailsDigest };
    expect(await openSignedCookie(signed, sha256, now)).toMatchObject({ refused: "forged" });
  });

  it("hold Devise's user, which is kept and never made up", async () => {
    const devise = railsSession({ ...options, user: deviseUser() });
    const data = { "warden.user.user.key": [[42], "$2a$12$abcdefghijk"], other: 1 };
    const value = await makeEncryptedCookie(data, options);
    const found = await opened(devise, () => value);
    expect(found.userId).toBe("42");
    const { cookies } = await devise.seal(found, now);
    expect((await opened(devise, () => cookies[0]?.value)).data).toMatchObject(data);
    await expect(devise.seal({ ...found, userId: "43" }, now)).rejects.toMatchObject({
      path: "warden.user.user.key",
    });
  });

  it("take no more than Rails takes", async () => {
    await expect(source.seal({ data: { a: "a".repeat(3000) } }, now)).rejects.toMatchObject({
      code: "ERR_SESSION_TOO_LARGE",
    });
  });

  it("are refused at the start when an option cannot work", () => {
    expect(() => railsSession({ ...options, name: "" })).toThrow(/`name`/);
    expect(() => railsSession({ ...options, secretKeyBase: "" })).toThrow(/`secretKeyBase`/);
    expect(() => railsSession({ ...options, keyDigest: "md5" as never })).toThrow(/`keyDigest`/);
  });

  describe("that are not right", () => {
    refusesHostileCookies({
      source,
      cookie: NAME,
      genuine: async () => ({ [NAME]: await makeEncryptedCookie({ a: 1 }, options) }),
    });
  });

  describe("that are signed and not right", () => {
    refusesHostileCookies({
      source: {
        async open(cookie: (name: string) => string | undefined) {
          const value = cookie(NAME);
          if (value === undefined) return { refused: "absent", problem: "" };
          const read = await openSignedCookie(value, options, now);
          return "refused" in read ? read : { data: {}, identity: "", cookieNames: [] };
        },
      } as never,
      cookie: NAME,
      runs: 60,
      genuine: async () => ({ [NAME]: await makeSignedCookie({ a: 1 }, options) }),
    });
  });
});

/** Rack keeps no key whose value is null, and what stands here for a number of 16 digits is a bigint. */
const kept = sessionData
  .filter((data) => !/\d{16}/.test(JSON.stringify(data)))
  .map((data) => Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null)));

/** Ruby, if it has Rails. */
function railsProgram(): string | undefined {
  const ruby = findProgram("ruby");
  if (ruby === undefined) return undefined;
  try {
    execFileSync(ruby, ["-e", 'gem "actionpack"'], { stdio: "ignore" });
    return ruby;
  } catch {
    return undefined;
  }
}
