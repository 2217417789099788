import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PYTHON, pythonWith } from "../interop/python/peer.ts";
import type { Browser } from "../support/express-visitor.ts";
import { browserOf } from "../support/express-visitor.ts";
import { describeWith, findProgram, required } from "../support/needs.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { postgres, startPostgres } from "../support/postgres-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const redisServer = findProgram("redis-server");

let folder: string;
let env: NodeJS.ProcessEnv;
let app: ChildProcess | undefined;
let page: string;

/** Holds the page to the package, and gives its programs a place. */
async function prepare(name: string): Promise<void> {
  page = `docs/migrate/${name}.md`;
  await promisify(execFile)("node", ["scripts/check-docs.mjs", page]);
  folder = await temporaryFolder("migrate");
  env = {
    ...process.env,
    PORT: "0",
    SESSIONS: join(folder, "sessions"),
    SESSION_KEY: "the hat stand in the hall",
    SESSION_SECRET: "the hat stand in the hall, and one umbrella",
    APP_KEY: "the hat stand in the hall",
    SECRET_KEY: "the hat stand in the hall",
    VALIDATE_KEY: "the hat stand in the hall",
    COATCHECK_SECRET: `ck1_${"tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw"}`,
  };
}

function clear(): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

function built(name: string): string {
  return `.tmp/docs/${page.replace(/[^\w-]/g, "-")}/out/${name}.js`;
}

/** Runs a program of the page, in the place of the one before, for a browser that stays the same. */
async function start(name: string, jar: Map<string, string>): Promise<Browser> {
  await stop();
  const [program, file] = /\.py\b/.test(name)
    ? [required("python3", PYTHON), await pythonOf(name)]
    : ["node", built(name)];
  // Python's server writes a line for each request.
  const stderr = program === "node" ? "inherit" : "ignore";
  app = spawn(program, [file], { env, stdio: ["ignore", "pipe", stderr] });
  const [, port] = await printed(app, /(?:port: |127\.0\.0\.1:)(\d+)/);
  return browserOf(`http://127.0.0.1:${port}`, jar);
}

/** A Python program of the page, which nobody compiles. `before.py.diff` has what a diff there adds. */
async function pythonOf(name: string): Promise<string> {
  const all = [...(await readFile(page, "utf8")).matchAll(/```(py|diff)\n(.*?)```/gs)];
  const [block] = all.filter(([, language]) => language === "py").map(([, , text = ""]) => text);
  const diff = all.find(([, language]) => language === "diff")?.[2] ?? "";
  const file = join(folder, name);
  await writeFile(file, name.endsWith(".diff") ? patched(block ?? "", diff) : (block ?? ""));
  return file;
}

function patched(text: string, diff: string): string {
  const side = (sign: "+" | "-"): string => diff.replace(new RegExp(`^[${sign}].*\\n`, "gm"), "");
  const [before, after] = [side("+"), side("-")].map((lines) => lines.replace(/^[ +-]/gm, ""));
  expect(text).toContain(before);
  return text.replace(before as string, after as string);
}

async function stop(): Promise<void> {
  if (app !== undefined) await end(app);
  app = undefined;
}

async function end(program: ChildProcess | undefined): Promise<void> {
  if (program === undefined || program.exitCode !== null || program.signalCode !== null) return;
  program.kill();
  await once(program, "exit");
}

/** What a program has printed, up to where it fits. */
async function printed(program: ChildProcess, wanted: RegExp): Promise<RegExpExecArray> {
  let text = "";
  return new Promise((resolve, reject) => {
    program.stdout?.on("data", (piece: unknown) => {
      text += String(piece);
      const found = wanted.exec(text);
      if (found !== null) resolve(found);
    });
    program.once("exit", () => reject(new Error(`it ended, and printed ${text}`)));
  });
}

async function shown(browser: Browser): Promise<unknown> {
  return JSON.parse((await browser.get("/")).text);
}

const NOBODY = { user: "nobody", cart: [] };

/** A visitor with a cart signs in. */
async function signIn(browser: Browser, user = "ada"): Promise<void> {
  await browser.post("/cart/tea");
  await browser.post(`/sign-in/${user}`);
  expect(await shown(browser)).toEqual({ user, cart: ["tea"] });
}

async function useAndSignOut(browser: Browser): Promise<void> {
  await browser.post("/cart/milk");
  expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea", "milk"] });
  const copy = browser.copy();
  await browser.post("/sign-out");
  expect(await shown(browser)).toEqual(NOBODY);
  expect(await shown(copy)).toEqual(NOBODY);
}

/** From the old app to the dual run and back, and here for good. */
async function goesAndComesBack(
  after: string,
  cookie: string,
  before = "before",
  user = "ada",
): Promise<void> {
  const jar = new Map<string, string>();
  await signIn(await start(before, jar), user);
  env = { ...env, DUAL_RUN: "1" };
  let browser = await start(after, jar);
  expect(await shown(browser)).toEqual({ user, cart: ["tea"] });
  await browser.post("/cart/milk");
  browser = await start(before, jar);
  expect(await shown(browser)).toEqual({ user, cart: ["tea", "milk"] });
  browser = await start(after, jar);
  await browser.post("/sign-out");
  expect(await shown(browser)).toEqual(NOBODY);
  await signIn(browser, user);
  browser = await start(before, jar);
  expect(await shown(browser)).toEqual({ user, cart: ["tea"] });
  env = { ...env, DUAL_RUN: "" };
  browser = await start(after, jar);
  expect(await shown(browser)).toEqual({ user, cart: ["tea"] });
  const copy = browser.copy();
  await browser.post("/sign-out");
  expect([...jar.keys()]).toEqual([]);
  expect(await shown(browser)).toEqual(NOBODY);
  expect(await shown(copy)).toEqual(NOBODY);
  expect([...copy.jar.keys()]).toContain(cookie);
}

/** Each for itself, with a browser of its own. */
async function doTheSame(before: string, after: string): Promise<void> {
  const old = await start(before, new Map());
  await signIn(old);
  await old.post("/sign-out");
  expect(await shown(old)).toEqual(NOBODY);
  const next = await start(after, new Map());
  await signIn(next);
  await useAndSignOut(next);
}

/** Who comes to the new app alone: a user, and a visitor. */
async function takesOver(after: string): Promise<Browser> {
  const [ada, visitor] = [new Map<string, string>(), new Map<string, string>()];
  const before = await start("before", ada);
  await signIn(before);
  await browserOf(before.origin, visitor).post("/cart/milk");
  const thief = new Map(ada);
  // A user with the same cookie has signed out in another test.
  env = { ...env, DUAL_RUN: "", SESSIONS: join(folder, "others") };
  const browser = await start(after, ada);
  expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea"] });
  expect([...ada.keys()]).toEqual(["sid"]);
  const milk = { user: "nobody", cart: ["milk"] };
  expect(await shown(browserOf(browser.origin, visitor))).toEqual(milk);
  await useAndSignOut(browser);
  expect(await shown(browserOf(browser.origin, thief))).toEqual(NOBODY);
  return browser;
}

/** With a Redis server of its own. */
function describeOnRedis(
  name: string,
  tests: () => void,
  needs: Readonly<Record<string, string | undefined>> = {},
): void {
  describeWith(
    { "redis-server": redisServer, ...needs },
    `the programs of docs/migrate/${name}.md`,
    () => {
      let redis: ChildProcess | undefined;
      beforeAll(async () => {
        await prepare(name);
        const socket = join(folder, "redis.sock");
        const args = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder];
        redis = spawn(required("redis-server", redisServer), args);
        await printed(redis, /ready to accept connections/i);
        env = { ...env, REDIS_URL: `unix://${socket}` };
      });
      afterEach(stop);
      afterAll(async () => {
        await end(redis);
        await clear();
      });
      tests();
    },
  );
}

describeOnRedis("from-express-session", () => {
  const move = (...args: string[]) =>
    promisify(execFile)("node", [built("move"), ...args], { env });

  it("sign nobody out on the way to the façade, to LMDB, and back", async () => {
    const jar = new Map<string, string>();
    let browser = await start("before", jar);
    await signIn(browser);

    browser = await start("facade", jar);
    expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea"] });
    await browser.post("/cart/milk");
    browser = await start("before", jar);
    expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea", "milk"] });

    await stop();
    await move();
    browser = await start("stored", jar);
    expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea", "milk"] });
    await browser.post("/cart/bread");
    await stop();
    await move("--back");
    browser = await start("before", jar);
    expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea", "milk", "bread"] });
    await browser.post("/sign-out");
    expect(await shown(browser)).toEqual(NOBODY);
  });

  it("sign nobody out on the way to coatcheck's own API, and back in the dual run", async () => {
    env = { ...env, SESSIONS: join(folder, "coatcheck") };
    await goesAndComesBack("native", "connect.sid");
  });
});

describeOnRedis("from-fastify-session", () => {
  it("sign nobody out, back in the dual run, and for good", async () => {
    await goesAndComesBack("after", "sessionId");
  });

  it("take over who is signed in and who is not, once", async () => {
    await takesOver("after");
  });
});

describe("the programs of docs/migrate/from-cookie-session.md", () => {
  beforeAll(() => prepare("from-cookie-session"));
  afterEach(stop);
  afterAll(clear);

  it("do the same before and after", async () => {
    await doTheSame("before", "after");
  });

  it("sign nobody out, back in the dual run, and for good", async () => {
    await goesAndComesBack("after", "session");
  });

  it("take over who is signed in and who is not, and nobody with a forged cookie", async () => {
    const { origin } = await takesOver("after");
    const forged = new Map([
      ["session", Buffer.from('{"user":"ada"}').toString("base64")],
      ["session.sig", "A".repeat(27)],
    ]);
    expect(await shown(browserOf(origin, forged))).toEqual(NOBODY);
  });
});

describe("the programs of docs/migrate/from-koa-session.md", () => {
  beforeAll(() => prepare("from-koa-session"));
  afterEach(stop);
  afterAll(clear);

  it("do the same before and after", async () => {
    await doTheSame("before", "after");
  });

  it("sign nobody out, back in the dual run, and for good", async () => {
    await goesAndComesBack("after", "koa.sess");
  });

  it("take over who is signed in and who is not, once", async () => {
    await takesOver("after");
  });
});

describe("the programs of docs/migrate/from-iron-session.md", () => {
  beforeAll(() => prepare("from-iron-session"));
  afterEach(stop);
  afterAll(clear);

  it("sign nobody out, back in the dual run, and for good", async () => {
    await goesAndComesBack("after", "shop");
  });

  it("take over who is signed in and who is not, once", async () => {
    await takesOver("after");
  });
});

describeWith(
  pythonWith("flask", "flask_login"),
  "the programs of docs/migrate/from-flask.md",
  () => {
    beforeAll(() => prepare("from-flask"));
    afterEach(stop);
    afterAll(clear);

    it("sign nobody out, back in the dual run, and for good", async () => {
      await goesAndComesBack("after", "session", "before.py");
    });
  },
);

describeWith(
  pythonWith("flask", "flask_login", "itsdangerous"),
  "the programs of docs/migrate/from-flask-kvsession.md",
  () => {
    beforeAll(async () => {
      await prepare("from-flask-kvsession");
      env = { ...env, OLD_SESSIONS: await temporaryFolder("old-sessions") };
    });
    afterEach(stop);
    afterAll(async () => {
      await rm(env["OLD_SESSIONS"] as string, { recursive: true, force: true });
      await clear();
    });

    it("do the same before and after", async () => {
      await doTheSame("before.py", "after");
    });

    it("take over a record that is written as the library writes it, and write it back", async () => {
      const [key, cookie] = (await python(WRITE_RECORD)).split(" ") as [string, string];
      const jar = new Map([["session", cookie]]);
      env = { ...env, DUAL_RUN: "1" };
      const browser = await start("after", jar);
      expect(await shown(browser)).toEqual({ user: "ada", cart: ["tea"] });
      await browser.post("/cart/milk");
      const record = { _fresh: true, _user_id: "ada", cart: ["tea", "milk"] };
      expect(JSON.parse(await python(READ_RECORD, cookie))).toEqual({ key, record });
      await browser.post("/sign-out");
      expect([...jar.keys()]).toEqual([]);
      await expect(python(READ_RECORD, cookie)).rejects.toThrow(/FileNotFoundError/);

      // And a new one: the id, its signature and its record are as Python reads them.
      await signIn(browser, "bob");
      const signedIn = JSON.parse(await python(READ_RECORD, jar.get("session") as string));
      expect(signedIn.key).toMatch(/^[1-9a-f][0-9a-f]*_[0-9a-f]{8}$/);
      expect(signedIn.record).toMatchObject({ _user_id: "bob", cart: ["tea"] });
    });

    describeWith(pythonWith("flask_kvsession", "simplekv"), "with Flask-KVSession", () => {
      it("sign nobody out, back in the dual run, and for good", async () => {
        await goesAndComesBack("after", "session", "before.py.diff");
      });
    });
  },
);

/** The two expressions of `KVSessionInterface.save_session`, on a folder as simplekv fills it. */
const WRITE_RECORD = `
import os, pickle, time
from itsdangerous import Signer
sid_s = "%x_%x" % (0x1F2E3D4C5B6A7988, int(time.time()))
data = pickle.dumps(dict({"_user_id": "ada", "_fresh": True, "cart": ["tea"]}))
with open(os.path.join(os.environ["OLD_SESSIONS"], sid_s), "wb") as file:
    file.write(data)
print(sid_s, Signer(os.environ["SECRET_KEY"]).sign(sid_s.encode("ascii")).decode())
`;

/** Those of `open_session`. */
const READ_RECORD = `
import json, os, pickle, sys
from itsdangerous import Signer
sid_s = Signer(os.environ["SECRET_KEY"]).unsign(sys.argv[1]).decode("ascii")
with open(os.path.join(os.environ["OLD_SESSIONS"], sid_s), "rb") as file:
    record = pickle.loads(file.read())
print(json.dumps({"key": sid_s, "record": record}))
`;

async function python(program: string, ...args: string[]): Promise<string> {
  const command = ["-c", program, ...args];
  const { stdout } = await promisify(execFile)(required("python3", PYTHON), command, { env });
  return stdout.trim();
}

describeOnRedis(
  "from-flask-session",
  () => {
    it("sign nobody out, back in the dual run, and for good", async () => {
      await goesAndComesBack("after", "session", "before.py");
    });
  },
  pythonWith("flask", "flask_login", "flask_session", "redis"),
);

describeWith(
  { postgres, ...pythonWith("django", "psycopg2") },
  "the programs of docs/migrate/from-django.md",
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      await prepare("from-django");
      server = await startPostgres();
      const [PGHOST, PGUSER, PGDATABASE] = ["127.0.0.1", "postgres", "postgres"];
      env = { ...env, PGHOST, PGPORT: `${server.port}`, PGUSER, PGDATABASE };
    });
    afterEach(stop);
    afterAll(async () => {
      await server.dispose();
      await clear();
    });

    it("sign nobody out, back in the dual run, and for good", async () => {
      await goesAndComesBack("after", "sessionid", "before.py", "1");
    });
  },
);

describeWith(pythonWith("beaker"), "the programs of docs/migrate/from-beaker.md", () => {
  beforeAll(() => prepare("from-beaker"));
  afterEach(stop);
  afterAll(clear);

  it("sign nobody out, back in the dual run, and for good", async () => {
    await goesAndComesBack("after", "beaker.session.id", "before.py");
  });
});
