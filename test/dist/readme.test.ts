import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith, findProgram } from "../support/needs.ts";
import { outcome } from "./pack.ts";

const exec = promisify(execFile);
const PORT = "3000";

describeWith({ curl: findProgram("curl") }, "the program on the first page", () => {
  let folder: string;
  let port: string;
  let server: ChildProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "coatcheck-readme-"));
    port = await freePort();
    // The check of the pages compiles it, and leaves it here.
    const check = await outcome("node", ["scripts/check-docs.mjs", "README.md"], ".");
    expect(check).toMatchObject({ code: 0, err: "" });
    const built = resolve(".tmp/docs/README-md/out/app.js");
    const text = await readFile(built, "utf8");
    await writeFile(built, text.replace(`listen(${PORT})`, `listen(${port}, "127.0.0.1")`));
    const { stdout: secret } = await exec("node", ["dist/cli/main.js", "secret"]);
    server = spawn("node", [built], {
      cwd: folder,
      env: { ...process.env, SESSION_SECRET: secret.trim() },
      stdio: ["ignore", "ignore", "inherit"],
    });
    await answers(`http://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    server?.kill();
    if (server !== undefined && server.exitCode === null) await once(server, "exit");
    await rm(folder, { recursive: true, force: true });
  });

  it("answers as the page says", async () => {
    const page = await readFile("README.md", "utf8");
    const session = /```console\n([\s\S]+?)```/.exec(page)?.[1] ?? "";
    const steps = [...session.matchAll(/^\$ (.+)\n((?:(?!\$ ).*\n)*)/gm)];
    expect(steps.length).toBeGreaterThan(2);
    for (const [, command = "", said = ""] of steps) {
      const { out } = await outcome("bash", ["-c", command.replaceAll(PORT, port)], folder);
      expect(out.replaceAll("\r", "").trim(), command).toMatch(pattern(said.trim()));
    }
  });
});

// On the page, "…" stands for what is different each time.
function pattern(text: string): RegExp {
  const parts = text.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[\\w-]+")}$`);
}

async function freePort(): Promise<string> {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return String(port);
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const ok = await fetch(url).then(
      () => true,
      () => false,
    );
    if (ok) return;
    if (tries === 200) throw new Error(`${url} does not answer`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
