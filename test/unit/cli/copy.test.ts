import { rm } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { runCli } from "../../../src/cli/run.ts";
import { createSessions } from "../../../src/index.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { moving } from "../../../src/stores/layers/moving.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { createBrowser } from "../../support/jar.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { SECRET } from "../../support/ways.ts";

async function copy(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runCli(["copy", ...args], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

async function folder(name: string): Promise<string> {
  const path = await temporaryFolder(name);
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe("coatcheck copy", () => {
  it("moves an app that runs from one store to another, and nobody is signed out", async () => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const open = (store: Parameters<typeof createSessions>[0]["store"]) =>
      createSessions({ secrets: [SECRET], store: store as never });
    const before = open(lmdbStore({ path: old }));
    const cookies = new Map<string, string>();
    for (let user = 0; user < 40; user += 1) {
      const browser = createBrowser(before as never);
      await browser.signIn(`user${user}`);
      await browser.set("n", user);
      cookies.set(`user${user}`, browser.cookie());
    }
    await before.close();

    // Requests go on while it moves: each writes, and every tenth signs out.
    const during = open(
      moving({ from: lmdbStore({ path: old }), to: fileStore({ path: fresh }), move: true }),
    );
    const copying = copy("--from", `lmdb:${old}`, "--to", `file:${fresh}`, "--yes");
    const requests = [...cookies].map(async ([user, cookie], index) => {
      const browser = createBrowser(during as never);
      browser.plant(cookie);
      if (index % 10 === 0) await browser.visit((session) => session.signOut());
      else await browser.visit((session) => session.update("n", (n) => (n as number) + 1000));
      return user;
    });
    await Promise.all(requests);
    const { code, out } = await copying;
    expect(code).toBe(0);
    expect(out).toContain("Nothing is left to move.");
    await during.close();

    const after = open(fileStore({ path: fresh }));
    for (const [index, [user, cookie]] of [...cookies].entries()) {
      const browser = createBrowser(after as never);
      browser.plant(cookie);
      const loaded = await browser.read();
      const expected = index % 10 === 0 ? [undefined, undefined] : [user, index + 1000];
      expect([loaded.userId, loaded.get("n")]).toEqual(expected);
    }
    await after.close();
    // Once more: there is nothing to do, and nothing comes back.
    expect((await copy("--from", `lmdb:${old}`, "--to", `file:${fresh}`, "--yes")).out).toContain(
      "0 moved",
    );
  });

  it("refuses by name what cannot work, before it opens anything", async () => {
    for (const [args, option] of [
      [[], "--from"],
      [["--from", "lmdb:a"], "--to"],
      [["--from", "lmdb:a", "--to", "lmdb:a", "--yes"], "--to"],
      [["--from", "lmdb:a", "--to", "lmdb:b"], "--yes"],
      [["--from", "oracle:a", "--to", "lmdb:b", "--yes"], "--from"],
    ] as const) {
      const { code, err } = await copy(...args);
      expect([code, err]).toEqual([2, expect.stringContaining(`\`${option}\``)]);
    }
  });

  it("explains itself in lines that fit a terminal", async () => {
    const { code, out } = await copy("--help");
    expect(code).toBe(0);
    expect(out.split("\n").every((line) => line.length <= 90)).toBe(true);
  });
});
