import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import * as coatcheck from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

const { createSessions, CoatcheckError, ConfigError, isCoatcheckError, UsageError } = coatcheck;
const SECRETS = ["SrxvflNP2WYaPfax3dj0j6srk49f8-UQhoRGHJyfRe0"];

describe("the page of options", async () => {
  const page = await readFile("docs/options.md", "utf8");

  it("has every option of createSessions, and no other", () => {
    const sections = ["cookie", "sealed", "timeouts", "timeouts.visitor", "timeouts.remember"];
    const names = new Set([
      ...known({ nothing: 1 }),
      ...sections.flatMap((section) =>
        known(nested(section, { nothing: 1 })).map((name) => `${section}.${name}`),
      ),
    ]);
    // What has rows of its own needs none.
    for (const section of sections) if (section !== "timeouts") names.delete(section);
    const shown = rows(page, /^\| option /).map(([name = ""]) => code(name));
    expect(shown.sort()).toEqual([...names].sort());
  });

  it("has every option of the methods, and no other", async () => {
    const session = await readFile("src/core/session.ts", "utf8");
    const sessions = await readFile("src/core/sessions.ts", "utf8");
    const options = [
      ...members(sessions, "OpenOptions").map((name) => `sessions.open ${name}`),
      ...members(sessions, "SweepOptions").map((name) => `sessions.sweep ${name}`),
      "sessions.revokeUser except",
      ...members(session, "LoadOptions").map((name) => `session.load ${name}`),
      ...members(session, "SignInOptions").map((name) => `session.signIn ${name}`),
      ...members(session, "FreshOptions").map((name) => `session.requireFresh ${name}`),
      ...members(session, "CommitOptions").map((name) => `session.commit ${name}`),
    ];
    const shown = rows(page, /^\| call /).map(
      ([call = "", option = ""]) => `${code(call).replace(/\(.*/, "")} ${code(option)}`,
    );
    expect(shown.sort()).toEqual(options.sort());
  });

  it("leaves the options of an adoption to the page of that name", async () => {
    const adopting = await readFile("docs/adopting.md", "utf8");
    const shown = rows(adopting, /^\| option /).map(([name = ""]) => code(name));
    expect(shown.sort()).toEqual([...known({ adopt: [{ nothing: 1 }] })].sort());
  });
});

describe("the page of methods", async () => {
  const page = await readFile("docs/methods.md", "utf8");

  it.each([
    ["Sessions", "Sessions", "src/core/sessions.ts"],
    ["Handle", "Session", "src/core/session.ts"],
    ["Loaded session", "LoadedSession", "src/core/session.ts"],
    ["Info", "SessionInfo", "src/core/session.ts"],
  ])("has all that there is under %s, and nothing else", async (section, name, file) => {
    const source = await readFile(file, "utf8");
    const [, below = ""] = page.split(`\n## ${section}\n`);
    const [table = ""] = below.split("\n## ");
    const shown = rows(table, /^\| (call|name) /).map(([cell = ""]) =>
      code(cell).replace(/\(.*/, ""),
    );
    expect([...new Set(shown)].sort()).toEqual([...new Set(everything(source, name))].sort());
  });
});

describe("the page of events and errors", async () => {
  const page = await readFile("docs/events.md", "utf8");

  it("has every event, and no other", () => {
    const sessions = createSessions({ secrets: SECRETS, store: memoryStore() });
    const refusal = thrownBy(() => sessions.on("nothing" as never, () => undefined));
    expect(refusal).toBeInstanceOf(UsageError);
    const events = listAfter("one of ", refusal.message);
    const shown = rows(page, /^\| event /).map(([name = ""]) => code(name));
    expect(shown.sort()).toEqual(events.sort());
  });

  it("has every refusal, and no other", async () => {
    const session = await readFile("src/core/session.ts", "utf8");
    const [union = ""] = /export type Refusal =[\s\S]+?";/.exec(session) ?? [];
    const refusals = [...union.matchAll(/^ {2}\| "([\w-]+)"/gm)].map(([, name]) => name);
    const shown = rows(page, /^\| refusal /).map(([name = ""]) => code(name));
    expect(shown.sort()).toEqual(refusals.sort());
  });

  it("has every error with its code and status, and no other", () => {
    const errors = Object.values(coatcheck)
      .filter((each) => typeof each === "function" && each.prototype instanceof CoatcheckError)
      .map((each) => new (each as new (...texts: string[]) => unknown)("a", "b", "c"))
      .map((error) =>
        isCoatcheckError(error) ? `${error.name} ${error.code} ${error.status}` : "",
      );
    const shown = rows(page, /^\| error /).map(
      ([name = "", is = "", status = ""]) => `${code(name)} ${code(is)} ${status}`,
    );
    expect(shown.sort()).toEqual(errors.sort());
  });
});

/** The names that `createSessions` lists when it refuses one that it does not know. */
function known(options: object): readonly string[] {
  const refusal = thrownBy(() =>
    createSessions({ secrets: SECRETS, store: memoryStore(), ...options }),
  );
  expect(refusal).toBeInstanceOf(ConfigError);
  return listAfter("there are ", refusal.message);
}

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was refused");
}

function listAfter(words: string, message: string): string[] {
  const at = message.indexOf(words);
  expect(at).toBeGreaterThan(0);
  return message.slice(at + words.length).split(", ");
}

/** `a.b` and a value: `{ a: { b: value } }`. */
function nested(path: string, value: unknown): object {
  return path
    .split(".")
    .reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

/** The names of the methods and properties that an interface has. */
function everything(source: string, name: string): string[] {
  const [, body = ""] =
    new RegExp(`interface ${name}\\b[^\\n]*\\{\\n([\\s\\S]+?)^\\}`, "m").exec(source) ?? [];
  const names = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:<]/gm)];
  expect(names.length).toBeGreaterThan(0);
  return names.map(([, member = ""]) => member);
}

/** The names that an interface of options has. */
function members(source: string, name: string): string[] {
  const [, body = ""] =
    new RegExp(`interface ${name}\\b[^{]*\\{([\\s\\S]+?)^\\}`, "m").exec(source) ?? [];
  const names = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = ""]) => member);
  expect(names.length).toBeGreaterThan(0);
  return names;
}

/** The cells of every row below the heads that begin so. */
function rows(page: string, head: RegExp): string[][] {
  const found: string[][] = [];
  let inside = false;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) inside = false;
    else if (head.test(line)) inside = true;
    else if (inside && !/^\|[-:| ]+\|$/.test(line)) {
      found.push(
        line
          .slice(1, -1)
          .split("|")
          .map((cell) => cell.trim()),
      );
    }
  }
  expect(found.length).toBeGreaterThan(0);
  return found;
}

/** What a cell says in code. */
function code(cell: string): string {
  return /^`(.+)`$/.exec(cell)?.[1] ?? cell;
}
