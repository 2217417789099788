import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coatcheck-reports-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the summary of a CI run", () => {
  it("adds up suites and checks, each under its own name", async () => {
    await report("01-lint", { name: "lint", ok: true });
    await report(
      "04-tests",
      vitest({ "/p/test/unit/a.test.ts": "pp", "/p/test/e2e/b.test.ts": "pps" }),
    );
    const { code, out } = await summary();
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.replace(/ {2,}/, ": "))).toEqual([
      "lint: 1 passed, 0 failed",
      "tests: test/unit: 2 passed, 0 failed",
      "tests: test/e2e: 2 passed, 0 failed, 1 skipped",
      "5 passed, 0 failed",
      "",
    ]);
  });

  it.each([
    ["a check that failed", { name: "types", ok: false }],
    ["a test that failed", vitest({ "/p/test/unit/a.test.ts": "f" })],
    [
      "a file that broke outside its tests",
      vitest({ "/p/test/unit/a.test.ts": "" }, ["/p/test/unit/a.test.ts"]),
    ],
    ["an error outside every file", { ...vitest({}), success: false }],
    ["a report that is cut off", '{ "testResults": ['],
  ])("fails for %s", async (_what, content) => {
    await report("04-tests", content);
    expect(await summary()).toMatchObject({ code: 1, last: "0 passed, 1 failed" });
  });

  it("fails when nothing ran", async () => {
    expect(await summary()).toMatchObject({ code: 1, last: "0 passed, 1 failed" });
  });
});

async function report(name: string, content: unknown): Promise<void> {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  await writeFile(join(folder, `${name}.json`), text);
}

// As Vitest's JSON reporter writes it; one letter for each test: passed, failed, skipped.
function vitest(files: Readonly<Record<string, string>>, broken: readonly string[] = []): object {
  const status = { p: "passed", f: "failed", s: "skipped" } as const;
  const testResults = Object.entries(files).map(([name, tests]) => ({
    name,
    status: tests.includes("f") || broken.includes(name) ? "failed" : "passed",
    assertionResults: [...tests].map((letter) => ({
      status: status[letter as keyof typeof status],
    })),
  }));
  return { success: testResults.every((file) => file.status === "passed"), testResults };
}

async function summary(): Promise<{ code: number; out: string; last: string | undefined }> {
  const { code, out } = await promisify(execFile)("node", ["scripts/ci-summary.mjs", folder]).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error) => ({ code: error.code as number, out: error.stdout as string }),
  );
  return { code, out, last: out.trimEnd().split("\n").at(-1) };
}
