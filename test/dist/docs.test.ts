import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

describe("the check of the pages", () => {
  it("passes a page that holds", async () => {
    expect(await check("good")).toEqual({
      code: 0,
      err: "",
      out: "1 pages, 5 programs: all hold\n",
    });
  });

  it("names each thing that does not hold, and where it stands", async () => {
    const { code, err } = await check("bad");
    expect(code).toBe(1);
    const page = "test/dist/fixtures/bad.md";
    expect(err.split("\n").filter((line) => line.startsWith(page))).toEqual([
      `${page}:38: there is no test/dist/fixtures/no-such-page.md`,
      `${page}:38: there is no #no-such-heading in ${page}`,
      `${page}:34: no command \`coatcheck secrte\``,
      `${page}:35: no script \`nothing\``,
      `${page}:6: TS2322: Type 'boolean' is not assignable to type 'number'.`,
      `${page}:10: TS2305: Module '"coatcheck"' has no exported member 'nothingOfTheKind'.`,
      `${page}:14: compiles, although it is marked as refused`,
      `${page}:18: prints`,
      expect.stringMatching(`^${page}:28: does not run: `),
    ]);
  });
});

async function check(page: string): Promise<{ code: number; out: string; err: string }> {
  const args = ["scripts/check-docs.mjs", `test/dist/fixtures/${page}.md`];
  return promisify(execFile)("node", args).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
  );
}
