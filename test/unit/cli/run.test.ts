import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCli } from "../../../src/cli/run.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runCli(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

describe("coatcheck", () => {
  it("shows its commands with --help and -h", async () => {
    const { code, out, err } = await run("--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("Usage: coatcheck <command>");
    expect(out).toMatch(/^ {2}secret {3,}Print a new app secret\.$/m);
    expect(await run("-h")).toEqual({ code, out, err });
  });

  it("shows the version of the package with --version and -v", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await run("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
    expect(await run("-v")).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it("is misused without a command, and says what there is", async () => {
    const { code, out, err } = await run();
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("secret");
  });

  it("refuses an unknown command with a hint", async () => {
    expect(await run("sekret")).toEqual({
      code: 2,
      out: "",
      err: "coatcheck: unknown command `sekret`\nTry `coatcheck --help`.\n",
    });
  });

  it("refuses an unknown option with a hint", async () => {
    const { code, out, err } = await run("--secret");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe("coatcheck: unknown option `--secret`\nTry `coatcheck --help`.\n");
  });

  it("sends no control characters back to the terminal, and not at any length", async () => {
    const { err } = await run(`\u001b]0;title\u0007${"x".repeat(100_000)}`);
    expect(err.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
    expect(err.length).toBeLessThan(300);
  });
});

describe("coatcheck copy", () => {
  it("P13 does not repeat an address with its password where it forgot to say which it is", async () => {
    const { code, err } = await run("copy", "redis://ada:hunter2@db.example/0", "--yes");
    expect(code).toBe(2);
    expect(err).toMatch(/^coatcheck copy: Unexpected argument.+\nTry `coatcheck copy --help`\.\n$/);
    expect(err).not.toContain("hunter2");
  });
});

describe("coatcheck inspect", () => {
  it("says in one line what is wrong with an option", async () => {
    const { code, err } = await run("inspect", "--secret", "-hunter2", "x");
    expect(code).toBe(2);
    expect(err).toMatch(
      /^coatcheck inspect: Option '--secret' argument is ambiguous\. Did you .+\nTry/,
    );
    expect(err).not.toContain("hunter2");
  });
});

describe("coatcheck secret", () => {
  it("prints one secret and nothing else, a new one each time", async () => {
    const first = await run("secret");
    const second = await run("secret");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(/^[\w-]{43,}\n$/);
    expect(second.out).not.toBe(first.out);
  });

  it("explains itself with --help", async () => {
    const { code, out } = await run("secret", "--help");
    expect(code).toBe(0);
    expect(out).toContain("Usage: coatcheck secret");
    expect(out.split("\n").every((line) => line.length <= 80)).toBe(true);
  });

  it.each([
    ["an unknown option", ["--length", "64"]],
    ["an argument", ["64"]],
  ])("refuses %s and prints no secret", async (_what, args) => {
    const { code, out, err } = await run("secret", ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^coatcheck secret: .+\nTry `coatcheck secret --help`\.\n$/);
  });
});
