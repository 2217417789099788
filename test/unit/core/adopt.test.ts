import { afterEach, describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import { cookieSession } from "../../../src/interop/cookie-session.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import type { ForeignSource } from "../../../src/interop/source.ts";
import type { FaultPlan } from "../../../src/testing/faults.ts";
import { gate, nthCall, outage } from "../../../src/testing/faults.ts";
import { foreignLibrary } from "../../support/foreign-library.ts";
import type { Browser } from "../../support/jar.ts";
import type { App, MemoryAppOptions } from "../../support/ways.ts";
import { memoryApp, OTHER_SECRET, SECRET } from "../../support/ways.ts";

afterEach(() => {
  vi.useRealTimers();
});

const NAME = "__Host-Http-sid";

function adopting(
  options: MemoryAppOptions & {
    readonly kind?: "records" | "cookie";
    readonly writeBack?: boolean;
  } = {},
) {
  const { kind, writeBack = false, ...rest } = options;
  const old = foreignLibrary(kind);
  const app = memoryApp({ adopt: [{ from: old, writeBack }], ...rest });
  return { old, app };
}

async function liveIds(app: App, userId: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of app.sessions.list(userId)) ids.push(id);
  return ids;
}

describe("a session of another library", () => {
  it("becomes one of ours: its user and data, a ticket, and its own cookie deleted", async () => {
    const { old, app } = adopting();
    const began = app.clock.now() - 1000;
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada", cart: ["tea"], _csrf: "x" }, began));
    const { head, result } = await ada.visit((session) => session.load());
    expect([result.userId, result.all()]).toEqual(["ada", { cart: ["tea"] }]);
    expect(result.info.authentications).toEqual([{ method: "adopted", at: began }]);
    expect(head.cookies.map(({ name }) => name).sort()).toEqual([NAME, "old.sid"]);
    expect(ada.cookie()).toMatch(new RegExp(`^${NAME}=[\\w-]{76}$`));
    expect(app.told("adopted")).toEqual([
      { sessionId: result.id, userId: "ada", source: "old", dropped: [] },
    ]);
    app.recorded.clear();
    expect((await ada.read()).userId).toBe("ada");
  });

  it("is not looked at by a request that does not use its session, or brings a ticket (P1)", async () => {
    const { old, app } = adopting();
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    old.asked = 0;
    await ada.visit(() => undefined);
    expect([old.asked, app.recorded.count()]).toEqual([0, 0]);
    await ada.read();
    await ada.read();
    old.asked = 0;
    ada.plant(`${ada.cookie()}; old.sid=x`);
    await ada.read();
    expect(old.asked).toBe(0);
  });

  it("that is forged never reaches our store, and the operator hears why (P3)", async () => {
    const { old, app } = adopting();
    const mallory = app.browser();
    mallory.plant(`${await old.signIn({ user: "ada" }, 1)}x`);
    app.recorded.clear();
    expect((await mallory.read()).userId).toBeUndefined();
    expect(app.recorded.count()).toBe(0);
    expect(app.told("adoptionRefused")).toEqual([
      { source: "old", reason: "forged", problem: "wrong signature" },
    ]);
  });

  it("adopted by 20 requests at once ends in one session, and all are served", async () => {
    const { old, app } = adopting();
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada", n: 1 }, 1));
    const visits = Array.from({ length: 20 }, () => ada.begin());
    const loaded = await Promise.all(visits.map(({ session }) => session.load()));
    const heads = await Promise.all(visits.map(({ finish }) => finish()));
    expect(new Set(loaded.map(({ id }) => id)).size).toBe(1);
    expect(loaded.every(({ userId }) => userId === "ada")).toBe(true);
    expect(
      heads.flatMap(({ cookies }) => cookies).filter(({ name }) => name === NAME),
    ).toHaveLength(1);
    expect(await liveIds(app, "ada")).toEqual([loaded[0]?.id]);
  });

  it("gets a new ticket when the answer with the first one was lost, and no longer once that was seen", async () => {
    const { old, app } = adopting();
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    const again = ada.copy();
    const thief = ada.copy();
    await ada.read();
    app.clock.advance("31s");
    expect((await again.read()).userId).toBe("ada");
    expect(again.cookie()).toContain(NAME);
    await again.read();
    app.clock.advance("31s");
    const late = await thief.read();
    expect([late.userId, late.refusal]).toEqual([undefined, "superseded"]);
    expect(thief.cookie()).not.toContain(NAME);
    expect((await again.read()).userId).toBe("ada");
  });

  it("P16 keeps its own cookie until an answer brings a ticket: the first one may have been lost", async () => {
    const { old, app } = adopting();
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    const again = ada.copy();
    await ada.read();
    for (const [wait, name] of [
      ["1s", "old.sid"],
      ["31s", NAME],
    ] as const) {
      app.clock.advance(wait);
      expect((await again.read()).userId).toBe("ada");
      expect(again.cookie()).toMatch(new RegExp(`^${name}=[^;]*$`));
    }
    const other = ada.copy();
    other.plant(await old.signIn({ user: "bob" }, 2));
    const signingIn = other.copy();
    await other.read();
    await signingIn.signIn("bob");
    expect(signingIn.cookie()).toMatch(new RegExp(`^${NAME}=[^;]*$`));
  });

  it("P5 that was signed out or revoked here is not adopted again", async () => {
    for (const end of ["signOut", "revoke", "revokeUser"] as const) {
      const { old, app } = adopting();
      const ada = app.browser();
      ada.plant(await old.signIn({ user: "ada" }, app.clock.now() - 1000));
      const thief = ada.copy();
      const { id } = await ada.read();
      if (end === "signOut") await ada.visit((session) => session.signOut());
      else if (end === "revoke") await app.sessions.revoke(id as string);
      else await app.sessions.revokeUser("ada");
      for (const wait of ["1s", "2m", "20d"] as const) {
        app.clock.advance(wait);
        await app.sessions.sweep();
        expect((await thief.copy().read()).userId, `${end} after ${wait}`).toBeUndefined();
      }
    }
  });

  it("P5 of before a cut-off, or before everyone was signed out, is not adopted", async () => {
    const { old, app } = adopting();
    const cookie = await old.signIn({ user: "ada" }, app.clock.now() - 1000);
    const bob = await old.signIn({ user: "bob" }, app.clock.now() - 1000);
    const unknown = await old.signIn({ user: "ada" });
    await app.sessions.revokeUser("ada");
    for (const each of [cookie, unknown]) {
      const ada = app.browser();
      ada.plant(each);
      expect((await ada.read()).refusal).toBe("revoked");
    }
    await app.sessions.revokeEveryone();
    const browser = app.browser();
    browser.plant(bob);
    expect((await browser.read()).userId).toBeUndefined();
    expect(await liveIds(app, "bob")).toEqual([]);
  });

  it("P8 is remembered over a rotation of our secrets", async () => {
    const { old, app } = adopting();
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    const thief = ada.copy();
    await ada.read();
    await ada.visit((session) => session.signOut());
    const rotated = app.another({ secrets: [OTHER_SECRET, SECRET] }).browser();
    rotated.plant(thief.cookie());
    expect((await rotated.read()).userId).toBeUndefined();
  });

  it("P10 is left alone while a backend is down, ours or theirs", async () => {
    const down = outage();
    const { old, app } = adopting({ faults: down.plan });
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    const before = ada.cookie();
    old.down = true;
    const { session, finish } = ada.begin();
    await expect(session.load()).rejects.toMatchObject({ status: 503 });
    expect((await finish({ failed: true })).cookies).toEqual([]);
    old.down = false;
    down.begin();
    await expect(ada.begin().session.load()).rejects.toMatchObject({ status: 503 });
    expect(ada.cookie()).toBe(before);
    down.end();
    expect((await ada.read()).userId).toBe("ada");
  });

  it("is adopted once whatever call of the store fails, before or after its effect", async () => {
    let tried = 0;
    for (const fault of ["before", "after", "resent"] as const) {
      for (let nth = 1; nth <= 6; nth += 1) {
        let calls = 0;
        const faults: FaultPlan = ({ verb }) => {
          calls += verb === "since" ? 0 : 1;
          return calls === nth && verb !== "since" ? fault : undefined;
        };
        const { old, app } = adopting({ faults });
        const ada = app.browser();
        ada.plant(await old.signIn({ user: "ada", cart: ["tea"] }, 1));
        await ada.read().catch(() => undefined);
        calls = 100;
        const loaded = await ada.read();
        expect([loaded.userId, loaded.get("cart")], `${fault} ${nth}`).toEqual(["ada", ["tea"]]);
        expect(await liveIds(app, "ada"), `${fault} ${nth}`).toEqual([loaded.id]);
        tried += 1;
      }
    }
    expect(tried).toBe(18);
  });

  it("loses what cannot be kept by name, and stays out when it does not fit the schema", async () => {
    const old = foreignLibrary();
    const { adopt, ...schema } = {
      adopt: [{ from: old, map: () => ({ userId: "ada", data: { a: 1, b: () => 1 } as never }) }],
      schema: {
        "~standard": {
          version: 1 as const,
          vendor: "test",
          validate: (value: unknown) =>
            (value as { a?: unknown }).a === 1
              ? { value: value as Record<string, unknown> }
              : { issues: [{ message: "no", path: ["a"] }] },
        },
      },
    };
    const app = memoryApp({ adopt, ...schema });
    const ada = app.browser();
    ada.plant(await old.signIn({}, 1));
    expect((await ada.read()).all()).toEqual({ a: 1 });
    expect(app.told("adopted")).toMatchObject([{ dropped: ["b"] }]);
    const strict = memoryApp({ adopt: [old], ...schema });
    const bob = strict.browser();
    bob.plant(await old.signIn({ user: "bob", a: 2 }, 1));
    expect((await bob.read()).userId).toBeUndefined();
    expect(strict.told("adoptionRefused")).toEqual([
      { source: "old", reason: "unsupported", problem: "its data does not fit the schema at `a`" },
    ]);
  });

  it.each(["user", "visitor"])(
    "P14 P16 of a %s that is too large for our store stays where it is",
    async (whose) => {
      const { old, app } = adopting({ writeBack: true });
      const ada = app.browser();
      // In UTF-8 it takes three bytes for each.
      const data = { ...(whose === "user" && { user: "ada" }), cart: "€".repeat(400_000) };
      const theirs = await old.signIn(data, 1);
      ada.plant(theirs);
      const { head, result } = await ada.visit((session) => session.load());
      expect([result.userId, result.keys(), head.cookies]).toEqual([undefined, [], []]);
      const problem = "its data is larger than the store takes";
      expect(app.told("adoptionRefused")).toEqual([
        { source: "old", reason: "too-large", problem },
      ]);
      await ada.set("n", 1);
      await ada.set("n", 2);
      expect((await ada.read()).all()).toEqual({ n: 2 });
      expect(await old.read(ada.cookie())).toEqual(data);
    },
  );

  it("leaves its record for the grace, and no longer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { old, app } = adopting();
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    await ada.read();
    await vi.advanceTimersByTimeAsync(599_000);
    expect(old.records.size).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(old.records.size).toBe(0);
  });

  it("P15 of a visitor with nothing in it makes no session of ours, and is adopted once it is a user's", async () => {
    for (const kind of ["records", "cookie"] as const) {
      for (const writeBack of [false, true]) {
        const { old, app } = adopting({ kind, writeBack });
        const ada = app.browser();
        ada.plant(await old.signIn({ _csrf: "x" }, app.clock.now()));
        app.recorded.clear();
        const { head, result } = await ada.visit((session) => session.load());
        expect([result.isNew, head.cookies, app.recorded.count("create")]).toEqual([true, [], 0]);
        const visitor = ada.copy();
        // As an app that gives the session it has to whoever signs in.
        const [[id] = []] = old.records;
        if (kind === "records") {
          old.records.set(id as string, JSON.stringify({ data: { user: "ada" } }));
        } else {
          ada.plant(await old.signIn({ user: "ada" }, app.clock.now()));
        }
        expect((await ada.read()).userId).toBe("ada");
        if (kind === "records") continue;
        await visitor.set("cart", ["tea"]);
        expect((await visitor.read()).get("cart")).toEqual(["tea"]);
        if (writeBack) expect(await old.read(visitor.cookie())).toMatchObject({ cart: ["tea"] });
      }
    }
  });

  it("is not adopted where no cookie can be set", async () => {
    const { old, app } = adopting();
    const cookie = await old.signIn({ user: "ada" }, 1);
    const session = app.sessions.open({ headers: { cookie } }, { head: "sent" });
    expect((await session.load()).userId).toBeUndefined();
    expect(await liveIds(app, "ada")).toEqual([]);
  });
});

describe("a cookie of our name beside one of theirs", () => {
  /** A ticket that this app has made, and whose session is live. */
  async function ticketOf(app: App): Promise<string> {
    const browser = app.browser();
    await browser.signIn("bob");
    return browser.cookie().slice(NAME.length + 1);
  }

  /** Another character in the middle. */
  function forged(ticket: string): string {
    return `${ticket.slice(0, 40)}${ticket[40] === "A" ? "B" : "A"}${ticket.slice(41)}`;
  }

  const junk: Record<string, (app: App) => Promise<string> | string> = {
    "of another library": () => "s%3AaWnhQ1nS.c2Vjb25k",
    empty: () => "",
    "of another app of ours": (app) => ticketOf(app.another({ app: "neighbour" })),
    "whose tag is wrong": async (app) => forged(await ticketOf(app)),
    "that is sealed": async (app) => ticketOf(app.another({ method: "sealed", adopt: [] })),
  };

  it.each(Object.keys(junk))("%s keeps nobody out, and its place is taken", async (what) => {
    for (const writeBack of [false, true]) {
      const { old, app } = adopting({ writeBack });
      const value = (await junk[what]?.(app)) as string;
      const ada = app.browser();
      ada.plant(`${NAME}=${value}; ${await old.signIn({ user: "ada", cart: ["tea"] }, 1)}`);
      const again = ada.copy();
      const loaded = await ada.read();
      expect([loaded.userId, loaded.get("cart")]).toEqual(["ada", ["tea"]]);
      expect(ada.cookie()).toMatch(new RegExp(`(^|; )${NAME}=[\\w-]{76}(;|$)`));
      expect([(await ada.read()).id, (await again.read()).id]).toEqual([loaded.id, loaded.id]);
      expect(await liveIds(app, "ada")).toEqual([loaded.id]);
    }
  });

  it("P5 that is ours, of a session that has ended or is not there, brings no old session back", async () => {
    for (const ended of ["signOut", "revoke", "revokeUser", "absent", "timeout"] as const) {
      const { old, app } = adopting();
      const bob = app.browser();
      await bob.signIn("bob");
      const ticket = bob.cookie();
      const { id } = await bob.read();
      if (ended === "signOut") await bob.visit((session) => session.signOut());
      else if (ended === "revoke") await app.sessions.revoke(id as string);
      else if (ended === "revokeUser") await app.sessions.revokeUser("bob");
      for (const wait of ["1s", "2m", "60d"] as const) {
        app.clock.advance(ended === "timeout" || ended === "absent" ? "60d" : wait);
        if (ended !== "timeout") await app.sessions.sweep();
        const browser = app.browser();
        browser.plant(`${ticket}; ${await old.signIn({ user: "ada" }, app.clock.now())}`);
        const after = await browser.read();
        expect([after.userId, after.refusal === undefined], `${ended} ${wait}`).toEqual([
          undefined,
          false,
        ]);
      }
      expect(app.told("adopted")).toEqual([]);
    }
  });

  it("P5 P8 that is under a secret which is no longer here brings no old session back", async () => {
    const { old, app } = adopting();
    const dropped = app.another({ secrets: [OTHER_SECRET] });
    const ticket = await ticketOf(dropped);
    const ada = app.browser();
    ada.plant(`${NAME}=${ticket}; ${await old.signIn({ user: "ada" }, 1)}`);
    expect((await ada.read()).refusal).toBe("unknown-key");
    await expect(ada.set("n", 1)).rejects.toMatchObject({ status: 409 });
    expect(app.told("adopted")).toEqual([]);
  });

  it("P5 that was planted beside another changes nothing, whatever that is, and hides none", async () => {
    const { old, app } = adopting();
    const theirs = await old.signIn({ user: "ada" }, app.clock.now());
    const [live, over] = [await ticketOf(app), app.browser()];
    await over.signIn("bob");
    const ended = over.cookie().slice(NAME.length + 1);
    await over.visit((session) => session.signOut());
    const load = async (...values: string[]) => {
      const cookie = [...values.map((value) => `${NAME}=${value}`), theirs].join("; ");
      return (await app.sessions.open({ headers: { cookie } }).load()).userId;
    };
    expect(await load("x", live)).toBe("bob");
    for (const wait of ["1s", "2m"] as const) {
      app.clock.advance(wait);
      await app.sessions.sweep();
      for (const planted of [["x"], ["x", forged(ended)], ["x", "y", "z", "w"]]) {
        expect(await load(...planted, ended)).toBeUndefined();
      }
    }
    expect(app.told("adopted")).toEqual([]);
  });

  it("P5 that was planted in the place of a ticket brings nothing back that was taken over and has ended", async () => {
    for (const kind of ["records", "cookie"] as const) {
      for (const end of ["nothing", "signOut", "revoke", "revokeUser"] as const) {
        const { old, app } = adopting({ kind, writeBack: true });
        const ada = app.browser();
        ada.plant(await old.signIn({ user: "ada" }, app.clock.now() - 1000));
        await ada.set("cart", ["tea"]);
        const { id } = await ada.read();
        const victim = ada.copy();
        if (end === "signOut") await ada.visit((session) => session.signOut());
        else if (end === "revoke") await app.sessions.revoke(id as string);
        else if (end === "revokeUser") await app.sessions.revokeUser("ada");
        app.clock.advance("2m");
        for (const planted of ["x", forged(await ticketOf(app))]) {
          const again = victim.copy();
          again.plant(victim.cookie().replace(/__Host-Http-sid=[^;]*/, `${NAME}=${planted}`));
          expect((await again.read()).userId, `${kind} ${end}`).toBeUndefined();
        }
        expect(app.told("adopted")).toHaveLength(1);
      }
    }
  });

  it("P3 P14 that opens nothing costs what none costs, with a forged one of theirs as well", async () => {
    const { old, app } = adopting();
    const mallory = app.browser();
    mallory.plant(`${NAME}=${"A".repeat(76)}; ${await old.signIn({ user: "ada" }, 1)}x`);
    app.recorded.clear();
    old.asked = 0;
    const { refusal, userId } = await mallory.read();
    expect([refusal, userId]).toEqual(["malformed", undefined]);
    expect([app.recorded.count(), old.asked]).toEqual([0, 0]);
  });
});

describe.each(["records", "cookie"] as const)("written back to a library with its %s", (kind) => {
  it("is signed in on both sides, and both see each change", async () => {
    const { old, app } = adopting({ kind, writeBack: true });
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada", _csrf: "x" }, 1));
    await ada.set("cart", ["tea"]);
    expect(await old.read(ada.cookie())).toEqual({ user: "ada", _csrf: "x", cart: ["tea"] });
    await ada.visit((session) => session.update("cart", (cart) => [...(cart as string[]), "milk"]));
    expect(await old.read(ada.cookie())).toMatchObject({ cart: ["tea", "milk"] });
    expect((await ada.read()).get("cart")).toEqual(["tea", "milk"]);
  });

  it("P6 gets a new session there with a sign-in, and the one of before is over", async () => {
    const { old, app } = adopting({ kind, writeBack: true });
    const ada = app.browser();
    ada.plant(await old.signIn({ cart: ["tea"] }, 1));
    await ada.read();
    const before = ada.cookie();
    await ada.signIn("ada");
    expect(await old.read(ada.cookie())).toEqual({ user: "ada", cart: ["tea"] });
    if (kind === "records") expect(await old.read(before)).toBeUndefined();
  });

  it("P5 is signed out there too, and what was written back is not adopted again", async () => {
    const { app } = adopting({ kind, writeBack: true });
    const ada = app.browser();
    await ada.signIn("ada");
    await ada.set("cart", ["tea"]);
    const copy = app.browser();
    copy.plant(ada.cookie().replace(/__Host-Http-sid=[^;]*;? ?/, ""));
    expect(copy.cookie()).toContain("old.sid");
    await ada.visit((session) => session.signOut());
    expect(ada.cookie()).toBe("");
    expect((await copy.read()).userId).toBeUndefined();
  });

  it("leaves there as it came what was not changed here, or cannot be kept", async () => {
    const { old, app } = adopting({ kind, writeBack: true });
    // Theirs alone knows dates and functions: what comes in is JSON, and goes back as more than that.
    const odd = { a: { toJSON: () => "odd" }, nan: Number.NaN, list: ["tea"], gone: 1 };
    const open = old.open.bind(old);
    const sealed: unknown[] = [];
    const seal = old.seal.bind(old);
    old.open = async (cookie, now) => {
      const opened = await open(cookie, now);
      return "refused" in opened ? opened : { ...opened, data: { ...opened.data, ...odd } };
    };
    old.seal = (draft, now) => {
      sealed.push(draft.data);
      return seal(draft, now);
    };
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada", _csrf: "x" }, 1));
    await ada.visit(async (session) => {
      const values = await session.load();
      values.set("n", 1);
      values.delete("gone");
    });
    const { gone, ...left } = odd;
    expect(sealed).toEqual([{ user: "ada", _csrf: "x", ...left, n: 1 }]);
    expect((sealed[0] as typeof odd).list).toBe(odd.list);
  });

  it("fails nobody's request when it cannot be written there", async () => {
    const { old, app } = adopting({ kind: "records", writeBack: true });
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, 1));
    await ada.read();
    old.down = true;
    await ada.set("cart", ["tea"]);
    expect(app.told("foreignFailed")).toMatchObject([{ source: "old", operation: "write back" }]);
    expect((await ada.read()).get("cart")).toEqual(["tea"]);
  });
});

describe.each(["records", "cookie"] as const)(
  "one request, written back to a library with its %s",
  (kind) => {
    it("P5 has one session there, whatever it does after its sign-in", async () => {
      const { old, app } = adopting({ kind, writeBack: true });
      for (const before of [undefined, { user: "bob", cart: ["tea"], _csrf: "x" }]) {
        old.records.clear();
        const ada = app.browser();
        if (before !== undefined) ada.plant(await old.signIn(before, 1));
        await ada.visit(async (session) => {
          await session.load();
          await session.signIn("ada");
          await session.update("cart", () => ["milk"]);
          await session.elevate("totp");
          (await session.load()).set("n", 1);
        });
        expect(await old.read(ada.cookie())).toEqual({ user: "ada", cart: ["milk"], n: 1 });
        expect(old.records.size).toBe(kind === "records" ? 1 : 0);
        await ada.visit((session) => session.signOut());
        expect([ada.cookie(), old.records.size]).toEqual(["", 0]);
      }
    });

    it("P4 P5 P16 that only reads writes nothing older there, and nothing that has ended", async () => {
      for (const meanwhile of ["set", "signOut", "signIn"] as const) {
        const { old, app } = adopting({ kind, writeBack: true });
        const ada = app.browser();
        await ada.signIn("ada");
        app.clock.advance("1h");
        const slow = ada.begin();
        await slow.session.load();
        if (meanwhile === "set") await ada.set("cart", ["tea"]);
        else if (meanwhile === "signIn") await ada.signIn("bob");
        else await ada.visit((session) => session.signOut());
        const after = [ada.cookie(), old.records.size];
        await slow.finish();
        if (meanwhile !== "set") expect([ada.cookie(), old.records.size], meanwhile).toEqual(after);
        const seen = {
          set: { user: "ada", cart: ["tea"] },
          signOut: undefined,
          signIn: { user: "bob" },
        };
        expect(await old.read(ada.cookie()), meanwhile).toEqual(seen[meanwhile]);
      }
    });

    it("P5 leaves nothing there after its own sign-out", async () => {
      const { old, app } = adopting({ kind, writeBack: true });
      const ada = app.browser();
      await ada.visit(async (session) => {
        await session.signIn("ada");
        await session.signOut();
      });
      expect([ada.cookie(), old.records.size]).toEqual(["", 0]);
      expect(await old.read(ada.cookie())).toBeUndefined();
    });

    it("P5 begins another there after it was adopted and signed out", async () => {
      const { old, app } = adopting({ kind, writeBack: true });
      const ada = app.browser();
      ada.plant(await old.signIn({ user: "ada", _csrf: "x" }, 1));
      await ada.visit(async (session) => {
        await session.load();
        await session.signOut();
        (await session.load()).set("theme", "dark");
      });
      expect(await old.read(ada.cookie())).toEqual({ theme: "dark" });
    });

    it("keeps one visitor's session there for all that it writes", async () => {
      const { old, app } = adopting({ kind, writeBack: true });
      const visitor = app.browser();
      await visitor.visit(async (session) => {
        await session.update("n", () => 1);
        await session.update("n", () => 2);
      });
      expect(await old.read(visitor.cookie())).toEqual({ n: 2 });
      expect(old.records.size).toBe(kind === "records" ? 1 : 0);
    });

    it("begins none there that no cookie can name", async () => {
      const { old, app } = adopting({ kind, writeBack: true });
      const ada = app.browser();
      await ada.signIn("ada");
      const [cookie = ""] = ada
        .cookie()
        .split("; ")
        .filter((pair) => pair.startsWith(NAME));
      old.records.clear();
      app.recorded.clear();
      const socket = app.sessions.open({ headers: { cookie } }, { head: "sent" });
      for (let n = 0; n < 3; n += 1) await socket.update("n", () => n);
      expect([old.records.size, app.recorded.count("create")]).toEqual([0, 0]);
    });

    it("tells once that a cookie of theirs was not taken", async () => {
      const { app } = adopting({ kind, writeBack: true });
      const ada = app.browser();
      ada.plant("old.sid=x.y");
      await ada.visit(async (session) => {
        (await session.load()).set("n", 1);
        await session.commit();
        await session.signOut();
      });
      expect(app.told("adoptionRefused")).toHaveLength(1);
    });
  },
);

it("P5 a change that a sign-out was quicker than begins none there", async () => {
  const held = gate();
  const { old, app } = adopting({
    writeBack: true,
    faults: nthCall("update", 1, { answeredAfter: held }),
  });
  const ada = app.browser();
  await ada.signIn("ada");
  const slow = ada.begin();
  (await slow.session.load()).set("n", 1);
  const writing = slow.finish();
  await expect.poll(() => app.recorded.count("update")).toBe(1);
  await ada.visit((session) => session.signOut());
  held.open();
  await writing;
  expect([ada.cookie(), old.records.size]).toEqual(["", 0]);
});

it("P5 a sign-out while their backend is down takes their cookie, and is told", async () => {
  const { old, app } = adopting({ writeBack: true });
  const ada = app.browser();
  await ada.signIn("ada");
  old.down = true;
  await ada.visit((session) => session.signOut());
  expect(ada.cookie()).toBe("");
  expect(app.told("foreignFailed")).toMatchObject([{ source: "old", operation: "remove" }]);
});

describe("the option adopt", () => {
  it.each([
    [{ adopt: {} as never }, "adopt"],
    [{ adopt: [{}] as never }, "adopt[0]"],
    [{ adopt: [{ from: foreignLibrary(), grace: "soon" as never }] }, "adopt[0].grace"],
    [{ adopt: [{ from: foreignLibrary(), map: 1 as never }] }, "adopt[0].map"],
    [{ adopt: [{ from: foreignLibrary(), other: 1 } as never] }, "adopt[0].other"],
    [{ adopt: [1, 2].map(() => ({ from: foreignLibrary(), writeBack: true })) }, "adopt"],
    [{ method: "sealed" as const, adopt: [foreignLibrary()] }, "adopt"],
  ])("refuses what cannot work, by name (%#)", (options, option) => {
    expect(() => memoryApp(options)).toThrow(ConfigError);
    expect(() => memoryApp(options)).toThrow(`\`${option}\``);
  });
});

describe.each(["records", "cookie"] as const)(
  "a session that stays with a library with its %s",
  (kind) => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) =>
          (value as { isTrial?: unknown }).isTrial === true
            ? { issues: [{ message: "no", path: ["isTrial"] }] }
            : { value: value as Record<string, unknown> },
      },
    };

    it.each([
      ["because `map` leaves it there", { map: () => undefined }, {}],
      ["because it does not fit the schema", {}, { schema }],
    ])("%s is not written to by the visitor that its browser is here", async (_, options, rest) => {
      const old = foreignLibrary(kind);
      const app = memoryApp({ adopt: [{ from: old, writeBack: true, ...options }], ...rest });
      for (const [other, isRead] of [
        ["", true],
        ["", false],
        [`${NAME}=x; `, true],
        [`${NAME}=x; `, false],
      ] as const) {
        const theirs = await old.signIn({ user: "ada", isTrial: true }, 1);
        const ada = app.browser();
        ada.plant(other + theirs);
        if (isRead) await ada.read();
        await ada.set("theme", "dark");
        app.clock.advance("1h");
        await ada.read();
        await ada.set("n", 1);
        expect((await ada.read()).all()).toEqual({ theme: "dark", n: 1 });
        expect(ada.cookie()).toContain(theirs);
        expect(await old.read(ada.cookie())).toEqual({ user: "ada", isTrial: true });
        // Who signs in here has another there.
        await ada.visit(async (session) => {
          await session.signIn("bob");
          await session.update("n", () => 2);
        });
        await ada.set("n", 3);
        expect(await old.read(ada.cookie())).toEqual({ user: "bob", theme: "dark", n: 3 });
      }
    });
  },
);

it("P5 a session that an old server has begun, and that ours was written into, is not adopted after ours has ended", async () => {
  for (const end of ["signOut", "revoke", "revokeUser"] as const) {
    const { old, app } = adopting({ writeBack: true });
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, app.clock.now() - 1000));
    const { id } = await ada.read();
    const [ticket] = ada
      .cookie()
      .split("; ")
      .filter((pair) => pair.startsWith(NAME));
    const theirs = await old.signIn({ user: "ada" }, app.clock.now());
    ada.plant(`${ticket}; ${theirs}`);
    await ada.set("cart", ["tea"]);
    expect(await old.read(theirs)).toEqual({ user: "ada", cart: ["tea"] });
    if (end === "signOut") await ada.visit((session) => session.signOut());
    else if (end === "revoke") await app.sessions.revoke(id as string);
    else await app.sessions.revokeUser("ada");
    app.clock.advance("2m");
    const thief = app.browser();
    thief.plant(theirs);
    expect((await thief.read()).userId, end).toBeUndefined();
  }
});

it("P5 no cookie of theirs goes out that our store could not remember", async () => {
  const old = foreignLibrary("cookie");
  let isDown = false;
  const app = memoryApp({
    adopt: [{ from: old, writeBack: true }],
    faults: ({ verb }) => (isDown && verb === "create" ? "before" : undefined),
  });
  const ada = app.browser();
  ada.plant(await old.signIn({ user: "ada" }, app.clock.now()));
  await ada.read();
  isDown = true;
  app.clock.advance("1h");
  await ada.read();
  isDown = false;
  const thief = app.browser();
  thief.plant(/old\.sid=[^;]*/.exec(ada.cookie())?.[0] ?? "");
  await ada.visit((session) => session.signOut());
  expect((await thief.read()).userId).toBeUndefined();
  expect(app.told("foreignFailed")).toMatchObject([{ operation: "write back" }]);
});

it("is put off there by a use that rotates the ticket, as by any other", async () => {
  const old = foreignLibrary();
  const { seal } = old;
  let endsAt = 0;
  old.seal = (draft, now) => {
    endsAt = draft.expiresAt ?? 0;
    return seal(draft, now);
  };
  const app = memoryApp({ adopt: [{ from: old, writeBack: true }], rotateEvery: "5m" });
  const ada = app.browser();
  await ada.signIn("ada");
  for (let day = 0; day < 8; day += 1) {
    app.clock.advance("1d");
    expect((await ada.read()).userId).toBe("ada");
  }
  expect(app.told("rotated")).toHaveLength(8);
  expect(endsAt).toBeGreaterThan(app.clock.now() + 6 * 86_400_000);
});

it("gives `mapBack` the shape of today, also where an older session is only read", async () => {
  const old = foreignLibrary();
  const before = memoryApp({ adopt: [{ from: old, writeBack: true }] });
  const ada = before.browser();
  ada.plant(await old.signIn({ user: "ada", cart: "tea,milk" }, 1));
  await ada.read();
  await ada.read();
  const now = before.another({
    adopt: [
      {
        from: old,
        writeBack: true,
        mapBack: ({ userId, data = {} }) => ({
          data: { user: userId, cart: (data["cart"] as string[]).join(",") },
        }),
      },
    ],
    version: 1,
    migrate: ({ cart }) => ({ cart: (cart as string).split(",") }),
  });
  const later = ada.copy(now.sessions);
  before.clock.advance("1h");
  expect((await later.read()).get("cart")).toEqual(["tea", "milk"]);
  expect(now.told("foreignFailed")).toEqual([]);
  expect(await old.read(later.cookie())).toEqual({ user: "ada", cart: "tea,milk" });
});

it("a visitor's session that was written back outlives the browser's run as before", async () => {
  const from = flaskCookie({ secrets: ["s3cret"] });
  const app = memoryApp({ adopt: [{ from, writeBack: true }] });
  const now = app.clock.now();
  const { cookies } = await from.seal({ data: { n: 1 }, persistent: true }, now);
  const visitor = app.browser();
  visitor.plant(`session=${cookies[0]?.value}`);
  await visitor.set("n", 2);
  const value = /session=([^;]*)/.exec(visitor.cookie())?.[1];
  expect(await from.open(() => value, now)).toMatchObject({ data: { n: 2 }, persistent: true });
});

describe("a cookie that holds nothing but the data", () => {
  const from = cookieSession({ keys: ["theirs"] });

  async function devices(): Promise<{ app: App; cookie: string }> {
    const app = memoryApp({ adopt: [from] });
    const { cookies } = await from.seal({ data: {}, userId: "ada" }, app.clock.now());
    return { app, cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };
  }

  it("is adopted by each device of a user who has the same one on all", async () => {
    const { app, cookie } = await devices();
    const ids = new Set<string | undefined>();
    for (let each = 0; each < 3; each += 1) {
      const device = app.browser();
      device.plant(cookie);
      expect((await device.read()).userId).toBe("ada");
      const { id, userId } = await device.read();
      expect(userId).toBe("ada");
      ids.add(id);
      app.clock.advance("1m");
    }
    expect(ids.size).toBe(3);
    expect(new Set(await liveIds(app, "ada"))).toEqual(ids);
  });

  it("P5 is not adopted after the sign-out of the device that brought it first, or of its user", async () => {
    for (const end of ["signOut", "revokeUser"] as const) {
      const { app, cookie } = await devices();
      const [device, second, copy] = [app.browser(), app.browser(), app.browser()];
      for (const each of [device, second, copy]) each.plant(cookie);
      await device.read();
      await device.read();
      app.clock.advance("1m");
      await second.read();
      if (end === "signOut") await device.visit((session) => session.signOut());
      else await app.sessions.revokeUser("ada");
      app.clock.advance("1m");
      expect((await copy.read()).userId, end).toBeUndefined();
      expect((await second.read()).userId, end).toBe(end === "signOut" ? "ada" : undefined);
    }
  });
});

it("a visitor who has lost the ticket begins anew during the dual run, there too", async () => {
  const { old, app } = adopting({ writeBack: true });
  const ada = app.browser();
  ada.plant(await old.signIn({ cart: ["tea"] }, 1));
  await ada.read();
  await ada.read();
  const lost = app.browser();
  lost.plant(/old\.sid=[^;]*/.exec(ada.cookie())?.[0] ?? "");
  const late = lost.copy();
  app.clock.advance("31s");
  await expect(late.set("cart", ["late"])).rejects.toMatchObject({ status: 409 });
  app.clock.advance("2m");
  expect((await lost.read()).refusal).toBe("superseded");
  await lost.set("cart", ["milk"]);
  const { userId, id } = await lost.read();
  expect([userId, id === undefined]).toEqual([undefined, false]);
  expect(await old.read(lost.cookie())).toEqual({ cart: ["milk"] });
  // The first one goes on as before, on both sides.
  expect((await ada.read()).all()).toEqual({ cart: ["tea"] });
  expect(await old.read(ada.cookie())).toEqual({ cart: ["tea"] });
});

describe.each(["records", "cookie"] as const)(
  "during the dual run, a cookie of a library with its %s",
  (kind) => {
    const theirsIn = (cookie: string) => /old\.sid=[^;]*/.exec(cookie)?.[0] ?? "";

    /** Ada is signed in there, and her browser is a visitor here, who writes. */
    const ways: Record<string, (app: App, ada: Browser) => Promise<void>> = {
      "whose ticket was lost": async (app, ada) => {
        await ada.read();
        await ada.read();
        app.clock.advance("2m");
        ada.plant(theirsIn(ada.cookie()));
      },
      "whose session here was revoked": async (app, ada) => {
        await ada.read();
        await app.sessions.revokeUser("ada");
        app.clock.advance("2m");
      },
      "whose session here was idle for too long": async (app, ada) => {
        await ada.read();
        app.clock.advance("8d");
      },
      "whose session here was lost with the store": async (_, ada) => {
        const elsewhere = memoryApp().browser();
        await elsewhere.set("n", 0);
        ada.plant(`${elsewhere.cookie()}; ${theirsIn(ada.cookie())}`);
      },
      "who has signed in there since": async (_, ada) => {
        const theirs = ada.cookie();
        ada.plant("");
        await ada.set("n", 0);
        ada.plant(
          `${ada
            .cookie()
            .split("; ")
            .find((pair) => pair.startsWith(NAME))}; ${theirs}`,
        );
      },
    };
    it.each(Object.keys(ways))("P16 is left to the user %s", async (way) => {
      const { old, app } = adopting({ kind, writeBack: true });
      const ada = app.browser();
      ada.plant(await old.signIn({ user: "ada", cart: ["tea"] }, app.clock.now() - 1000));
      await ways[way]?.(app, ada);
      const theirs = theirsIn(ada.cookie());
      await ada.set("cart", ["milk"]);
      await ada.set("n", 1);
      app.clock.advance("1h");
      await ada.read();
      expect((await ada.read()).all()).toMatchObject({ cart: ["milk"], n: 1 });
      expect(theirsIn(ada.cookie())).toBe(theirs);
      expect(await old.read(theirs)).toEqual({ user: "ada", cart: ["tea"] });
      // Until somebody signs in here.
      await ada.signIn("bob");
      expect(await old.read(ada.cookie())).toMatchObject({ user: "bob", cart: ["milk"] });
    });

    it.each(["unsupported", "too-large", "future", "forged", "malformed"] as const)(
      "P16 that is %s here keeps its place, until somebody signs in or out",
      async (refused) => {
        const old = foreignLibrary(kind);
        const isOdd = async (text: string) => (await old.read(`old.sid=${text}`))?.["odd"] === true;
        const from: ForeignSource = {
          ...old,
          async open(cookie, now) {
            const text = cookie("old.sid");
            if (text !== undefined && (await isOdd(text))) return { refused, problem: "odd" };
            return old.open(cookie, now);
          },
        };
        const app = memoryApp({ adopt: [{ from, writeBack: true }] });
        const ada = app.browser();
        const theirs = await old.signIn({ user: "ada", odd: true }, 1);
        ada.plant(theirs);
        await ada.set("theme", "dark");
        app.clock.advance("1h");
        await ada.set("n", 1);
        expect((await ada.read()).all()).toEqual({ theme: "dark", n: 1 });
        expect(ada.cookie()).toContain(theirs);
        expect(await old.read(theirs)).toEqual({ user: "ada", odd: true });
        expect(app.told("adoptionRefused")).toEqual([
          { source: "old", reason: refused, problem: "odd" },
        ]);
        const leaving = app.browser();
        leaving.plant(theirs);
        await leaving.visit((session) => session.signOut());
        expect(leaving.cookie()).toBe("");
        await ada.signIn("bob");
        expect(await old.read(ada.cookie())).toEqual({ user: "bob", theme: "dark", n: 1 });
      },
    );
  },
);

it("P5 a sign-out here takes their cookie also where only they can read it by now", async () => {
  const old = foreignLibrary();
  const from: ForeignSource = {
    ...old,
    async open(cookie, now) {
      const opened = await old.open(cookie, now);
      const isOdd = "data" in opened && opened.data["odd"] === true;
      return isOdd ? { refused: "unsupported", problem: "odd" } : opened;
    },
  };
  const app = memoryApp({ adopt: [{ from, writeBack: true }] });
  const ada = app.browser();
  ada.plant(await old.signIn({ user: "ada" }, 1));
  await ada.read();
  for (const [id, text] of old.records) {
    old.records.set(id, text.replace('"user"', '"odd":true,"user"'));
  }
  await ada.visit((session) => session.signOut());
  expect(ada.cookie()).toBe("");
});

it("what a browser begins after its session was revoked is not written into the old one", async () => {
  const { old, app } = adopting({ writeBack: true });
  const ada = app.browser();
  ada.plant(await old.signIn({ user: "ada", cart: ["tea"] }, app.clock.now() - 1000));
  await ada.read();
  const before = /old\.sid=[^;]*/.exec(ada.cookie())?.[0] ?? "";
  await app.sessions.revokeUser("ada");
  app.clock.advance("2m");
  await ada.set("cart", ["milk"]);
  expect(await old.read(before)).toEqual({ user: "ada", cart: ["tea"] });
});

it("P16 a late request with a removed session of theirs takes no newer cookie", async () => {
  for (const ending of ["signIn", "signOut"] as const) {
    const { old, app } = adopting({ writeBack: true });
    const ada = app.browser();
    ada.plant(await old.signIn({ user: "ada" }, app.clock.now()));
    const lost = ada.copy();
    const [late, reading] = [ada.begin(), ada.begin()];
    if (ending === "signOut") await ada.visit((session) => session.signOut());
    await ada.signIn("ada");
    const good = ada.cookie();
    await expect(late.session.update("n", () => 1)).rejects.toMatchObject({ status: 409 });
    expect((await reading.session.load()).refusal, ending).toBe("closed");
    const heads = [await late.finish(), await reading.finish()];
    expect(heads.flatMap(({ cookies }) => cookies)).toEqual([]);
    expect([ada.cookie(), (await ada.read()).userId]).toEqual([good, "ada"]);
    // Later it is no late one, and may begin.
    app.clock.advance("61s");
    await lost.set("n", 1);
    expect((await lost.read()).get("n")).toBe(1);
  }
});
