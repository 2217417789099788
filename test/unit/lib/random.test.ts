import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type * as Random from "../../../src/lib/random.ts";

const ROOT = join(import.meta.dirname, "../../..");
const run = promisify(execFile);

afterEach(() => {
  vi.restoreAllMocks();
});

describe("randomBytes", () => {
  it("gives as many bytes as asked for, each time others, in memory of their own", async () => {
    const { randomBytes } = await fresh();
    for (const length of [0, 1, 12, 18, 32, 4095, 4096, 4097, 65_536]) {
      const bytes = randomBytes(length);
      expect(bytes).toHaveLength(length);
      expect(bytes.buffer.byteLength).toBe(length);
    }
    const seen = new Set(Array.from({ length: 2000 }, () => String(randomBytes(18))));
    expect(seen.size).toBe(2000);
  });

  it("asks the platform once for 4096 bytes", async () => {
    const { randomBytes } = await fresh();
    const source = vi.spyOn(crypto, "getRandomValues");
    for (let index = 0; index < 128; index += 1) randomBytes(32);
    expect(source).toHaveBeenCalledTimes(1);
    randomBytes(1);
    expect(source).toHaveBeenCalledTimes(2);
  });

  it("hands out every byte of the platform once, and wipes it from the pool", async () => {
    const { randomBytes } = await fresh();
    const pools: Uint8Array[] = [];
    vi.spyOn(crypto, "getRandomValues").mockImplementation((target) => {
      const pool = target as unknown as Uint8Array;
      pool.forEach((_, at) => {
        pool[at] = (at % 255) + 1;
      });
      pools.push(pool);
      return target;
    });
    const first = randomBytes(10);
    expect([...first]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([...(pools[0] as Uint8Array).subarray(0, 12)]).toEqual([
      ...new Array<number>(10).fill(0),
      11,
      12,
    ]);
    first.fill(99);
    expect([...randomBytes(2)]).toEqual([11, 12]);
  });

  it("throws what the platform throws, and hands out nothing that was there before", async () => {
    const { randomBytes } = await fresh();
    randomBytes(4000);
    const failure = new Error("no entropy");
    const source = vi.spyOn(crypto, "getRandomValues").mockImplementation(() => {
      throw failure;
    });
    for (const length of [97, 1, 32, 5000]) expect(() => randomBytes(length)).toThrow(failure);
    source.mockRestore();
    expect(randomBytes(32).some((byte) => byte !== 0)).toBe(true);
  });

  it("throws when the platform leaves the memory as it was", async () => {
    const { randomBytes } = await fresh();
    vi.spyOn(crypto, "getRandomValues").mockImplementation((target) => target);
    expect(() => randomBytes(18)).toThrow(/only zeros/);
    expect(() => randomBytes(18)).toThrow(/only zeros/);
    expect(() => randomBytes(5000)).toThrow(/only zeros/);
  });

  it("leaves no pool in a startup snapshot, where all processes would share it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "coatcheck-snapshot-"));
    try {
      const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
      const source = join(ROOT, "src/lib/random.ts");
      const options = ["--ignoreConfig", "--target", "es2022", "--module", "esnext"];
      await run(process.execPath, [
        compiler,
        source,
        ...options,
        "--outDir",
        folder,
        "--types",
        "",
      ]);
      const program = `${(await readFile(join(folder, "random.js"), "utf8")).replaceAll("export ", "")}
        randomBytes(18);
        const { startupSnapshot } = process.getBuiltinModule("node:v8");
        startupSnapshot.setDeserializeMainFunction(() => console.log(String(randomBytes(18))));`;
      await writeFile(join(folder, "program.cjs"), program);
      const node = async (...more: string[]) =>
        (await run(process.execPath, ["--snapshot-blob", "blob", ...more], { cwd: folder })).stdout;
      await node("--build-snapshot", "program.cjs");
      const [one, two] = [await node(), await node()];
      expect(one.split(",")).toHaveLength(18);
      expect(one).not.toBe(two);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** The module with an empty pool. */
async function fresh(): Promise<typeof Random> {
  vi.resetModules();
  return import("../../../src/lib/random.ts");
}
