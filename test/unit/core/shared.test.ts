import { describe, expect, it } from "vitest";
import { ConfigError, SessionClosedError, SignInRefusedError } from "../../../src/errors.ts";
import { cookieSession } from "../../../src/interop/cookie-session.ts";
import { djangoCookie, djangoSession } from "../../../src/interop/django.ts";
import type { ExpressStore } from "../../../src/interop/express-session.ts";
import { expressSession } from "../../../src/interop/express-session.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import { flaskKvSession } from "../../../src/interop/flask-kvsession.ts";
import { flaskSession } from "../../../src/interop/flask-session.ts";
import { koaSession, readKoaValue } from "../../../src/interop/koa-session.ts";
import { reactRouterSession, userAt } from "../../../src/interop/react-router.ts";
import type { ForeignRecord, ForeignRecords, ForeignSource } from "../../../src/interop/source.ts";
import { milliseconds } from "../../../src/lib/duration.ts";
import { gate, nthCall } from "../../../src/testing/faults.ts";
import { foreignLibrary } from "../../support/foreign-library.ts";
import type { MemoryAppOptions } from "../../support/ways.ts";
import { memoryApp, OTHER_SECRET, SECRET } from "../../support/ways.ts";

function sharing(kind: "records" | "cookie", options: MemoryAppOptions = {}) {
  const theirs = foreignLibrary(kind);
  const sealed = { update: "accept-lost-updates" } as const;
  const app = memoryApp({ method: "shared", share: theirs, sealed, ...options });
  return { theirs, app };
}

describe.each(["records", "cookie"] as const)(
  "a session shared with a library with its %s",
  (kind) => {
    it("is theirs, read and written: users, data, and what they keep for themselves", async () => {
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      ada.plant(
        await theirs.signIn(
          { user: "ada", cart: ["tea"], n: 1, _csrf: "x" },
          app.clock.now() - 1000,
        ),
      );
      const loaded = await ada.read();
      expect([loaded.userId, loaded.all()]).toEqual(["ada", { cart: ["tea"], n: 1 }]);
      await ada.visit(async (session) => {
        const values = await session.load();
        (values.get("cart") as string[]).push("milk");
        values.delete("n");
      });
      const seen = await theirs.read(ada.cookie());
      expect(seen).toMatchObject({ user: "ada", cart: ["tea", "milk"], _csrf: "x" });
      expect(seen).not.toHaveProperty("n");
      expect(Object.keys(seen ?? {}).includes("_coatcheck")).toBe(kind === "cookie");
      expect((await ada.read()).get("cart")).toEqual(["tea", "milk"]);
    });

    it("P15 begins with the first write, and P2 a read sets no cookie", async () => {
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      await ada.read();
      expect([ada.cookie(), theirs.records.size]).toEqual(["", 0]);
      await ada.set("theme", "dark");
      expect(await theirs.read(ada.cookie())).toMatchObject({ theme: "dark" });
      const { head } = await ada.visit((session) => session.load());
      expect(head.cookies).toEqual([]);
    });

    it("says of no request that it began with its browser and its address", async () => {
      const { theirs, app } = sharing(kind, { address: () => "192.0.2.7" });
      const cookie = await theirs.signIn({ user: "ada" }, app.clock.now());
      const handle = app.sessions.open({ headers: { cookie, "user-agent": "Firefox" } });
      const { info } = await handle.load();
      expect([info.userAgent, info.address]).toEqual([undefined, undefined]);
      await handle.signIn("bob");
      const signedIn = (await handle.load()).info;
      expect([signedIn.userAgent, signedIn.address]).toEqual([undefined, undefined]);
    });

    it("P6 is a new one after a sign-in, and the one of before is over", async () => {
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      await ada.set("cart", ["tea"]);
      const thief = ada.copy();
      await ada.signIn("ada");
      expect(await theirs.read(ada.cookie())).toMatchObject({ user: "ada", cart: ["tea"] });
      expect((await thief.read()).keys()).toEqual([]);
      expect((await ada.read()).userId).toBe("ada");
      if (kind === "records") expect(theirs.records.size).toBe(1);
    });

    it("P5 is over after a sign-out, and a copy of its cookie opens nothing here", async () => {
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      await ada.signIn("ada");
      await ada.set("cart", ["tea"]);
      const thief = ada.copy();
      await ada.visit((session) => session.signOut());
      expect(ada.cookie()).toBe("");
      expect((await thief.read()).userId).toBeUndefined();
      if (kind === "records") expect(await theirs.read(thief.cookie())).toBeUndefined();
    });

    it("P5 is revoked here, alone, with its user, or with everyone", async () => {
      for (const revoke of ["revoke", "revokeUser", "revokeEveryone"] as const) {
        const { theirs, app } = sharing(kind);
        const ada = app.browser();
        if (kind === "cookie") await ada.signIn("ada");
        else ada.plant(await theirs.signIn({ user: "ada" }, app.clock.now()));
        app.clock.advance("1s");
        await ada.set("cart", ["tea"]);
        const { id } = await ada.read();
        await app.sessions[revoke](revoke === "revoke" ? (id as string) : "ada");
        app.clock.advance("1s");
        expect((await ada.read()).userId, revoke).toBeUndefined();
        app.clock.advance("1s");
        await ada.signIn("ada");
        app.clock.advance("1s");
        expect((await ada.read()).userId, revoke).toBe("ada");
      }
    });

    it("P10 is left alone while their backend is down", async () => {
      if (kind === "cookie") return;
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      await ada.signIn("ada");
      theirs.down = true;
      const { session, finish } = ada.begin();
      await expect(session.load()).rejects.toMatchObject({ status: 503 });
      expect((await finish({ failed: true })).cookies).toEqual([]);
      theirs.down = false;
      expect((await ada.read()).userId).toBe("ada");
    });

    it("P10 is as it was after a sign-in or a proof that the feed did not take", async () => {
      let isDown = false;
      const { theirs, app } = sharing(kind, {
        faults: ({ verb }) => (isDown && verb === "add" ? "before" : undefined),
      });
      const ada = app.browser();
      await ada.signIn("ada");
      const { id } = await ada.read();
      isDown = true;
      for (const act of ["signIn", "elevate"] as const) {
        const { session, finish } = ada.begin();
        await expect(session[act]("ada")).rejects.toMatchObject({ status: 503 });
        expect((await finish({ failed: true })).cookies).toEqual([]);
      }
      isDown = false;
      const after = await ada.read();
      expect([after.userId, after.id]).toEqual(["ada", id]);
      if (kind === "records") expect(theirs.records.size).toBe(1);
    });

    it("P6 survives a call of add that fails, once", async () => {
      for (const fault of ["before", "after", "resent"] as const) {
        const { app } = sharing(kind, { faults: nthCall("add", 1, fault) });
        const ada = app.browser();
        await ada.set("cart", ["tea"]);
        const visitor = ada.copy();
        await ada.signIn("ada");
        expect([(await ada.read()).userId, (await visitor.read()).keys()]).toEqual(["ada", []]);
      }
    });

    it("P5 that has ended is not followed by a sign-in or a proof that was under way", async () => {
      // The records of this one say no time: only their backend ends them.
      const ends = ["signOut", "revoke", ...(kind === "cookie" ? ["time" as const] : [])] as const;
      for (const end of ends) {
        for (const act of ["signIn", "elevate"] as const) {
          const { theirs, app } = sharing(kind);
          const ada = app.browser();
          await ada.signIn("ada");
          const { id } = await ada.read();
          const slow = ada.begin();
          await slow.session.load();
          if (end === "revoke") await app.sessions.revoke(id as string);
          else if (end === "time") app.clock.advance("31d");
          else await ada.visit((session) => session.signOut());
          const late = slow.session[act]("ada");
          await expect(late, `${end} ${act}`).rejects.toBeInstanceOf(SignInRefusedError);
          expect((await slow.finish()).cookies).toEqual([]);
          if (kind === "records") expect(theirs.records.size).toBe(end === "signOut" ? 0 : 1);
        }
      }
    });

    it("P5 signed out while a proof replaces it ends in one of the two", async () => {
      const held = gate();
      const { theirs, app } = sharing(kind, {
        faults: nthCall("add", 1, { heldBy: held }),
      });
      const ada = app.browser();
      await ada.signIn("ada");
      const [proving, leaving] = [ada.begin(), ada.begin()];
      await leaving.session.load();
      const proof = proving.session.elevate("totp");
      await expect.poll(() => app.recorded.count("add")).toBe(1);
      const ending = leaving.session.signOut();
      held.open();
      await Promise.all([proof, ending]);
      const left = await leaving.finish();
      await proving.finish();
      expect(left.cookies).toEqual([]);
      expect([(await ada.read()).userId, app.told("signedOut")]).toEqual(["ada", []]);
      if (kind === "records") expect(theirs.records.size).toBe(1);
    });

    it("P5 is not begun by a sign-in that was under way before a cut-off elsewhere", async () => {
      const { app } = sharing(kind);
      const { session, finish } = app.another().browser().begin();
      app.clock.advance("1s");
      await app.sessions.revokeUser("ada");
      await expect(session.signIn("ada")).rejects.toBeInstanceOf(SignInRefusedError);
      expect((await finish({ failed: true })).cookies).toEqual([]);
    });

    it.each([0, 0.001])(
      "P5 revoked %ss after a proof has begun to replace it is over, and so is what came of it",
      async (later) => {
        const held = gate();
        const { theirs, app } = sharing(kind, {
          faults: nthCall("add", 1, { heldBy: held }),
        });
        const ada = app.browser();
        await ada.signIn("ada");
        const { id } = await ada.read();
        const proving = ada.begin();
        const proof = expect(proving.session.elevate("totp")).rejects.toMatchObject({
          status: 409,
        });
        await expect.poll(() => app.recorded.count("add")).toBe(1);
        app.clock.advance(later);
        await app.sessions.revoke(id as string);
        held.open();
        await proof;
        expect((await proving.finish()).cookies).toEqual([]);
        expect((await ada.read()).userId).toBeUndefined();
        if (kind === "records") expect(theirs.records.size).toBe(1);
      },
    );

    it("P16 takes no newer cookie in a slow request across a sign-in, whatever that does", async () => {
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      await ada.set("cart", ["tea"]);
      const before = ada.copy();
      const [writing, reading, opening] = [ada.begin(), ada.begin(), ada.begin()];
      (await writing.session.load()).set("theme", "dark");
      await reading.session.load();
      const committed = ada.begin();
      (await committed.session.load()).set("n", 1);
      await committed.session.commit();
      await ada.signIn("ada");
      const good = ada.cookie();
      const late = await opening.session.load();
      expect(() => late.set("theme", "dark")).toThrow(SessionClosedError);
      await opening.session.signOut();
      const heads = [await writing.finish(), await reading.finish(), await opening.finish()];
      heads.push(await committed.finish());
      expect(heads.flatMap(({ cookies }) => cookies)).toEqual([]);
      expect(ada.cookie()).toBe(good);
      if (kind === "records") expect(theirs.records.size).toBe(1);
      app.clock.advance("61s");
      await before.set("theme", "light");
      expect((await before.read()).get("theme")).toBe("light");
    });

    it("P5 P16 takes no newer cookie in a request that takes longer than the revocation delay", async () => {
      const { theirs, app } = sharing(kind);
      const ada = app.browser();
      await ada.signIn("ada");
      const there = app.another({ share: theirs }).browser();
      there.plant(ada.cookie());
      const [writing, leaving] = [there.begin(), there.begin()];
      (await writing.session.load()).set("theme", "dark");
      await leaving.session.load();
      app.clock.advance("1s");
      await ada.visit((session) => session.elevate("totp"));
      app.clock.advance("10s");
      expect((await writing.finish()).cookies).toEqual([]);
      await leaving.session.signOut();
      expect((await leaving.finish()).cookies).toEqual([]);
      expect((await ada.read()).userId).toBe("ada");
    });

    it("P16 takes no newer cookie in a sign-out that another one was ahead of", async () => {
      const { app } = sharing(kind);
      const ada = app.browser();
      await ada.signIn("ada");
      const [loaded, late] = [ada.begin(), ada.begin()];
      await loaded.session.load();
      await ada.visit((session) => session.signOut());
      await ada.signIn("ada");
      await loaded.session.signOut();
      await late.session.signOut();
      const heads = [await loaded.finish(), await late.finish()];
      expect(heads.flatMap(({ cookies }) => cookies)).toEqual([]);
      expect((await ada.read()).userId).toBe("ada");
    });

    it("P16 takes no newer cookie when its time runs out under a slow request", async () => {
      const { theirs, app } = sharing(kind, { timeouts: { visitor: { idle: "1h" } } });
      const ada = app.browser();
      ada.plant(await theirs.signIn({ cart: ["tea"] }, app.clock.now()));
      const [writing, reading, leaving] = [ada.begin(), ada.begin(), ada.begin()];
      (await writing.session.load()).set("theme", "dark");
      await reading.session.load();
      await leaving.session.load();
      app.clock.advance("2h");
      await ada.signIn("ada");
      const good = ada.cookie();
      await leaving.session.signOut();
      const late = [await writing.finish(), await reading.finish(), await leaving.finish()];
      expect(late.flatMap(({ cookies }) => cookies)).toEqual([]);
      expect(ada.cookie()).toBe(good);
      expect((await ada.read()).userId).toBe("ada");
    });
  },
);

describe("a shared session in a cookie that says when it was written, not when it began", () => {
  const theirs = flaskCookie({ secrets: ["s3cret"] });

  async function theirCookie(user: string, now: number, data = {}): Promise<string> {
    // Flask signs with the very moment, and we do so ten seconds earlier.
    const { cookies } = await theirs.seal({ data, userId: user }, now + 10_000);
    return `session=${cookies[0]?.value}`;
  }

  it("P5 is over by a cut-off that is later", async () => {
    const app = memoryApp({ method: "shared", share: theirs });
    const ada = app.browser();
    ada.plant(await theirCookie("ada", app.clock.now()));
    app.clock.advance("2s");
    expect((await ada.read()).userId).toBe("ada");
    await app.sessions.revokeUser("ada");
    app.clock.advance("2s");
    expect((await ada.read()).userId).toBeUndefined();
    ada.plant(await theirCookie("ada", app.clock.now()));
    expect((await ada.read()).userId).toBe("ada");
  });

  it("is live when it began here after everyone was signed out, in the same second", async () => {
    const app = memoryApp({ method: "shared", share: theirs });
    app.clock.set(Math.ceil(app.clock.now() / 1000) * 1000 + 200);
    await app.sessions.revokeEveryone();
    app.clock.advance("0.1s");
    const ada = app.browser();
    await ada.signIn("ada");
    expect((await ada.read()).userId).toBe("ada");
  });

  it("P5 stays over when they write it again, and is another's who signs in there", async () => {
    const app = memoryApp({ method: "shared", share: theirs });
    const ada = app.browser();
    await ada.signIn("ada");
    const opened = await theirs.open(() => ada.cookie().split("session=")[1], app.clock.now());
    const data = "data" in opened ? opened.data : {};
    await app.sessions.revokeUser("ada");
    await app.sessions.revokeUser("bob");
    app.clock.advance("2s");
    ada.plant(await theirCookie("ada", app.clock.now(), data));
    expect((await ada.read()).userId).toBeUndefined();
    ada.plant(await theirCookie("bob", app.clock.now(), data));
    expect((await ada.read()).userId).toBe("bob");
  });
});

/** A store of express-session, in memory, with the records as JSON. */
function expressStore(records: Map<string, string>): ExpressStore {
  return {
    get: (sid, done) => done(null, JSON.parse(records.get(sid) ?? "null")),
    set: (sid, session, done) => {
      records.set(sid, JSON.stringify(session));
      done();
    },
    destroy: (sid, done) => {
      records.delete(sid);
      done();
    },
  };
}

/** Records of a library of Python's, in memory. */
function recordsIn(records: Map<string, ForeignRecord>): ForeignRecords {
  return {
    read: async (key) => records.get(key),
    write: async (key, record) => void records.set(key, record),
    remove: async (key) => void records.delete(key),
  };
}

const TIMELESS: Readonly<Record<string, () => ForeignSource>> = {
  "express-session": () => expressSession({ secret: "s3cret", store: expressStore(new Map()) }),
  "Flask-Session": () => flaskSession({ records: recordsIn(new Map()), layout: "redis" }),
  "Django's cache": () =>
    djangoSession({ secrets: ["s3cret"], records: recordsIn(new Map()), layout: "cache" }),
};

describe.each(Object.entries(TIMELESS))("a shared record that says no time: %s", (_, open) => {
  function sharing() {
    const theirs = open();
    const app = memoryApp({ method: "shared", share: theirs });
    async function begunThere(user: string): Promise<string> {
      const { cookies } = await theirs.seal({ data: {}, userId: user }, app.clock.now());
      return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    }
    return { theirs, app, begunThere };
  }

  it("P5 is over by a cut-off, when it was signed in or written here before", async () => {
    for (const cutOff of ["revokeUser", "revokeEveryone"] as const) {
      const { app, begunThere } = sharing();
      const [here, there] = [app.browser(), app.browser()];
      await here.signIn("ada");
      there.plant(await begunThere("ada"));
      await there.set("n", 1);
      app.clock.advance("1h");
      await app.sessions[cutOff]("ada");
      app.clock.advance("1h");
      for (const each of [here, there]) {
        expect((await each.read()).refusal, cutOff).toBe("revoked");
        await each.signIn("ada");
        await each.set("n", 2);
        app.clock.advance("1h");
        expect((await each.read()).all()).toEqual({ n: 2 });
      }
    }
  });

  it("P6 a password reset signs this browser in and every other one out", async () => {
    const { app } = sharing();
    const [ada, thief] = [app.browser(), app.browser()];
    await thief.signIn("ada");
    app.clock.advance("1h");
    await ada.visit(async (session) => {
      await session.signIn("ada", { revokeOthers: true });
      await session.elevate("totp");
    });
    app.clock.advance("1h");
    expect([(await ada.read()).userId, (await thief.read()).userId]).toEqual(["ada", undefined]);
  });

  it("P8 keeps its id over a rotation of our secrets, and stays revoked", async () => {
    const { app, theirs, begunThere } = sharing();
    const rotated = app.another({ secrets: [OTHER_SECRET, SECRET], share: theirs });
    const [here, there] = [app.browser(), app.browser()];
    await here.signIn("ada");
    there.plant(await begunThere("ada"));
    const { id } = await here.read();
    expect((await here.copy(rotated.sessions).read()).id).toBe(id);
    for (const each of [here, there]) await app.sessions.revoke((await each.read()).id as string);
    app.clock.advance("1h");
    for (const each of [here, there]) {
      expect((await each.copy(rotated.sessions).read()).refusal).toBe("revoked");
    }
  });

  it("has a key of ours with a user, and none that stays with a visitor", async () => {
    const { app, theirs } = sharing();
    const ada = app.browser();
    const seen = async () => {
      const opened = await theirs.open(
        (name) => new RegExp(`${name}=([^;]*)`).exec(ada.cookie())?.[1],
        app.clock.now(),
      );
      return "data" in opened ? Object.keys(opened.data) : [];
    };
    await ada.set("n", 1);
    expect(await seen()).toEqual(["n"]);
    await ada.signIn("ada");
    expect(await seen()).toContain("_coatcheck");
    expect((await ada.read()).keys()).toEqual(["n"]);
  });
});

it("P11 a shared session of express-session that is only read here does not end early there", async () => {
  const touched: unknown[] = [];
  const records = new Map<string, string>();
  const store: ExpressStore = {
    ...expressStore(records),
    touch(sid, session, done) {
      touched.push([sid, session]);
      done();
    },
  };
  const app = memoryApp({
    method: "shared",
    share: expressSession({ secret: "s3cret", store }),
    timeouts: { touchInterval: "5m" },
  });
  const ada = app.browser();
  await ada.set("n", 1);
  const [[sid, text] = ["", ""]] = [...records];
  store.set = () => expect.unreachable();
  for (let minutes = 0; minutes < 12; minutes += 1) {
    const { head } = await ada.visit((session) => session.load());
    expect(head.cookies).toEqual([]);
    app.clock.advance("1m");
  }
  // Once per touch interval.
  expect(touched).toEqual(Array(3).fill([sid, JSON.parse(text)]));
  store.touch = (_sid, _session, done) => done(new Error("the old backend is read-only"));
  app.clock.advance("1h");
  expect((await ada.read()).get("n")).toBe(1);
});

it("P11 a shared session that says when it began and no more is not over for being used", async () => {
  const share = flaskKvSession({ records: recordsIn(new Map()), secrets: ["s3cret"] });
  const app = memoryApp({ method: "shared", share });
  const ada = app.browser();
  await ada.signIn("ada");
  for (let days = 1; days < 30; days += 1) {
    app.clock.advance("1d");
    expect((await ada.read()).userId, `${days} days`).toBe("ada");
  }
  app.clock.advance("1d");
  expect((await ada.read()).refusal).toBe("absolute-timeout");
});

describe("a shared session with a record", () => {
  it("that has ended is not remembered until a clock that was set back has caught up", async () => {
    const { app } = sharing("records");
    const [ada, bob] = [app.browser(), app.browser()];
    await ada.signIn("ada");
    const before = ada.copy();
    await ada.visit((session) => session.signOut());
    app.clock.set(app.clock.now() - 3_600_000);
    await bob.signIn("bob");
    await bob.visit((session) => session.signOut());
    await before.set("theme", "light");
    expect((await before.read()).get("theme")).toBe("light");
  });

  it("P4 keeps what 50 requests of one process write at once to keys of their own", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.signIn("ada");
    const visits = Array.from({ length: 50 }, () => ada.begin());
    await Promise.all(
      visits.map(async ({ session, finish }, index) => {
        (await session.load()).set(`key${index}`, index);
        await finish();
      }),
    );
    expect(Object.keys((await theirs.read(ada.cookie())) ?? {})).toHaveLength(51);
  });

  it("P4 keeps what was written meanwhile in a sign-in and in a proof", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.set("n", 1);
    for (const act of ["signIn", "elevate"] as const) {
      const slow = ada.begin();
      (await slow.session.load()).set("late", act);
      await ada.set("cart", [act]);
      await slow.session[act]("ada");
      await slow.finish();
      const seen = await theirs.read(ada.cookie());
      expect(seen).toMatchObject({ n: 1, cart: [act], late: act, user: "ada" });
      expect(theirs.records.size).toBe(1);
    }
  });

  it("P6 gives one session to two sign-ins at once from one visitor's", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const visits = [ada.begin(), ada.begin()];
    for (const { session } of visits) await session.load();
    const outcomes = await Promise.allSettled(visits.map(({ session }) => session.signIn("ada")));
    for (const { finish } of visits) await finish();
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect([theirs.records.size, (await ada.read()).userId]).toEqual([1, "ada"]);
  });

  it("that they have ended is not brought back by a slow write", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.signIn("ada");
    const slow = ada.begin();
    (await slow.session.load()).set("late", 1);
    theirs.records.clear();
    expect((await slow.finish()).cookies).toEqual([]);
    expect(theirs.records.size).toBe(0);
    expect(app.told("dropped")).toMatchObject([{ keys: ["late"] }]);
  });

  it("P5 that they have ended is not brought back by a request that has written it before", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.signIn("ada");
    const slow = ada.begin();
    (await slow.session.load()).set("n", 1);
    await slow.session.commit();
    theirs.records.clear();
    (await slow.session.load()).set("n", 2);
    await slow.finish();
    expect(theirs.records.size).toBe(0);
    expect(app.told("dropped")).toMatchObject([{ keys: ["n"] }]);
  });

  it("P4 gives what lies there to an update that changes nothing of it", async () => {
    const { app } = sharing("records");
    const ada = app.browser();
    await ada.set("n", 1);
    const { session } = ada.begin();
    const loaded = await session.load();
    await ada.set("n", 2);
    expect([await session.update("n", (n) => n), loaded.get("n")]).toEqual([2, 2]);
  });

  it("P4 begun by a request keeps what others write until that request writes it again", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    const { session, finish } = ada.begin();
    await session.signIn("ada");
    await finish();
    await ada.set("cart", ["tea"]);
    await session.update("theme", () => "dark");
    expect(await theirs.read(ada.cookie())).toMatchObject({ cart: ["tea"], theme: "dark" });
  });

  it("P6 is over for a slow request when they have kept it under its id for another user", async () => {
    const { theirs, app } = sharing("records", { watchInterval: 0.05 });
    const ada = app.browser();
    ada.plant(await theirs.signIn({ user: "ada" }));
    const slow = ada.begin();
    (await slow.session.load()).set("secret", 1);
    const watching = ada.begin();
    const signal = await watching.session.watch();
    for (const [id] of theirs.records) theirs.records.set(id, '{"data":{"user":"bob"}}');
    await slow.finish();
    expect(await theirs.read(ada.cookie())).toEqual({ user: "bob" });
    expect((await watching.session.reload()).userId).toBeUndefined();
    await expect.poll(() => signal.aborted).toBe(true);
  });

  it("P5 has ended after a sign-in that could not remove its record", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    const visitor = ada.copy();
    theirs.remove = () => Promise.reject(new Error("the old backend is down"));
    await ada.signIn("ada");
    expect(app.told("foreignFailed")).toMatchObject([{ operation: "remove" }]);
    expect([(await ada.read()).userId, (await visitor.read()).refusal]).toEqual(["ada", "revoked"]);
  });

  it("P5 is over there after a sign-out that the feed did not take", async () => {
    const { theirs, app } = sharing("records", {
      faults: ({ verb }) => (verb === "add" ? "before" : undefined),
    });
    const ada = app.browser();
    await ada.signIn("ada");
    const { session, finish } = ada.begin();
    await expect(session.signOut()).rejects.toMatchObject({ status: 503 });
    await finish({ failed: true });
    expect([ada.cookie(), theirs.records.size]).toEqual(["", 0]);
  });

  it("P5 is not written back by a write that was under way when it was signed out", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    await ada.signIn("ada");
    const slow = ada.begin();
    (await slow.session.load()).set("n", 1);
    const leaving = ada.begin();
    await leaving.session.load();
    const held = gate();
    const seal = theirs.seal;
    theirs.seal = async (...given) => {
      await held.opened;
      return seal(...given);
    };
    const writing = slow.finish();
    const ending = leaving.session.signOut();
    await new Promise((resolve) => setTimeout(resolve, 10));
    held.open();
    await Promise.all([writing, ending]);
    expect(theirs.records.size).toBe(0);
  });

  it("P10 is read while a touch cannot be written", async () => {
    const { theirs, app } = sharing("records");
    const ada = app.browser();
    ada.plant(await theirs.signIn({ user: "ada" }, app.clock.now()));
    app.clock.advance("1h");
    theirs.seal = () => Promise.reject(new Error("the old backend is read-only"));
    const { head, result } = await ada.visit((session) => session.load());
    expect([result.userId, head.cookies]).toEqual(["ada", []]);
  });
});

it.each(["unsupported", "too-large", "future"] as const)(
  "P16 a session that is %s here, and may be live there, keeps its place until somebody signs in",
  async (refused) => {
    const library = flaskCookie({ secrets: ["s3cret"] });
    const share: ForeignSource = { ...library, open: async () => ({ refused, problem: "odd" }) };
    const app = memoryApp({ method: "shared", share });
    const ada = app.browser();
    ada.plant("session=theirs");
    expect((await ada.read()).userId).toBeUndefined();
    await expect(ada.set("n", 1)).rejects.toMatchObject({ status: 409 });
    expect(ada.cookie()).toBe("session=theirs");
    await ada.signIn("ada");
    expect(ada.cookie()).not.toContain("theirs");
  },
);

describe("a shared session whose end tells when it was used", () => {
  it.each(["30d", "1h"] as const)("P11 lasts while it is used (their age: %s)", async (maxAge) => {
    const store = expressStore(new Map());
    const cookie = { maxAge: milliseconds(maxAge) as number };
    const share = expressSession({ secret: "s3cret", store, cookie });
    const app = memoryApp({ method: "shared", share });
    const ada = app.browser();
    const head = await ada.set("n", 1);
    const end = new Date(app.clock.now() + cookie.maxAge);
    expect(String(head.cookies[0])).toContain(`Expires=${end.toUTCString()}`);
    for (let times = 0; times < 10; times += 1) {
      app.clock.advance("30m");
      expect((await ada.read()).get("n")).toBe(1);
    }
    app.clock.advance("25h");
    expect((await ada.read()).get("n")).toBeUndefined();
  });
});

describe.each([
  ["cookie-session", () => cookieSession({ keys: ["k3y"] })],
  ["koa-session", () => koaSession({ keys: ["k3y"] })],
  ["React Router", () => reactRouterSession({ secrets: ["s3cret"], user: userAt("user") })],
])("a shared cookie that holds no time: %s", (_, open) => {
  it("P5 P6 is another after a proof, and after a sign-out and a sign-in with the same data", async () => {
    const app = memoryApp({ method: "shared", share: open() });
    const ada = app.browser();
    await ada.signIn("ada");
    const first = ada.copy();
    await ada.visit((session) => session.elevate("totp"));
    expect([(await ada.read()).userId, (await first.read()).userId]).toEqual(["ada", undefined]);
    const second = ada.copy();
    await ada.visit((session) => session.signOut());
    await ada.signIn("ada");
    expect([(await ada.read()).userId, (await second.read()).userId]).toEqual(["ada", undefined]);
    expect((await ada.read()).keys().filter((key) => key !== "user")).toEqual([]);
    app.clock.advance("1m");
    await app.sessions.revokeUser("ada");
    expect((await ada.read()).refusal).toBe("revoked");
  });
});

describe("a sign-in that is to be remembered longer than the other side's sessions last", () => {
  const HOUR = 3_600_000;

  it("gives express-session an age that it goes on with", async () => {
    const records = new Map<string, string>();
    const cookie = { maxAge: HOUR };
    const share = expressSession({ secret: "s3cret", store: expressStore(records), cookie });
    const app = memoryApp({ method: "shared", share });
    const ada = app.browser();
    await ada.visit((session) => session.signIn("ada", { remember: true }));
    const seen = () => JSON.parse([...records.values()][0] ?? "").cookie;
    const age = 30 * 24 * HOUR;
    const end = (now: number) => new Date(now + age).toISOString();
    expect(seen()).toMatchObject({ originalMaxAge: age, expires: end(app.clock.now()) });
    app.clock.advance("2h");
    await ada.set("n", 1);
    expect(seen()).toMatchObject({ originalMaxAge: age, expires: end(app.clock.now()) });
    app.clock.advance("2h");
    expect((await ada.read()).userId).toBe("ada");
  });

  it("outlives the browser's run of a Django app whose sessions end with it", async () => {
    const django = { secrets: ["s3cret"], expireAtBrowserClose: true };
    for (const remember of [true, false]) {
      const app = memoryApp({ method: "shared", share: djangoCookie(django) });
      const ada = app.browser();
      const signedIn = await ada.visit((session) => session.signIn("1", { remember }));
      app.clock.advance("1h");
      const heads = [signedIn.head, await ada.set("n", 1)];
      const ends = heads.map((head) => String(head.cookies[0]).includes("Expires"));
      expect(ends).toEqual([remember, remember]);
    }
  });

  it("gives koa-session an age that it goes on with", async () => {
    const share = koaSession({ keys: ["k3y"] });
    const app = memoryApp({ method: "shared", share });
    const ada = app.browser();
    const cookies = (): Record<string, string> =>
      Object.fromEntries(
        ada
          .cookie()
          .split("; ")
          .map((pair) => pair.split(/=(.*)/s)),
      );
    const seen = () => readKoaValue(cookies()["koa.sess"] ?? "", app.clock.now());
    const age = 30 * 24 * HOUR;
    await ada.visit((session) => session.signIn("ada", { remember: true }));
    expect(seen()).toMatchObject({ maxAge: age, expiresAt: app.clock.now() + age });
    app.clock.advance("2d");
    await ada.set("n", 1);
    expect(seen()).toMatchObject({ maxAge: age, expiresAt: app.clock.now() + age });
  });
});

describe("whether a shared session outlives the browser's run", () => {
  const theirs = flaskCookie({ secrets: ["s3cret"] });
  const share = { method: "shared", share: theirs } as const;

  async function isPermanent(cookie: string, now: number): Promise<boolean | undefined> {
    const opened = await theirs.open((name) => cookie.split(`${name}=`)[1], now);
    return "refused" in opened ? undefined : opened.persistent;
  }

  it.each([undefined, "ada"])(
    "is theirs to say, of a session that they began (%s)",
    async (user) => {
      const app = memoryApp(share);
      const userId = user === undefined ? {} : { userId: user };
      const now = app.clock.now();
      const { cookies } = await theirs.seal({ data: { n: 1 }, ...userId, persistent: true }, now);
      const ada = app.browser();
      ada.plant(`session=${cookies[0]?.value}`);
      await ada.set("n", 2);
      expect(await isPermanent(ada.cookie(), now)).toBe(true);
    },
  );

  it("is what the sign-in here said", async () => {
    for (const remember of [true, false]) {
      const app = memoryApp(share);
      const ada = app.browser();
      await ada.visit(async (session) => {
        (await session.signIn("ada", { remember })).set("n", 1);
      });
      expect(await isPermanent(ada.cookie(), app.clock.now())).toBe(remember);
    }
  });
});

describe("the option share", () => {
  it.each([
    [{ method: "shared" as const }, "share"],
    [{ method: "shared" as const, share: {} as never }, "share"],
    [{ share: foreignLibrary() }, "share"],
    [
      { method: "shared" as const, share: foreignLibrary(), rotateEvery: "1h" as const },
      "rotateEvery",
    ],
    [
      { method: "shared" as const, share: foreignLibrary(), maxSessionsPerUser: 2 },
      "maxSessionsPerUser",
    ],
  ])("refuses what cannot work, by name (%#)", (options, option) => {
    expect(() => memoryApp(options)).toThrow(ConfigError);
    expect(() => memoryApp(options)).toThrow(`\`${option}\``);
  });
});
