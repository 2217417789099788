import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

// A small project: its tests in every form that ours have.
const TESTS = `
import { describeWith } from "./needs.ts";

describeWith({ redis: findProgram("redis") }, "a store on a server", () => {
  it("keeps what it is given", async () => {});
  // it("was there until yesterday", () => {});
  it.skip("will be there one day", () => {});
  it.each([
    ["a quote", '"', { deep: ["("] }], // isn't it
    ["a brace", ")"],
  ])("takes %s as a key", () => {});
  it.each<[string, () => unknown]>([["x", () => 1]])(
    "throws for a \\"bad\\" %s",
    (name, make) => {},
  );
  it(\`is there after \${how} of the process\`, async () => {});
});

await runStoreSuite("file", () => ({ store: makeStore("never a name") }));
`;
const SUITE = `export const tests = [
  { needs: [], run() {} },
  {
    name: "load: answers undefined for nobody",
    run() { it("is only text here, and no test"); },
  },
];
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coatcheck-checklist-"));
  await mkdir(join(folder, "src/testing"), { recursive: true });
  await writeFile(join(folder, "a.test.ts"), TESTS);
  await writeFile(join(folder, "src/testing/load.ts"), SUITE);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the check of the checklist", () => {
  it.each([
    ["a.test.ts", "a store on a server"],
    ["a.test.ts", "keeps what it is given"],
    ["a.test.ts", "what it is given"],
    ["a.test.ts", "takes %s as a key"],
    ["a.test.ts", 'throws for a "bad" %s'],
    ["a.test.ts", `\${how} of the process`],
    ["a.test.ts", "file"],
    ["src/testing/load.ts", "load: answers undefined for nobody"],
  ])("finds in %s the test «%s»", async (file, name) => {
    const { code, out } = await check([1, 0, 0], `| C1 | x | **has it** | \`${file}\`: ${name} |`);
    expect([code, out]).toEqual([0, "1 rows, 1 tests named: all hold\n"]);
  });

  it.each([
    ["another one", "a.test.ts", "keeps what it is not given"],
    ["one in a comment", "a.test.ts", "was there until yesterday"],
    ["one that is skipped for good", "a.test.ts", "will be there one day"],
    ["a text that is no name", "a.test.ts", "never a name"],
    ["a part of a name that is found by chance", "a.test.ts", "is given"],
    ["a call in a published suite", "src/testing/load.ts", "is only text here, and no test"],
  ])("fails for %s", async (_what, file, name) => {
    const { code, err } = await check([1, 0, 0], `| C1 | x | **has it** | \`${file}\`: ${name} |`);
    expect([code, err]).toEqual([1, `page.md:6: C1: no test in ${file} is named "${name}"\n`]);
  });

  it.each([
    ["a file that is not there", "**has it** | `b.test.ts`: x", "there is no file b.test.ts"],
    ["no test", "**has it** | ", '"has it" names a test'],
    ["a test without its file", "**has it** | keeps what it is given", "is named `file`: name"],
    ["a second test of two", "**has it** | `a.test.ts`: file<br>`a.test.ts`: fil", '"fil"'],
    ["another verdict", "**partly** | `a.test.ts`: file", "is one of has it, better, left out"],
    ["a better one that does not say how", "**better** | `a.test.ts`: file", "says how or why"],
    ["one left out for no reason", "**left out** | ", '"left out" says how or why'],
    ["a cell too many", "**has it** | `a.test.ts`: file | more", "a row has four cells"],
  ])("fails for a row with %s", async (_what, rest, problem) => {
    const { code, err } = await check([1, 0, 0], `| C1 | x | ${rest} |`);
    expect(code).toBe(1);
    expect(err).toContain(problem);
  });

  it("fails for a row that is missing, and for wrong sums", async () => {
    const shown = "`a.test.ts`: keeps what it is given";
    const rows = [
      `| C1 | x | **has it**: all of it | ${shown} |`,
      `| C3 | x | **better**: faster | ${shown} |`,
      "| D1 | x | **left out**: nobody needs it | |",
    ] as const;
    expect(await check([1, 1, 1], ...rows)).toMatchObject({
      code: 1,
      err: "page.md:7: C3: C2 should be here\n",
    });
    expect(await check([2, 1, 0], rows[0], rows[1].replace("C3", "C2"), rows[2])).toMatchObject({
      code: 1,
      err: "page.md: the sums are | 3 | 1 | 1 | 1 |\n",
    });
    const right = await check([1, 1, 1], rows[0], rows[1].replace("C3", "C2"), rows[2]);
    expect([right.code, right.out]).toEqual([0, "3 rows, 2 tests named: all hold\n"]);
  });

  async function check(sums: readonly number[], ...rows: readonly string[]) {
    const all = sums.reduce((sum, count) => sum + count, 0);
    const head = `| rows | has it | better | left out |\n|---|---|---|---|\n| ${[all, ...sums].join(" | ")} |`;
    await writeFile(join(folder, "page.md"), `${head}\n\n\n${rows.join("\n")}\n`);
    const script = resolve("scripts/check-checklist.mjs");
    return promisify(execFile)("node", [script, "page.md"], { cwd: folder }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
    );
  }
});
