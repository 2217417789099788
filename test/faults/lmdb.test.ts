import { rm, stat } from "node:fs/promises";
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

it("an LMDB file grows while a process stands still in a read, and no more once that one was killed", async () => {
  const reader = childProgram("lmdb-reader.ts");
  const path = await temporaryFolder("lmdb-growth");
  onTestFinished(async () => {
    reader.dispose();
    await rm(path, { recursive: true });
  });
  const store = lmdbStore({ path });
  const now = Date.now();
  const id = "A".repeat(24);
  const times = { lastSeenAt: now, expiresAt: now + 1000 };
  const body = "x".repeat(20_000);
  await store.create({ id, userId: undefined, ...times, closed: false, body }, 0, now);
  let revision = 1;
  const growth = async (): Promise<number> => {
    const before = (await stat(`${path}/data.mdb`)).size;
    for (let write = 0; write < 100; write += 1) {
      expect(await store.update(id, revision, { body, ...times }, now)).toBe(true);
      revision += 1;
    }
    return (await stat(`${path}/data.mdb`)).size - before;
  };
  await growth();
  expect(await growth()).toBeLessThan(5 * body.length);

  const still = reader.start(path);
  await still.line("reading");
  expect(await growth()).toBeGreaterThan(90 * body.length);
  still.process.kill("SIGKILL");
  await still.ended;
  await store.sweep(1, now);
  expect(await growth()).toBeLessThan(5 * body.length);
  await store.close();
});

function readersOf(file: ReturnType<typeof open>): string[] {
  return file
    .readerList()
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[0] ?? "");
}
