import { afterAll, describe, expect, it } from "vitest";
import type { Session, Sessions } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { FaultPlan } from "../../../src/testing/faults.ts";
import { faulty } from "../../../src/testing/faults.ts";
import type { Browser } from "../../support/jar.ts";
import { createBrowser } from "../../support/jar.ts";
import type { Data } from "../../support/ways.ts";
import { SECRET } from "../../support/ways.ts";

interface Operation {
  readonly start: "nobody" | "visitor" | "user" | "touch due" | "rotation due" | "just rotated";
  readonly run: (browser: Browser, sessions: Sessions<Data>, id: string) => Promise<unknown>;
}

const count = (session: Session<Data>): Promise<unknown> =>
  session.update("count", (value) => ((value as number | undefined) ?? 0) + 1);

type Handler = (session: Session<Data>) => Promise<unknown>;

/** A whole request, as an adapter serves it: what it throws, it throws after the head was settled. */
async function request({ begin }: Browser, handler: Handler): Promise<void> {
  const { session, finish } = begin();
  try {
    await handler(session);
  } catch (error) {
    await finish({ failed: true });
    throw error;
  }
  await finish();
}

const set: Handler = async (session) => (await session.load()).set("theme", "dark");
const load: Handler = (session) => session.load();

const OPERATIONS: Readonly<Record<string, Operation>> = {
  "a first write": { start: "nobody", run: (browser) => request(browser, set) },
  "a first update": { start: "nobody", run: (browser) => request(browser, count) },
  "a first sign-in": {
    start: "nobody",
    run: (browser) => request(browser, (session) => session.signIn("ada")),
  },
  "a read": { start: "user", run: (browser) => request(browser, load) },
  "a write": { start: "user", run: (browser) => request(browser, set) },
  "an update": { start: "user", run: (browser) => request(browser, count) },
  "a touch": { start: "touch due", run: (browser) => request(browser, load) },
  "a rotation": { start: "rotation due", run: (browser) => request(browser, load) },
  "a rotation by an update": { start: "rotation due", run: (browser) => request(browser, count) },
  "a confirmation": { start: "just rotated", run: (browser) => request(browser, load) },
  "a visitor's sign-in": {
    start: "visitor",
    run: (browser) => request(browser, (session) => session.signIn("ada")),
  },
  "a sign-in as somebody else": {
    start: "user",
    run: (browser) => request(browser, (session) => session.signIn("bob")),
  },
  "an elevation": {
    start: "user",
    run: (browser) => request(browser, (session) => session.elevate("totp")),
  },
  "a sign-out": {
    start: "user",
    run: (browser) => request(browser, (session) => session.signOut()),
  },
  "a revoke": { start: "user", run: (_browser, sessions, id) => sessions.revoke(id) },
  "a cut-off": { start: "user", run: (_browser, sessions) => sessions.revokeUser("ada") },
  "a cut-off of the others": {
    start: "user",
    run: (browser) => request(browser, (session) => session.revokeOthers()),
  },
  "a cut-off of everyone": {
    start: "user",
    run: (_browser, sessions) => sessions.revokeEveryone(),
  },
  "a sweep": { start: "user", run: (_browser, sessions) => sessions.sweep() },
};

const FAULTS = ["before", "after", "resent"] as const;
const TYPED = ["ERR_STORE_UNAVAILABLE", "ERR_SESSION_CONFLICT", "ERR_SIGN_IN_REFUSED"];
let tried = 0;

describe.each(Object.entries(OPERATIONS))("trouble in %s", (name, { start, run }) => {
  async function play(plan: FaultPlan, runs = true) {
    const clock = testClock();
    const store = memoryStore({ clock: clock.now });
    const options = { secrets: [SECRET], clock: clock.now, rotateEvery: "1h" } as const;
    const desk = createSessions<Data>({ ...options, store });
    const device = createBrowser(desk);
    await device.signIn("ada");
    const there = createBrowser(desk);
    if (start !== "nobody")
      await there.visit(async (session) => void (await session.load()).set("first", 1));
    if (start !== "nobody" && start !== "visitor") await there.signIn("ada");
    if (start === "touch due") clock.advance("6m");
    if (start === "rotation due" || start === "just rotated") clock.advance("61m");
    if (start === "just rotated") await there.read();
    const old = there.cookie();
    const { id = "" } = old === "" ? {} : await there.begin().session.load();

    let isOver = false;
    let calls = 0;
    const trouble: FaultPlan = (call) => {
      if (isOver) return undefined;
      calls += 1;
      return plan({ ...call, count: calls });
    };
    const sessions = createSessions<Data>({ ...options, store: faulty(store, trouble) });
    const browser = createBrowser(sessions);
    browser.plant(old);
    const running = runs ? run(browser, sessions, id) : Promise.resolve();
    const error = await running.then(
      () => undefined,
      (reason: { code?: string }) => reason.code ?? reason,
    );
    isOver = true;

    /** What there is to be seen, by a process that knows nothing of the trouble. */
    async function look() {
      const eyes = createSessions<Data>({ ...options, store });
      const opened = async (cookie: string) => {
        if (cookie === "") return undefined;
        const loaded = await eyes.open({ headers: { cookie } }).load();
        return { userId: loaded.userId, data: loaded.all(), isOld: loaded.id === id };
      };
      const listed: (string | undefined)[] = [];
      for await (const { userId } of eyes.list()) listed.push(userId);
      return {
        browser: await opened(browser.cookie()),
        old: await opened(old),
        device: await opened(device.cookie()),
        listed: listed.sort(),
      };
    }
    return { calls, error, browser, look, goOn: () => goOn(browser.cookie()) };

    /** A minute later the browser is served, signs in, and keeps what it writes. */
    async function goOn(cookie: string) {
      clock.advance("61s");
      const later = createBrowser(createSessions<Data>({ ...options, store }));
      later.plant(cookie);
      await later.set("later", true);
      expect((await later.read()).get("later")).toBe(true);
      await later.signIn("ada");
      expect((await later.read()).userId).toBe("ada");
    }
  }

  it("ends in one effect, or in a typed error and none by half, at every call", async () => {
    const undone = await (await play(() => undefined, false)).look();
    const right = await play(() => undefined);
    expect(right.error).toBeUndefined();
    const done = await right.look();
    for (let call = 1; call <= right.calls; call += 1) {
      for (const fault of FAULTS) {
        tried += 1;
        const { error, look, goOn } = await play((each) =>
          each.count === call ? fault : undefined,
        );
        const where = `${fault} call ${call}`;
        const seen = await look();
        if (error === undefined) {
          expect(seen, where).toEqual(done);
        } else {
          expect(TYPED, where).toContain(error);
          // Who signs out is to forget the cookie, also when the store could not be told.
          const forgotten = { ...undone, browser: undefined };
          const states = name === "a sign-out" ? [done, undone, forgotten] : [done, undone];
          expect(states, where).toContainEqual(seen);
        }
        await goOn();
      }
    }
  });

  it("leaves the browser able to go on when the store stays away from any call on", async () => {
    const { calls } = await play(() => undefined);
    for (let call = 1; call <= calls; call += 1) {
      for (const fault of ["before", "after"] as const) {
        tried += 1;
        const { error, goOn } = await play((each) => (each.count >= call ? fault : undefined));
        if (error !== undefined) expect(TYPED).toContain(error);
        await goOn();
      }
    }
  });
});

afterAll(() => {
  process.stdout.write(
    `sessions: ${tried} troubles of ${Object.keys(OPERATIONS).length} operations\n`,
  );
});
