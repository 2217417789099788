import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Packed } from "./pack.ts";
import { installPacked, lend, outcome } from "./pack.ts";
import type { Program } from "./types.ts";
import { compile, lendTypes, resolutions } from "./types.ts";

const manifest = JSON.parse(await readFile("package.json", "utf8")) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
};
const parts = Object.keys(manifest.exports).filter((path) => path !== "./package.json");
const names = parts.map((path) => `coatcheck${path.slice(1)}`);

let packed: Packed;
beforeAll(async () => {
  packed = await installPacked();
  await lend(packed.folder, "lmdb");
});
afterAll(() => packed.remove());

describe("the packed package", () => {
  it("holds what was built and the papers, and nothing else", () => {
    const others = packed.files.filter((file) => !/^dist\/[\w/-]+\.(js|d\.ts|js\.map)$/.test(file));
    expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });

  it("installs alone", async () => {
    const installed = await readdir(join(packed.folder, "node_modules"));
    expect(installed.filter((name) => !name.startsWith(".")).sort()).toEqual(["coatcheck", "lmdb"]);
  });

  it("names only Node, lmdb in the store of that name, and frameworks in the types of their adapters", async () => {
    const foreign = new Map<string, string[]>();
    for (const file of packed.files.filter((path) => /\.(js|d\.ts)$/.test(path))) {
      const others = (await imports(file)).filter((from) => !from.startsWith("."));
      const unexpected = others.filter((from) => !isExpected(file, from));
      if (unexpected.length > 0) foreign.set(file, unexpected);
    }
    expect([...foreign]).toEqual([]);
  });

  it("holds every file that its own files import", async () => {
    const missing: string[] = [];
    for (const file of packed.files.filter((path) => /\.(js|d\.ts)$/.test(path))) {
      for (const from of (await imports(file)).filter((path) => path.startsWith("."))) {
        const target = join(dirname(file), from);
        // In declarations the compiler leaves `.ts`, and finds the `.d.ts` beside it.
        if (!packed.files.includes(target.replace(/(?<!\.d)\.ts$/, ".d.ts")))
          missing.push(`${file}: ${from}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it("carries its sources in its source maps", async () => {
    for (const file of packed.files.filter((path) => path.endsWith(".map"))) {
      const map = JSON.parse(await readFile(inPackage(file), "utf8"));
      expect(map.sourcesContent?.length, file).toBe(1);
    }
  });

  it("exports the same names to import and to require, and these", async () => {
    const program = `
      import { createRequire } from "node:module";
      const require = createRequire(import.meta.url);
      const names = {};
      for (const part of ${JSON.stringify(names)}) {
        const imported = await import(part);
        // Of express-session's façade a CommonJS program gets what it got of express-session.
        const whole = "module.exports" in imported ? imported["module.exports"] : imported;
        if (require(part) !== whole) throw new Error(part + ": two copies");
        names[part] = Object.keys(imported).sort();
      }
      console.log(JSON.stringify(names));`;
    const { out, err } = await node("--input-type=module", "-e", program);
    expect(err).toBe("");
    expect(JSON.parse(out)).toMatchSnapshot();
  });

  it("keeps its inner files to itself", async () => {
    const { code, err } = await node("-e", 'require("coatcheck/dist/core/record.js")');
    expect(code).not.toBe(0);
    expect(err).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });
});

describe("the published suite", () => {
  it("grades the published memory store under another test runner", async () => {
    const program = `
      import { test } from "node:test";
      import { memoryStore } from "coatcheck/stores/memory";
      import { storeSuite } from "coatcheck/testing";
      const suite = await storeSuite({ open: () => ({ store: memoryStore() }) });
      for (const { name, skip, run } of suite) test(name, { skip }, run);`;
    await writeFile(join(packed.folder, "suite.mjs"), program);
    const { code, out } = await node("--test-reporter=tap", "suite.mjs");
    const failed = out.split("\n").filter((line) => line.startsWith("not ok"));
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    expect(Number(/^# pass (\d+)$/m.exec(out)?.[1])).toBeGreaterThan(50);
  });
});

describe("the coatcheck program", () => {
  const program = (...args: string[]) =>
    outcome(join(packed.folder, "node_modules/.bin/coatcheck"), args, packed.folder);

  it("prints a secret that createSessions takes", async () => {
    const { code, out, err } = await program("secret");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^\S+\n$/);
    const use = `
      import { createSessions } from "coatcheck";
      import { memoryStore } from "coatcheck/stores/memory";
      await createSessions({ secrets: [process.argv[1]], store: memoryStore() }).close();`;
    expect(await node("--input-type=module", "-e", use, out.trim())).toMatchObject({
      code: 0,
      err: "",
    });
  });

  it("says its version and its commands", async () => {
    expect(await program("--version")).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
    expect((await program("--help")).out).toContain("secret");
  });

  it.each([
    ["goes on in silence when nobody reads any more", "--help | true; echo $PIPESTATUS", "0\n"],
    ["says in one line that a disk is full", "secret 2>&1 > /dev/full", /^coatcheck: ENOSPC.*\n$/],
  ])("%s", async (_, line, said) => {
    const program = join(packed.folder, "node_modules/.bin/coatcheck");
    const { out, err } = await outcome("bash", ["-c", `"${program}" ${line}`], packed.folder);
    expect(out).toMatch(said);
    expect(err).toBe("");
  });

  it("ends with 2 and a hint when it is misused", async () => {
    expect(await program("sekret")).toEqual({
      code: 2,
      out: "",
      err: "coatcheck: unknown command `sekret`\nTry `coatcheck --help`.\n",
    });
  });
});

describe.each<Program>(["core.ts", "frameworks.ts"])("the types, for %s", (program) => {
  let alone: Packed;
  beforeAll(async () => {
    alone = await installPacked();
    await lendTypes(alone.folder, program);
  });
  afterAll(() => alone.remove());

  it.each(Object.keys(resolutions) as (keyof typeof resolutions)[])(
    "compile under TypeScript 7 with %s",
    async (resolution) => {
      const tsc = resolve("node_modules/typescript/bin/tsc");
      expect(await compile(alone, program, resolution, tsc)).toEqual({ code: 0, out: "", err: "" });
    },
  );
});

const inPackage = (file: string): string => join(packed.folder, "node_modules/coatcheck", file);
const node = (...args: string[]) => outcome(process.execPath, args, packed.folder);

async function imports(file: string): Promise<string[]> {
  const text = (await readFile(inPackage(file), "utf8")).replace(/\/\*[\s\S]*?\*\//g, "");
  const found = text.matchAll(
    /^\s*(?:import|export)\s(?:[^"'`;]*?\sfrom\s*)?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm,
  );
  return [...found].map(([, from, lazily]) => from ?? lazily ?? "");
}

function isExpected(file: string, from: string): boolean {
  if (from.startsWith("node:")) return true;
  if (from === "lmdb") return /^dist\/stores\/lmdb[\w-]*\.(js|d\.ts)$/.test(file);
  const framework = /^dist\/adapters\/(express|fastify|hono|koa)\.d\.ts$/.exec(file)?.[1];
  return framework !== undefined && (from === framework || from.startsWith(`${framework}/`));
}
