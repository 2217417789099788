import { rename, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import type { ChildProgram } from "../support/child-program.ts";
import { childProgram } from "../support/child-program.ts";
import { ledger } from "../support/store-changes.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const PATIENCE = 120_000;

// LMDB ITS#9496: a process that opens a file while another one writes may turn it back.
describe("an LMDB store whose file others open while it writes", () => {
  let writer: ChildProgram;
  let opener: ChildProgram;
  let turnBack: ChildProgram;
  let path: string;

  beforeAll(async () => {
    writer = childProgram("embedded-writer.ts");
    opener = childProgram("lmdb-opener.ts");
    turnBack = childProgram("lmdb-turn-back.ts");
    path = await temporaryFolder("lmdb-opening");
  });
  afterAll(async () => {
    for (const program of [writer, opener, turnBack]) program.dispose();
    await rm(path, { recursive: true });
  });

  it(
    "P5 keeps every acknowledged change when the file is turned back, and goes on",
    async () => {
      const folder = `${path}/turned`;
      const store = lmdbStore({ path: folder });
      const now = Date.now();
      const times = { lastSeenAt: now, expiresAt: now + 3_600_000 };
      // So many that the number of the latest transaction is nothing else in the lock file.
      for (let turn = 0; turn < 1000; turn += 1) await store.cutOff("bob", { keepUntil: now }, now);
      const ids = Array.from({ length: 9 }, (_, index) => `${index}`.repeat(24));
      for (const id of ids) {
        await store.create({ id, userId: "ada", ...times, closed: false, body: "first" }, 0, now);
        expect(await turnBack.start(folder).ended).toBe(0);
        // Written on top of what came before, this would take the place of the create.
        expect(await store.update(id, 1, { ...times, body: "second" }, now)).toBe(true);
      }
      const { records } = await store.list({ limit: 100 }, now);
      expect(records.map(({ id, body }) => [id, body])).toEqual(ids.map((id) => [id, "second"]));
      await store.close();
    },
    PATIENCE,
  );

  it(
    "goes on by itself when the file can be opened again that could not be",
    async () => {
      const folder = `${path}/broken`;
      const [data, away] = [`${folder}/data.mdb`, `${folder}/away.mdb`];
      const store = lmdbStore({ path: folder });
      const now = Date.now();
      for (let turn = 0; turn < 1000; turn += 1) await store.cutOff("bob", { keepUntil: now }, now);
      expect(await turnBack.start(folder).ended).toBe(0);
      await rename(data, away);
      await writeFile(data, "another file, for now".repeat(9));
      const cutOff = () => store.cutOff("eve", { keepUntil: now }, now);
      await expect(cutOff()).rejects.toThrow("it is damaged, or another file");
      await expect(store.load("x".repeat(24))).rejects.toThrow("it is damaged, or another file");
      await rename(away, data);
      await until("it reads", async () => (await store.load("x".repeat(24))) === undefined);
      expect(await cutOff()).toBe(now);
      expect(await store.cutOff("bob", { keepUntil: now }, now)).toBe(now + 1000);
      await store.close();
    },
    PATIENCE,
  );

  it(
    "P5 keeps every acknowledged change while others open it all the time",
    async () => {
      const book = ledger();
      const folder = `${path}/opened`;
      const writers = [0, 1].map((number) => writer.start("lmdb", folder, `writer-${number}`, "8"));
      await Promise.all(writers.map((child) => child.line("done")));
      const openers = [opener.start(folder), opener.start(folder)];
      await Promise.all(openers.map((child) => child.line("opened 100")));
      for (const child of [...openers, ...writers]) child.process.kill("SIGKILL");
      const ends = await Promise.all(writers.map(({ ended }) => ended));
      expect(ends).toEqual(["SIGKILL", "SIGKILL"]);

      book.read(writers.flatMap(({ lines }) => lines));
      const store = lmdbStore({ path: folder });
      await book.check(store);
      await store.close();
    },
    PATIENCE,
  );
});
