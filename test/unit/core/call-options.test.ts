import { describe, expect, it } from "vitest";
import type { Session, Sessions } from "../../../src/index.ts";
import type { Data } from "../../support/ways.ts";
import { memoryApp, SECRET } from "../../support/ways.ts";

describe("an option that a call does not have", () => {
  it.each([
    ["load", { outagge: "closed" }, "there are outage"],
    ["signIn", { rembember: true }, "there are remember, methods, keep, revokeOthers"],
    ["signIn", { revokeOther: true }, "there are remember, methods, keep, revokeOthers"],
    ["signIn", { kep: ["cart"] }, "there are remember, methods, keep, revokeOthers"],
    ["requireFresh", { wihtin: "5m" }, "there are within, methods"],
    ["requireFresh", { within: "5m", method: ["totp"] }, "there are within, methods"],
    ["commit", { faild: true }, "there are at, failed"],
  ])("of a session is refused by name, and nothing happens: %s(%j)", async (name, given, mend) => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.signIn("ada");
    app.recorded.clear();
    await ada.visit(async (session) => {
      const call = session[name as "load"].bind(session) as (
        ...args: unknown[]
      ) => Promise<unknown>;
      const args = name === "signIn" ? ["bob", given] : [given];
      await expect(call(...args)).rejects.toThrow(refusal(name, mend));
    });
    expect((await ada.read()).userId).toBe("ada");
  });

  it("of requireFresh is refused where none is given at all", async () => {
    const ada = memoryApp().browser();
    await ada.signIn("ada");
    await ada.visit(async (session) => {
      const fresh = session.requireFresh.bind(session) as () => Promise<unknown>;
      await expect(fresh()).rejects.toThrow(refusal("requireFresh", "takes a duration"));
    });
  });

  it("of `sessions` is refused by name, and nobody is signed out", async () => {
    const { sessions, browser } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    const { id } = await ada.read();
    for (const given of [{ exept: id }, { except: id, all: true }, id]) {
      const mend = typeof given === "string" ? "an object" : "there are except";
      await expect(sessions.revokeUser("ada", given as never)).rejects.toThrow(
        refusal("revokeUser", mend),
      );
    }
    await expect(sessions.sweep({ bach: 5 } as never)).rejects.toThrow(
      refusal("sweep", "there are batch"),
    );
    const heads = { heads: "sent" } as never;
    expect(() => sessions.open({ headers: {} }, heads)).toThrow(
      refusal("open", "there are head, outage"),
    );
    expect((await ada.read()).userId).toBe("ada");
  });

  it("is one of its own: what lies on Object.prototype is not", async () => {
    const { sessions } = memoryApp();
    let swept: number | undefined;
    Object.assign(Object.prototype, { polluted: 1 });
    try {
      swept = await sessions.sweep({ batch: 5 });
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
    expect(swept).toBe(0);
  });
});

/** What is no object of options: as when an argument was left out, or a value stands in its place. */
const NO_OBJECT = [null, true, 5, "", SECRET, () => ({ remember: true }), Symbol("options")];
const NO_FLAG = [null, "", "true", "false", 0, 1, [], {}, SECRET];
const NO_WORD = [null, "", "heed", "send", "HEAD", "open", true, 0, ["head"], SECRET];
const NO_DURATION = [
  null,
  "",
  "5",
  "5 m",
  "-5m",
  0,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  SECRET,
];
const NO_WORDS = [null, "", "totp", [""], [5], ["totp", undefined], { 0: "totp" }, SECRET];
const NO_KEYS = [null, "cart", [5], [undefined], { cart: true }, SECRET];
const NO_ID = [undefined, null, "", 5, {}, ["ada"], new String("ada"), "\ud800", "a".repeat(1025)];
const NO_KEY = [undefined, null, 5, {}, ["cart"], Symbol("cart")];

type Call = (session: Session<Data>, value: never) => unknown;

/** What is called, what cannot be given, and what the error has to say. */
const WRONG_CALLS: readonly [name: string, mend: RegExp, wrong: readonly unknown[], Call][] = [
  ["load(options)", /`load` takes an object/, NO_OBJECT, (s, v) => s.load(v)],
  ["load({ outage })", /`outage`: "closed" or/, NO_WORD, (s, v) => s.load({ outage: v })],
  ["update(key)", /a key and a function/, [...NO_KEY, "cart"], (s, v) => s.update(v)],
  ["update(key, change)", /a key and a function/, NO_KEY, (s, v) => s.update(v, () => undefined)],
  ["signIn(userId)", /signIn takes a user id/, NO_ID, (s, v) => s.signIn(v)],
  ["signIn(…, options)", /`signIn` takes an object/, NO_OBJECT, (s, v) => s.signIn("bob", v)],
  [
    "signIn(…, { remember })",
    /`remember`: true or false/,
    NO_FLAG,
    (s, v) => s.signIn("bob", { remember: v }),
  ],
  [
    "signIn(…, { revokeOthers })",
    /`revokeOthers`: true or/,
    NO_FLAG,
    (s, v) => s.signIn("bob", { revokeOthers: v }),
  ],
  [
    "signIn(…, { methods })",
    /`methods` takes a list/,
    NO_WORDS,
    (s, v) => s.signIn("bob", { methods: v }),
  ],
  ["signIn(…, { keep })", /`keep` takes a list/, NO_KEYS, (s, v) => s.signIn("bob", { keep: v })],
  [
    "elevate(method)",
    /elevate takes a word/,
    [undefined, ...NO_WORDS.filter((each) => typeof each !== "string"), ""],
    (s, v) => s.elevate(v),
  ],
  [
    "requireFresh(options)",
    /`requireFresh` takes an object/,
    NO_OBJECT,
    (s, v) => s.requireFresh(v),
  ],
  [
    "requireFresh({ within })",
    /requireFresh takes a duration/,
    [undefined, 300_000, ...NO_DURATION],
    (s, v) => s.requireFresh({ within: v }),
  ],
  [
    "requireFresh({ methods })",
    /`methods` takes a list/,
    NO_WORDS,
    (s, v) => s.requireFresh({ within: "5m", methods: v }),
  ],
  [
    "watch(signal)",
    /watch takes an AbortSignal/,
    [null, 5, "", {}, new AbortController()],
    (s, v) => s.watch(v),
  ],
  ["commit(options)", /`commit` takes an object/, NO_OBJECT, (s, v) => s.commit(v)],
  ["commit({ at })", /`at`: "head" or "end"/, NO_WORD, (s, v) => s.commit({ at: v })],
  ["commit({ failed })", /`failed`: true or false/, NO_FLAG, (s, v) => s.commit({ failed: v })],
  ["set(key)", /keys are strings/, NO_KEY, async (s, v) => (await s.load()).set(v, "x" as never)],
  ["delete(key)", /keys are strings/, NO_KEY, async (s, v) => (await s.load()).delete(v)],
];

describe("a value that a call cannot take", () => {
  it.each(WRONG_CALLS)("is refused, and nothing is written: %s", async (_, mend, wrong, call) => {
    const app = memoryApp();
    const ada = app.browser();
    await ada.set("cart", ["tea"]);
    await ada.signIn("ada");
    for (const value of wrong) {
      const { session } = ada.begin();
      app.recorded.clear();
      const failure: unknown = await (async () => call(session, value as never))().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure, describeValue(value)).toMatchObject({
        code: "ERR_USAGE",
        message: expect.stringMatching(mend) as string,
        expose: false,
      });
      expect(String((failure as Error).stack)).not.toContain(SECRET);
      expect(app.recorded.calls.filter(({ verb }) => verb !== "load")).toEqual([]);
      // Nor does it come later: the handle goes on as if it had not been called.
      expect((await session.commit({ at: "head" })).cookies).toEqual([]);
      expect(app.recorded.calls.filter(({ verb }) => verb !== "load")).toEqual([]);
    }
    const after = await ada.read();
    expect([after.userId, after.all()]).toEqual(["ada", { cart: ["tea"] }]);
  });

  it.each([
    ["open(…, options)", /`open` takes an object/, NO_OBJECT, (s, v) => s.open({ headers: {} }, v)],
    [
      "open(…, { head })",
      /`head`: "sent"/,
      NO_WORD,
      (s, v) => s.open({ headers: {} }, { head: v }),
    ],
    [
      "open(…, { outage })",
      /`outage`: "closed" or/,
      NO_WORD,
      (s, v) => s.open({ headers: {} }, { outage: v }),
    ],
    ["of(carrier)", /install the adapter/, [undefined, null, 5, "", {}, SECRET], (s, v) => s.of(v)],
    ["list(userId)", /list takes a user id/, NO_ID, (s, v) => s.list(v)],
    ["revokeUser(userId)", /revokeUser takes a user id/, NO_ID, (s, v) => s.revokeUser(v)],
    [
      "revokeUser(…, options)",
      /`revokeUser` takes an object/,
      NO_OBJECT,
      (s, v) => s.revokeUser("ada", v),
    ],
    ["sweep(options)", /`sweep` takes an object/, NO_OBJECT, (s, v) => s.sweep(v)],
    [
      "sweep({ batch })",
      /whole number/,
      [null, "", "5", 0, -1, 1.5, Number.NaN, SECRET],
      (s, v) => s.sweep({ batch: v }),
    ],
    [
      "on(name)",
      /on takes a listener/,
      [undefined, null, "", "logout", "constructor", SECRET],
      (s, v) => s.on(v, () => undefined),
    ],
    [
      "on(…, listener)",
      /on takes a listener/,
      [undefined, null, "", {}, SECRET],
      (s, v) => s.on("created", v),
    ],
  ] satisfies [
    string,
    RegExp,
    readonly unknown[],
    (sessions: Sessions<Data>, value: never) => unknown,
  ][])("of `sessions` is refused, and no store is asked: %s", async (_, mend, wrong, call) => {
    const app = memoryApp();
    for (const value of wrong) {
      const failure: unknown = await (async () => call(app.sessions, value as never))().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure, describeValue(value)).toMatchObject({
        code: "ERR_USAGE",
        message: expect.stringMatching(mend) as string,
      });
      expect(String((failure as Error).stack)).not.toContain(SECRET);
    }
    expect(app.recorded.calls).toEqual([]);
  });

  it("is the request that was forgotten, or has no headers", async () => {
    const { sessions, recorded } = memoryApp();
    for (const request of [undefined, null, 5, "GET /", {}, { req: { headers: {} } }]) {
      await expect(sessions.open(request as never).load()).rejects.toThrow(
        refusal("open", "takes a request"),
      );
    }
    expect(recorded.calls).toEqual([]);
  });

  it("is looked at wherever the options come from", async () => {
    class Options {
      get remember(): unknown {
        return "yes";
      }
    }
    const made = [
      new Options(),
      Object.freeze({ remember: "yes" }),
      new Proxy({ remember: "yes" }, {}),
      Object.create({ remember: "yes" }) as object,
    ];
    const ada = memoryApp().browser();
    for (const options of made) {
      await expect(ada.visit((session) => session.signIn("ada", options as never))).rejects.toThrow(
        refusal("signIn", "`remember`: true or false"),
      );
    }
  });

  it("leaves nothing that watches", async () => {
    const { sessions, browser } = memoryApp();
    const ada = browser();
    await ada.signIn("ada");
    const timers = process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
    await expect(ada.begin().session.watch(new AbortController() as never)).rejects.toThrow();
    expect(process.getActiveResourcesInfo().filter((each) => each === "Timeout")).toHaveLength(
      timers,
    );
    await sessions.close();
  });
});

function describeValue(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function refusal(call: string, mend: string): Error {
  return expect.objectContaining({
    code: "ERR_USAGE",
    message: expect.stringMatching(new RegExp(`${call}.*${mend}`)),
  }) as Error;
}
