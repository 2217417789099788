import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import { foreignLibrary } from "../../support/foreign-library.ts";
import type { MemoryAppOptions } from "../../support/ways.ts";
import { memoryApp } from "../../support/ways.ts";

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
        const { app } = sharing(kind);
        const ada = app.browser();
        await ada.signIn("ada");
        await ada.set("cart", ["tea"]);
        const { id } = await ada.read();
        await app.sessions[revoke](revoke === "revoke" ? (id as string) : "ada");
        expect((await ada.read()).userId, revoke).toBeUndefined();
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
  },
);

describe("a shared session with a record", () => {
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
