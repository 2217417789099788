import { describe, expect, it } from "vitest";
import { SessionTooLargeError } from "../../../src/errors.ts";
import type { HeadChanges } from "../../../src/index.ts";
import { memoryApp } from "../../support/ways.ts";

const NAME = "__Host-Http-sid";

/** Which cookies a head sets, and which it deletes. */
function outline({ cookies }: HeadChanges): { set: string[]; deleted: string[] } {
  const short = (name: string) => name.replace(NAME, "sid");
  const isDeleted = ({ attributes }: HeadChanges["cookies"][number]) => attributes.maxAge === 0;
  return {
    set: cookies.filter((each) => !isDeleted(each)).map(({ name }) => short(name)),
    deleted: cookies.filter(isDeleted).map(({ name }) => short(name)),
  };
}

const text = (bytes: number) => "x".repeat(bytes);

describe("a sealed session that is too large for one cookie, in development", () => {
  it("is an error that names the bytes of each key, the largest first, and sets nothing", async () => {
    const app = memoryApp({ method: "sealed", dev: true });
    const ada = app.browser();
    await ada.set("small", "x");
    const cookie = ada.cookie();
    const failure = await ada
      .visit(async (session) => {
        const loaded = await session.load();
        loaded.set("medium", text(500));
        loaded.set("large", text(3000));
      })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionTooLargeError);
    const { size, limit, bytesByKey, message } = failure as SessionTooLargeError;
    expect([limit, size > 4096]).toEqual([4096, true]);
    expect(Object.keys(bytesByKey)).toEqual(["large", "medium", "small"]);
    expect(bytesByKey["large"]).toBeGreaterThanOrEqual(3000);
    expect(message).toMatch(/large: 30\d\d, medium: 5\d\d, small: \d+/);
    expect(ada.cookie()).toBe(cookie);
  });

  it("is an error also where production would move it into the store", async () => {
    const app = memoryApp({ method: "sealed", dev: true, sealed: { overflow: "store" } });
    await expect(app.browser().set("a", text(4000))).rejects.toBeInstanceOf(SessionTooLargeError);
    expect(app.recorded.count("create")).toBe(0);
  });
});

describe("a sealed session in chunks", () => {
  it("takes two to four cookies, none larger than a browser keeps, and comes back whole", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    const counts = new Set<number>();
    for (const bytes of [10, 2800, 3100, 4500, 6000, 8500]) {
      const value = Array.from({ length: bytes }, (_, at) => String.fromCharCode(97 + (at % 26)));
      const head = await ada.set("a", value.join(""));
      const { set } = outline(head);
      counts.add(set.length);
      expect(set).toEqual(["sid", "sid-1", "sid-2", "sid-3"].slice(0, set.length));
      for (const { name, value: part, attributes } of head.cookies) {
        expect(name.length + part.length).toBeLessThanOrEqual(set.length === 1 ? 4096 : 3200);
        expect(attributes).toMatchObject({ path: "/", secure: true, sameSite: "lax" });
      }
      expect((await ada.read()).get("a")).toBe(value.join(""));
    }
    expect([...counts].sort()).toEqual([1, 2, 3, 4]);
  });

  it("deletes the parts that are left over when it shrinks", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    expect(outline(await ada.set("a", text(8500)))).toEqual({
      set: ["sid", "sid-1", "sid-2", "sid-3"],
      deleted: [],
    });
    expect(outline(await ada.set("a", text(4500)))).toEqual({
      set: ["sid", "sid-1", "sid-2"].slice(0, 2),
      deleted: ["sid-2", "sid-3"],
    });
    expect((await ada.read()).get("a")).toBe(text(4500));
    expect(outline(await ada.set("a", "x"))).toEqual({ set: ["sid"], deleted: ["sid-1"] });
    expect([ada.cookie().split("; ").length, (await ada.read()).get("a")]).toEqual([1, "x"]);
  });

  it("deletes all of them at sign-out", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.set("a", text(4500));
    const { head } = await ada.visit((session) => session.signOut());
    expect(outline(head)).toEqual({ set: [], deleted: ["sid", "sid-1"] });
    expect(ada.cookie()).toBe("");
  });

  it("has the attributes of the session on each of its cookies", async () => {
    const app = memoryApp({ method: "sealed", cookie: { domain: "example.com" } });
    const { head } = await app.browser().visit(async (session) => {
      (await session.signIn("ada", { remember: true })).set("a", text(4000));
    });
    expect(head.cookies).toHaveLength(2);
    for (const { attributes } of head.cookies) {
      expect(attributes).toMatchObject({ domain: "example.com", maxAge: 30 * 86_400 });
    }
  });

  it("that would take five is an error with the bytes by key, and the session stays as it was", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.set("a", "x");
    const failure = await ada.set("b", text(12_000)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
    expect((failure as SessionTooLargeError).bytesByKey["b"]).toBeGreaterThan(12_000);
    expect((await ada.read()).all()).toEqual({ a: "x" });
  });

  it("that is just too large is told to take more bytes than there are", async () => {
    const sizeOf = async (bytes: number) => {
      const app = memoryApp({ method: "sealed" });
      const failure = await app
        .browser()
        .set("a", text(bytes))
        .catch((error: unknown) => error);
      return failure instanceof SessionTooLargeError ? failure : undefined;
    };
    let most = 9000;
    while ((await sizeOf(most + 16)) === undefined) most += 16;
    const { size, limit } = (await sizeOf(most + 16)) as SessionTooLargeError;
    expect(size).toBeGreaterThan(limit);
    // Seals grow in steps of 64 bytes, which are 86 characters.
    expect(size - limit).toBeLessThan(86);
  });

  it("never mixes parts of two generations: what is not whole opens nothing", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.set("a", text(4500));
    const first = ada.cookie().split("; ");
    await ada.set("a", `${text(4499)}y`);
    const second = ada.cookie().split("; ");
    for (const mixed of [[first[0], second[1]], [second[0], first[1]], [first[0]], [first[1]]]) {
      const browser = app.browser();
      browser.plant(mixed.join("; "));
      const loaded = await browser.read();
      expect([loaded.isNew, loaded.keys()]).toEqual([true, []]);
    }
    // With all parts of one there, strays of the other are of no account.
    const cookie = [...second, first[1]].join("; ");
    const loaded = await app.sessions.open({ headers: { cookie } }).load();
    expect(loaded.get("a")).toBe(`${text(4499)}y`);
  });

  it("refuses two whole generations, which may be of two sessions", async () => {
    const app = memoryApp({ method: "sealed" });
    const [ada, bob] = [app.browser(), app.browser()];
    await ada.set("a", text(4500));
    await bob.set("a", text(4500));
    const cookie = `${ada.cookie()}; ${bob.cookie()}`;
    expect((await app.sessions.open({ headers: { cookie } }).load()).refusal).toBe("ambiguous");
  });

  it("takes the later of two seals of one session, as after a change of `cookie.domain`", async () => {
    const app = memoryApp({ method: "sealed" });
    const ada = app.browser();
    await ada.signIn("ada");
    const before = ada.cookie();
    app.clock.advance("1s");
    await ada.set("theme", "dark");
    const after = ada.cookie();
    app.clock.advance("6m");
    const { head } = await ada.visit((session) => session.load());
    const seen = head.cookies.map(({ name, value }) => `${name}=${value}`);
    expect(seen).toHaveLength(1);
    for (const cookies of [
      [before, after],
      [after, before, ...seen],
      [before, after, ...seen],
    ]) {
      const session = app.sessions.open({ headers: { cookie: cookies.join("; ") } });
      const loaded = await session.load();
      expect([loaded.userId, loaded.all()]).toEqual(["ada", { theme: "dark" }]);
    }
    const leaving = app.sessions.open({ headers: { cookie: `${before}; ${after}` } });
    await leaving.signOut();
    for (const cookie of [before, after]) {
      expect((await app.sessions.open({ headers: { cookie } }).load()).refusal).toBe("revoked");
    }
  });
});
