import { Console } from "node:console";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/errors.ts";
import { memoryApp } from "../../support/ways.ts";

const VALUES = ["userId", "id", "isNew", "isStale", "info", "refusal"];
const VERBS_OF_VALUES = ["get", "has", "keys", "all", "set", "delete", "clear"];

/** Names that other libraries look for, with a part of the mend that a person is told. */
const FOREIGN = {
  passport: /session: false.*no `passport\.session\(\)`/,
  user: /userId/,
  cookie: /createSessions/,
  regenerate: /signIn/,
  save: /commit\(\)/,
  destroy: /signOut\(\)/,
  touch: /by itself/,
  data: /get\(key\)/,
};

const FOREIGN_TO_VALUES = { ...FOREIGN, touch: undefined };

type Face = Record<string, unknown>;

async function facesOf(dev: boolean): Promise<{ handle: Face; loaded: Face }> {
  const app = memoryApp({ dev });
  const ada = app.browser();
  await ada.signIn("ada");
  const { session } = ada.begin();
  return { handle: session as never, loaded: (await session.load()) as never };
}

function mendOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe.each([
  ["in production", false],
  ["in development", true],
])("the two faces of a session, %s", (_, dev) => {
  it("a value read from the handle throws and says to load first", async () => {
    const { handle } = await facesOf(dev);
    for (const name of [...VALUES, ...VERBS_OF_VALUES]) {
      expect(
        mendOf(() => handle[name]),
        name,
      ).toMatch(/await req\.session\.load\(\)/);
      expect(
        mendOf(() => handle[name]),
        name,
      ).toContain(`\`${name}\``);
    }
  });

  it("a forgotten await lets nobody in", async () => {
    const { handle } = await facesOf(dev);
    expect(() => {
      if (!handle["userId"]) return "sign in first";
      return "welcome";
    }).toThrow(UsageError);
    expect(() => {
      const { userId } = handle;
      return userId;
    }).toThrow(UsageError);
  });

  it("a value written to the handle throws", async () => {
    const { handle } = await facesOf(dev);
    for (const name of [...VALUES, ...VERBS_OF_VALUES]) {
      expect(() => {
        handle[name] = "x";
      }, name).toThrow(UsageError);
    }
  });

  it("names of other libraries throw on the handle, read or written, with the mend", async () => {
    const { handle } = await facesOf(dev);
    for (const [name, mend] of Object.entries(FOREIGN)) {
      expect(
        mendOf(() => handle[name]),
        name,
      ).toMatch(mend);
      expect(
        mendOf(() => {
          handle[name] = {};
        }),
        name,
      ).toMatch(mend);
    }
  });

  it("names of other libraries throw on the loaded session, read or written", async () => {
    const { loaded } = await facesOf(dev);
    for (const [name, mend] of Object.entries(FOREIGN_TO_VALUES)) {
      if (mend === undefined) continue;
      expect(
        mendOf(() => loaded[name]),
        name,
      ).toMatch(mend);
      expect(
        mendOf(() => {
          loaded[name] = {};
        }),
        name,
      ).toMatch(mend);
    }
  });

  it("the values of the loaded session cannot be written", async () => {
    const { loaded } = await facesOf(dev);
    for (const name of VALUES) {
      expect(() => {
        loaded[name] = "bob";
      }, name).toThrow(TypeError);
    }
    expect(loaded["userId"]).toBe("ada");
  });

  it("awaiting the handle gives the handle, and awaiting the session the session", async () => {
    const { handle, loaded } = await facesOf(dev);
    expect((await handle) === handle).toBe(true);
    expect((await loaded) === loaded).toBe(true);
  });

  it("a console, a log line and JSON show id and user at most", async () => {
    const { handle, loaded } = await facesOf(dev);
    let text = "";
    const stdout = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    });
    const log = new Console({ stdout, colorMode: false });
    log.log(handle);
    log.log(loaded);
    log.log("%o %j %s", handle, handle, handle);
    const shown = { id: loaded["id"], userId: "ada" };
    expect(text.split("\n").slice(0, 2)).toEqual([
      "{}",
      `{ id: '${loaded["id"]}', userId: 'ada' }`,
    ]);
    expect(text).not.toMatch(/sid|cookie|Symbol/);
    expect([JSON.stringify(handle), JSON.stringify({ handle })]).toEqual(["{}", '{"handle":{}}']);
    expect(JSON.parse(JSON.stringify(loaded))).toEqual(shown);
    expect(inspect({ req: { session: handle } }, { depth: 10, showProxy: true })).not.toMatch(
      /cookie=|__Host/,
    );
    expect(`${handle} ${loaded}`).toBe("[object Object] [object Object]");
  });

  it("neither face has keys of its own that a copy or a loop would take along", async () => {
    const { handle, loaded } = await facesOf(dev);
    expect([Object.keys(handle), Object.keys(loaded)]).toEqual([[], []]);
  });

  it("values may be taken out of the loaded session by destructuring", async () => {
    const { loaded } = await facesOf(dev);
    const { userId, isNew, id } = loaded;
    expect([userId, isNew, typeof id]).toEqual(["ada", false, "string"]);
  });

  it("a verb that was taken off its session throws, and does nothing to another", async () => {
    const { handle, loaded } = await facesOf(dev);
    const { set } = loaded as { set: (key: string, value: unknown) => void };
    expect(() => set("theme", "dark")).toThrow();
    const { load } = handle as { load: () => unknown };
    expect(() => load()).toThrow();
  });

  it("symbols ask for nothing: they are absent", async () => {
    const { handle, loaded } = await facesOf(dev);
    const key = Symbol("x") as never;
    expect([handle[key], loaded[key]]).toEqual([undefined, undefined]);
    expect([Symbol.iterator in handle, Symbol.asyncIterator in loaded]).toEqual([false, false]);
  });
});

describe("in development", () => {
  it("every unknown name throws on the handle, read or written", async () => {
    const { handle } = await facesOf(true);
    for (const name of ["cart", "userID", "isSignedIn", "nonsense"]) {
      expect(
        mendOf(() => handle[name]),
        name,
      ).toMatch(/await req\.session\.load\(\)/);
      expect(() => {
        handle[name] = [];
      }, name).toThrow(UsageError);
    }
  });

  it("every unknown name throws on the loaded session, and says how it is read and set", async () => {
    const { loaded } = await facesOf(true);
    expect(mendOf(() => loaded["cart"])).toContain('session.get("cart")');
    expect(
      mendOf(() => {
        loaded["cart"] = ["tea"];
      }),
    ).toContain("session.set");
  });

  it("what languages, test runners and consoles look for is absent, not an error", async () => {
    const { handle, loaded } = await facesOf(true);
    for (const face of [handle, loaded]) {
      expect(face["then"]).toBeUndefined();
      expect(face["$$typeof"]).toBeUndefined();
      // What Jest asks before it shows a value, in a snapshot or beside the one expected.
      for (const name of [
        "tagName",
        "hasAttribute",
        "_isMockFunction",
        "@@__IMMUTABLE_RECORD__@@",
      ]) {
        expect(face[name], name).toBeUndefined();
      }
      expect(face["constructor"]).toBe(Object);
      expect(Object.hasOwn(face, "x")).toBe(false);
    }
    expect(handle).not.toBe(loaded);
    expect(handle).toEqual(handle);
    expect({ handle }).toMatchInlineSnapshot(`
      {
        "handle": {},
      }
    `);
  });

  it("verbs that may be handed on work through the guard", async () => {
    const { handle } = await facesOf(true);
    const load = (handle["load"] as () => Promise<Face>).bind(handle);
    expect((await load())["userId"]).toBe("ada");
  });
});

describe("in production", () => {
  it("an unknown name is undefined, as on any object, and is not kept", async () => {
    const { loaded } = await facesOf(false);
    expect(loaded["cart"]).toBeUndefined();
  });
});
