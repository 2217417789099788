import { rm } from "node:fs/promises";
import { open } from "lmdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import type { ChildProgram } from "../support/child-program.ts";
import { childProgram } from "../support/child-program.ts";
import { ledger } from "../support/store-changes.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ROUNDS = 15;
const LONGEST_ROUND = 250;
const PATIENCE = 120_000;

describe("an LMDB store whose processes are killed", () => {
  let writer: ChildProgram;
  let reader: ChildProgram;
  let path: string;

  beforeAll(async () => {
    writer = childProgram("embedded-writer.ts");
    reader = childProgram("lmdb-reader.ts");
    path = await temporaryFolder("lmdb-kill");
  });
  afterAll(async () => {
    writer.dispose();
    reader.dispose();
    await rm(path, { recursive: true });
  });

  it(
    "P5 keeps every acknowledged change and brings no ended session back, killed at any moment",
    async () => {
      const book = ledger();
      for (let round = 0; round < ROUNDS; round += 1) {
        // Two at once in every third round: one is killed while the other waits for its lock.
        const both = Array.from({ length: round % 3 === 2 ? 2 : 1 }, (_, number) =>
          writer.start("lmdb", path, `round-${round}-${number}`, "8"),
        );
        await Promise.all(both.map((child) => child.line("done")));
        for (const child of both) {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_ROUND));
          child.process.kill("SIGKILL");
        }
        const ends = await Promise.all(both.map((child) => child.ended));
        expect(ends).toEqual(both.map(() => "SIGKILL"));
        book.read(both.flatMap((child) => child.lines));

        const store = lmdbStore({ path });
        await book.check(store);
        await store.close();
      }
      expect(book.acknowledged).toBeGreaterThan(ROUNDS * 8);
    },
    PATIENCE,
  );

  it("goes on while one of its processes is killed, and frees what that one was reading", async () => {
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
});

function readersOf(file: ReturnType<typeof open>): string[] {
  return file
    .readerList()
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[0] ?? "");
}
