import fc from "fast-check";
import * as eight from "react-router";
import * as seven from "react-router7";
import { describe, expect, it } from "vitest";
import {
  reactRouterSession,
  readSignedCookie,
  userAt,
  writeSignedCookie,
} from "../../../src/interop/react-router.ts";
import { opened, refusal, takeFields } from "./browser.ts";
import { covering } from "./covered.ts";
import { refusesHostileCookies } from "./hostile.ts";
import { sessionData } from "./values.ts";

const cover = covering("react-router");

const SECRETS = ["the new secret", "the old secret"];
const SEALED = (value: string): { __session: string } => ({ __session: value });

type Data = Record<string, unknown>;

function jarOf(field: string): Map<string, string> {
  const jar = new Map<string, string>();
  takeFields(jar, [field]);
  return jar;
}

const libraries = [
  { version: 8, folder: "react-router", library: eight as unknown as typeof seven },
  { version: 7, folder: "react-router7", library: seven },
];

describe.each(libraries)("React Router $version's cookie sessions, live", ({ library, folder }) => {
  const { createCookie, createCookieSessionStorage } = library;
  const theirs = createCookieSessionStorage<Data>({ cookie: { secrets: SECRETS } });
  const source = reactRouterSession({ secrets: SECRETS, user: userAt("userId") });

  async function written(data: Data): Promise<Map<string, string>> {
    const session = await theirs.getSession();
    for (const [key, value] of Object.entries(data)) session.set(key, value);
    return jarOf(await theirs.commitSession(session));
  }

  it("are read as the app left them, flash included", async () => {
    const session = await theirs.getSession();
    session.set("userId", 42);
    session.set("name", "Zoë ❄");
    session.flash("message", "Saved.");
    const jar = jarOf(await theirs.commitSession(session));
    expect(await opened(source, (name) => jar.get(name))).toMatchObject({
      userId: "42",
      persistent: false,
      data: { userId: 42, name: "Zoë ❄", __flash_message__: "Saved." },
    });
  });

  it("reads what the app wrote, and the app reads what we wrote, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(sessionData, sessionData, async (first, second) => {
        const jar = await written(first);
        const found = await opened(source, (name) => jar.get(name));
        expect(found.data).toEqual(first);
        const { cookies } = await source.seal({ ...found, data: { ...second, n: 1 } }, Date.now());
        const back = await theirs.getSession(`__session=${cookies[0]?.value}`);
        expect(back.data).toEqual({ ...second, n: 1 });
      }),
      { numRuns: 60 },
    );
    cover({ library: "react-router", what: "cookie", folder });
  });

  it("goes on through a rotation of secrets", async () => {
    const old = createCookieSessionStorage<Data>({ cookie: { secrets: ["the old secret"] } });
    const session = await old.getSession();
    session.set("a", 1);
    const jar = jarOf(await old.commitSession(session));
    const found = await opened(source, (name) => jar.get(name));
    const { cookies } = await source.seal(found, Date.now());
    const fresh = readSignedCookie(cookies[0]?.value as string, ["the new secret"]);
    expect(fresh).toEqual({ json: { a: 1 }, keyIndex: 0 });
    const again = await opened(source, () => cookies[0]?.value);
    expect((await source.seal(again, Date.now())).cookies).toEqual([]);
  });

  it("are deleted with the attributes that they were set with", () => {
    const cookie = { domain: "example.com", path: "/app", secure: true, httpOnly: true };
    const [gone] = reactRouterSession({ secrets: SECRETS, cookie }).deletion();
    expect(gone).toEqual({
      name: "__session",
      value: "",
      expiresAt: 0,
      attributes: { ...cookie, sameSite: "lax" },
    });
  });

  describe("in a cookie that is not right", () => {
    refusesHostileCookies({
      source,
      cookie: "__session",
      genuine: () => SEALED(writeSignedCookie({ a: 1 }, SECRETS)),
    });

    it("refuses what was signed and is odd", async () => {
      const odd: [string, unknown][] = [
        ["malformed", "an id"],
        ["malformed", [1]],
        ["malformed", null],
        ["malformed", 42],
        ["too-large", JSON.parse(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`)],
        ["unsupported", JSON.parse('{"a":{"__proto__":{"admin":true}}}')],
      ];
      for (const [reason, json] of odd) {
        const cookie = createCookie("__session", { secrets: SECRETS });
        const jar = jarOf(await cookie.serialize(json));
        expect(await refusal(source, Object.fromEntries(jar))).toBe(reason);
      }
    });

    it("refuses an unsigned one, and another app's", async () => {
      const unsigned = jarOf(await createCookie("__session").serialize({ admin: true }));
      expect(await refusal(source, Object.fromEntries(unsigned))).toBe("malformed");
      expect(await refusal(source, SEALED(writeSignedCookie({}, ["another"])))).toBe("forged");
    });
  });

  it("cannot hold what JSON would change", async () => {
    for (const data of [{ at: new Date() }, { set: new Set() }, { f: () => 1 }]) {
      await expect(source.seal({ data }, 0)).rejects.toMatchObject({ code: "ERR_VALUE" });
    }
    await expect(source.seal({ data: { a: "a".repeat(4096) } }, 0)).rejects.toMatchObject({
      code: "ERR_SESSION_TOO_LARGE",
    });
  });
});

describe.each(libraries)(
  "React Router $version's sessions in a storage, live",
  ({ library, folder }) => {
    const { createSessionStorage } = library;
    const kept = new Map<string, { data: Data; expires: Date | undefined }>();
    const storage = {
      async createData(data: Data, expires?: Date) {
        const id = crypto.randomUUID();
        kept.set(id, { data, expires });
        return id;
      },
      readData: async (id: string) => kept.get(id)?.data ?? null,
      async updateData(id: string, data: Data, expires?: Date) {
        kept.set(id, { data, expires });
      },
      async deleteData(id: string) {
        kept.delete(id);
      },
    };
    const cookie = { maxAge: 3600 };
    const theirs = createSessionStorage<Data>({
      cookie: { ...cookie, secrets: SECRETS },
      ...storage,
    });
    const source = reactRouterSession({
      secrets: SECRETS,
      cookie,
      storage,
      user: userAt("userId"),
    });

    it("are read and written in both directions, and removed", async () => {
      const session = await theirs.getSession();
      session.set("userId", "ada");
      const jar = jarOf(await theirs.commitSession(session));
      const found = await opened(source, (name) => jar.get(name));
      expect(found).toMatchObject({
        userId: "ada",
        persistent: true,
        recordKey: [...kept.keys()][0],
      });
      const now = Date.now();
      const sealed = await source.seal({ ...found, data: { userId: "ada", more: 1 } }, now);
      expect(sealed.identity).toBe(found.identity);
      expect(sealed.cookies[0]?.expiresAt).toBe(now + 3_600_000);
      expect(kept.get(found.identity)?.expires?.getTime()).toBe(now + 3_600_000);
      const header = Array.from(jar, ([name, value]) => `${name}=${value}`).join("; ");
      expect((await theirs.getSession(header)).data).toEqual({ userId: "ada", more: 1 });
      const made = await source.seal({ data: {}, userId: "bob" }, now);
      const other = await theirs.getSession(`__session=${made.cookies[0]?.value}`);
      expect(other.data).toEqual({ userId: "bob" });
      await source.remove?.(found);
      expect(await refusal(source, Object.fromEntries(jar))).toBe("absent");
      cover({ library: "react-router", what: "cookie with an id, and storage", folder });
    });

    it("refuse a cookie that holds data, or whose record is odd", async () => {
      expect(await refusal(source, SEALED(writeSignedCookie({ a: 1 }, SECRETS)))).toBe("malformed");
      expect(await refusal(source, SEALED(writeSignedCookie("", SECRETS)))).toBe("malformed");
      kept.set("odd", { data: "text" as never, expires: undefined });
      expect(await refusal(source, SEALED(writeSignedCookie("odd", SECRETS)))).toBe("malformed");
    });
  },
);
