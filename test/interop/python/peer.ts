/**
 * The real Python libraries, in a process of their own that lives as long as the test file.
 *
 * @module
 */

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { required } from "../../support/needs.ts";

/** An error that a Python library has thrown. */
class PeerError extends Error {
  /** The class, such as `BadSignature`. */
  readonly type: string;

  constructor(type: string, text: string) {
    super(`${type}: ${text}`);
    this.type = type;
  }
}

export interface Peer {
  /** Calls a function of `peer.py`. @throws {PeerError} what it throws. */
  call<Result>(name: string, args: Readonly<Record<string, unknown>>): Promise<Result>;
  /** Ends the process. */
  stop(): Promise<void>;
}

const DEBIAN = "/usr/bin/python3";

/** Debian's Python, which has Debian's packages; others on the path have not. */
export const PYTHON: string | undefined = existsSync(DEBIAN) ? DEBIAN : undefined;

/**
 * For `describeWith`: what a test needs of Python, by name, each with the path when it is there.
 *
 * @param names - modules, such as `flask`; `COATCHECK_REQUIRE` names them as `python3-flask`.
 */
export function pythonWith(...names: readonly string[]): Record<string, string | undefined> {
  // The peer itself tells Markup from text.
  const modules = [...new Set(["markupsafe", ...names])];
  const there = installed(modules);
  return Object.fromEntries(
    modules.map((name, at) => [
      `python3-${name.replace("_", "-")}`,
      there[at] === "1" ? PYTHON : undefined,
    ]),
  );
}

/** A digit for each module. It looks for them and imports none, which would take seconds. */
function installed(modules: readonly string[]): string {
  const look =
    "import sys; from importlib.util import find_spec; " +
    "print(''.join('1' if find_spec(name) else '0' for name in sys.argv[1:]))";
  try {
    return execFileSync(PYTHON ?? "", ["-c", look, ...modules], { encoding: "utf8" });
  } catch {
    return "";
  }
}

/** Starts the process; stop it after the tests. */
export function startPeer(): Peer {
  const program = fileURLToPath(new URL("peer.py", import.meta.url));
  const child = spawn(required("python3", PYTHON), [program], {
    stdio: ["pipe", "pipe", process.env["COATCHECK_PEER_LOG"] === undefined ? "ignore" : "inherit"],
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  void ended.then(() => {
    for (const settle of waiting.values())
      settle({ id: 0, error: "Ended", text: "the peer ended" });
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let calls = 0;
  return {
    async call<Result>(name: string, args: Readonly<Record<string, unknown>>): Promise<Result> {
      calls += 1;
      const id = calls;
      const answer = await new Promise<Answer>((resolve) => {
        waiting.set(id, resolve);
        child.stdin.write(`${JSON.stringify({ id, call: name, args })}\n`);
      });
      if (answer.error !== undefined) throw new PeerError(answer.error, answer.text ?? "");
      return answer.result as Result;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly text?: string;
}
