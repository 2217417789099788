import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { copyFile, cp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { note } from "../../support/store-records.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { Packed } from "../pack.ts";
import { installPacked, lend, outcome } from "../pack.ts";
import type { Program } from "../types.ts";
import { compile, lendTypes, resolutions } from "../types.ts";

const run = promisify(execFile);
// Installed by scripts/runtimes.mjs, at the versions of package.json here.
const modules = resolve("test/dist/runtimes/node_modules");
const node = (version: number) => join(modules, `node${version}-${process.arch}/bin/node`);
const binary = (scope: string, file: string): string => {
  const [platform = "missing"] = existsSync(join(modules, scope))
    ? readdirSync(join(modules, scope))
    : [];
  return join(modules, scope, platform, file);
};

interface Runtime {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The embedded stores whose suite runs here too. */
  readonly stores: readonly string[];
  /**
   * The tests of the adapter suite that the runtime's own `node:http` does not let pass. Absent where the suite is
   * not run: Node 20 cannot read the types of its apps, and is what Vitest runs it on.
   */
  readonly gaps?: readonly string[];
}

/** denoland/deno#36821: behind a long body that is not read the next request of the connection waits. */
const UNREAD_BODY = [
  "Express 5",
  "Fastify, with handlers that read the body",
  "Fastify, with replies that are sent past it",
  "Koa",
  "node:http",
  "node:http as a middleware",
].map(
  (app) =>
    `${app}: a body that nobody reads does not hold up the answer or the next request of the connection`,
);

const STORES = ["node:sqlite", "file", "lmdb"];

const runtimes: readonly Runtime[] = [
  { name: "the Node that runs the tests", command: [process.execPath], stores: [] },
  ...[20, 22, 24, 26].map(
    (version): Runtime => ({
      name: `Node ${version}`,
      command: [node(version)],
      ...(version < 22 ? { stores: [] } : { stores: STORES, gaps: [] }),
    }),
  ),
  {
    name: "Bun",
    command: [binary("@oven", "bin/bun")],
    stores: [...STORES, "bun:sqlite"],
    gaps: [],
  },
  {
    name: "Deno",
    command: [binary("@deno", "deno"), "run", "--allow-all"],
    stores: STORES,
    gaps: UNREAD_BODY,
  },
];

const PROGRAMS = [
  "commonjs.cjs",
  "esm.mjs",
  "smoke.mjs",
  "stores.mjs",
  "unread-body.mjs",
  "worker.mjs",
];
const ADAPTERS = "test/dist/runtimes/adapters.mjs";
const FRAMEWORKS = ["@hono/node-server", "express", "express4", "fastify", "hono", "koa"];

let packed: Packed;
beforeAll(async () => {
  packed = await installPacked();
  for (const name of ["lmdb", ...FRAMEWORKS]) await lend(packed.folder, name);
  for (const file of PROGRAMS) {
    await copyFile(join("test/dist/runtimes", file), join(packed.folder, file));
  }
  // At the paths that they have here, because one imports the others.
  for (const path of [ADAPTERS, "test/support/adapter-apps"]) {
    await cp(path, join(packed.folder, path), { recursive: true });
  }
});
afterAll(() => packed.remove());

// Each test is a process of its own: as many at a time as there are processors (`vitest.config.ts`).
describe.concurrent.each(runtimes)("$name", ({ name, command: [program, ...args], stores }) => {
  it.each(stores)("keeps the store contract in %s", async (store) => {
    // Every order of steps once, where SQLite is the oldest.
    const extent = store === "node:sqlite" && name === "Node 22" ? "everything" : "no races";
    const data = await temporaryFolder("runtimes");
    const { code, out } = await outcome(
      program,
      [...args, "stores.mjs", store, extent, data],
      packed.folder,
    );
    await rm(data, { recursive: true });
    expect({ code, out }).toEqual({ code: 0, out: "0 failed\n" });
  });

  it.each(["esm.mjs", "commonjs.cjs"])(
    "keeps sessions through the packed package, %s",
    async (file) => {
      const data = join(packed.folder, `data ${name} ${file}`);
      const { code, out, err } = await outcome(program, [...args, file, data], packed.folder);
      expect({ code, out, err }).toEqual({
        code: 0,
        out: ["memory", "lmdb"].map(expected).join(""),
        err: "",
      });
    },
  );
});

const graded = runtimes.flatMap(({ gaps, ...each }) => (gaps ? [{ ...each, gaps }] : []));

describe.concurrent.each(graded)("$name", ({ command: [program, ...args], gaps }) => {
  it("keeps the contract of adapters in every framework", async () => {
    const command = [...args, ADAPTERS, ...gaps];
    const { code, out, err } = await outcome(program, command, packed.folder);
    expect(code, err).toBe(0);
    const { ran, ...found } = JSON.parse(out);
    expect(found).toEqual({ failed: [], leftOut: gaps });
    expect(ran).toBeGreaterThan(2000);
  });

  it("answers what follows an unread body without coatcheck, unless that is a gap", async () => {
    const { out } = await outcome(program, [...args, "unread-body.mjs"], packed.folder);
    expect(out).toBe(gaps === UNREAD_BODY ? "not answered\n" : "answered\n");
  });
});

describe.each([{ flags: [] }, { flags: ["nodejs_compat"] }])("workerd $flags", ({ flags }) => {
  it("keeps sessions through the packed package", async () => {
    const files = packed.files.filter((file) => file.endsWith(".js"));
    const modules = [
      '(name = "worker.mjs", esModule = embed "worker.mjs")',
      '(name = "smoke.mjs", esModule = embed "smoke.mjs")',
      `(name = "secret.txt", text = "${await newSecret()}")`,
      ...files.map(
        (file) => `(name = "${file}", esModule = embed "node_modules/coatcheck/${file}")`,
      ),
    ];
    const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "smoke", worker = (
  modules = [${modules.join(",")}],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ${JSON.stringify(flags)},
))]);`;
    await writeFile(join(packed.folder, "config.capnp"), config);
    const workerd = binary("@cloudflare", "bin/workerd");
    const { code, out, err } = await outcome(workerd, ["test", "config.capnp"], packed.folder);
    expect({ code, out }, err).toEqual({ code: 0, out: `ada 1\n${expected("memory")}` });
  });
});

describe.concurrent.each(["d1", "do"])("Cloudflare's %s, as miniflare runs it", (kind) => {
  it("passes the conformance suite inside workerd", { timeout: 600_000 }, async () => {
    const folder = join(packed.folder, "node_modules/coatcheck");
    const script = resolve("test/dist/runtimes/cloudflare.mjs");
    const { stdout } = await run(node(22), [script, modules, folder, kind], {
      // Databases in memory, where the machine has such a place.
      env: { ...process.env, TMPDIR: existsSync("/dev/shm") ? "/dev/shm" : tmpdir() },
      timeout: 600_000,
    });
    const { failed, trips, alone, ...suite } = JSON.parse(
      stdout.trimEnd().split("\n").at(-1) ?? "",
    );
    expect(failed, stdout).toBe(0);
    expect(suite.passed).toBeGreaterThan(100);
    expect(suite.schedules).toBeGreaterThan(100);
    // A read 1, a write 2, a touch 1 more, a sign-in 2 beyond the load.
    expect(trips).toMatchObject({ read: 1, write: 2, touch: 2, signIn: 3 });
    // In a request of its own: the feed as well, and in Durable Objects the key of the homes.
    const signIn = kind === "do" ? 5 : 4;
    expect(alone).toEqual({ begin: 1, signIn, read: 2, write: 3, touch: 3, signOut: 3 });
    const store = `cloudflare-${kind}`;
    note({ kind: "suite", store, on: `${store}, miniflare`, ...suite });
    note({ kind: "trips", store, client: "a binding of miniflare", trips });
  });
});

describe.each([5, 6, 7])("TypeScript %i", (version) => {
  const tsc = join(modules, `typescript${version}/bin/tsc`);

  describe.each<Program>(["core.ts", "frameworks.ts"])("on %s", (program) => {
    let alone: Packed;
    beforeAll(async () => {
      alone = await installPacked();
      await lendTypes(alone.folder, program);
    });
    afterAll(() => alone.remove());

    it.each(Object.keys(resolutions) as (keyof typeof resolutions)[])(
      "compiles it with %s",
      async (how) => {
        expect(await compile(alone, program, how, tsc)).toEqual({ code: 0, out: "", err: "" });
      },
    );
  });
});

async function newSecret(): Promise<string> {
  const cli = join(packed.folder, "node_modules/.bin/coatcheck");
  return (await outcome(cli, ["secret"], packed.folder)).out.trim();
}

function expected(store: string): string {
  return ["stored", "sealed"]
    .map(
      (method) => `${store}, ${method}
  a visitor: 200 {"known":false}
  puts tea into the cart: 200 {"tea":2,"known":true} __Host-Http-sid
  signs in: 200 {"user":"ada","tea":2,"known":true} __Host-Http-sid
  comes back: 200 {"user":"ada","tea":2,"known":true}
  somebody else: 200 {"known":false}
  is signed out everywhere: 200 {"known":false}
`,
    )
    .join("");
}
