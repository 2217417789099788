import { rm } from "node:fs/promises";
import { open } from "lmdb";
import { expect, it, onTestFinished, vi } from "vitest";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { childProgram } from "../support/child-program.ts";
import { describeFullDisk, describeKills, describeProcesses } from "../support/embedded-trouble.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// LMDB's package prints each failure to write as well.
vi.spyOn(console, "error").mockImplementation(() => undefined);

describeProcesses("lmdb");
describeKills("lmdb", 15);
describeFullDisk("lmdb", false);

it("an LMDB store goes on while a process is killed, and frees what that one was reading", async () => {
  const reader = childProgram("lmdb-reader.ts");
  const path = await temporaryFolder("lmdb-reader");
  onTestFinished(async () => {
    reader.dispose();
    await rm(path, { recursive: true });
  });
  const store = lmdbStore({ path });
  const file = open({ path, noSubdir: false, overlappingSync: false, readOnly: true });
  const now = Date.now();
  const create = (id: string): Promise<string> => {
    const times = { lastSeenAt: now, expiresAt: now + 1000 };
    return store.create({ id, userId: undefined, ...times, closed: false, body: "" }, 0, now);
  };
  // The first write of a process looks for readers that were killed, so it comes first here.
  expect(await create("A".repeat(24))).toBe("created");
  const killed = reader.start(path);
  await killed.line("reading");
  const pid = `${killed.process.pid}`;
  expect(readersOf(file)).toContain(pid);
  killed.process.kill("SIGKILL");
  await killed.ended;

  expect(await create("B".repeat(24))).toBe("created");
  expect(readersOf(file)).toContain(pid);
  await store.sweep(1, now);
  expect(readersOf(file)).not.toContain(pid);
  await file.close();
  await store.close();
});

function readersOf(file: ReturnType<typeof open>): string[] {
  return file
    .readerList()
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[0] ?? "");
}
