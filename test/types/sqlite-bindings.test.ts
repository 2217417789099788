import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("sqliteStore takes a database of every binding, by that binding's own types", async () => {
  const flags = ["--ignoreConfig", "--noEmit", "--strict", "--exactOptionalPropertyTypes"];
  const modules = ["--module", "nodenext", "--target", "es2023", "--esModuleInterop"];
  const imports = ["--allowImportingTsExtensions", "--skipLibCheck", "--types", "types-node24"];
  const tsc = resolve("node_modules/.bin/tsc");
  const args = [...flags, ...modules, ...imports, "test/types/bindings/sqlite.ts"];
  const { stdout } = await promisify(execFile)(tsc, args).catch((error) => error);
  expect(stdout).toBe("");
});
