/**
 * What every embedded store goes through: processes that share it, that are killed, and a full disk.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import type { ChildProgram } from "./child-program.ts";
import { childProgram } from "./child-program.ts";
import { openEmbedded } from "./embedded-store.ts";
import { failureOf } from "./failure-of.ts";
import type { InjectedFault } from "./fault-report.ts";
import { inject, reportFaults } from "./fault-report.ts";
import { describeWith, required } from "./needs.ts";
import type { SmallDisk } from "./small-disk.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { ledger } from "./store-changes.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const PATIENCE = 120_000;
const LONGEST_ROUND = 250;
const MEBIBYTE = 1024 * 1024;
const HOUR = 3_600_000;
/** As they stand in the report of a run. */
const NAMES: Readonly<Record<string, string>> = {
  lmdb: "LMDB",
  file: "File",
  "better-sqlite3": "SQLite",
};

/** @param kind - as `openEmbedded` takes it */
export function describeProcesses(kind: string): void {
  describe(`a ${kind} store that processes share`, () => {
    let counter: ChildProgram;
    let waiter: ChildProgram;
    let path: string;

    beforeAll(async () => {
      counter = childProgram("embedded-counter.ts");
      waiter = childProgram("embedded-waiter.ts");
      path = await temporaryFolder(`${kind}-processes`);
    });
    afterAll(async () => {
      counter.dispose();
      waiter.dispose();
      await rm(path, { recursive: true });
    });

    it(
      "P4 four processes count one session up to 200, and every count is there",
      async () => {
        const store = await openEmbedded(kind, path);
        const id = "C".repeat(24);
        await store.create(session(id, "0"), 0, Date.now());
        const children = Array.from({ length: 4 }, () => counter.start(kind, path, id, "50"));
        expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
        const loaded = await store.load(id);
        expect([loaded?.record.body, loaded?.record.revision]).toEqual(["200", 201]);
        // They did meet: nobody counted in a row without being refused.
        const refused = children.map(({ lines }) => Number(lines[0]?.split(" ")[1]));
        expect(Math.min(...refused)).toBeGreaterThan(0);
        await store.close();
      },
      PATIENCE,
    );

    it(
      "P5 a process sees at once what another one has acknowledged",
      async () => {
        const store = await openEmbedded(kind, path);
        const id = "D".repeat(24);
        const now = Date.now();
        const { lastSeenAt, expiresAt } = session(id, "");
        await store.create(session(id, ""), 0, now);
        const child = waiter.start(kind, path, id);
        await child.line("reading");
        const next = { lastSeenAt, expiresAt, body: "", close: true };
        expect(await store.update(id, 1, next, now)).toBe(true);
        expect(await child.ended).toBe(0);
        expect(child.lines).toEqual(["reading", "closed"]);
        await store.close();
      },
      PATIENCE,
    );
  });
}

/** @param rounds - how often a process is started and killed */
export function describeKills(kind: string, rounds: number): void {
  describe(`a ${kind} store whose processes are killed`, () => {
    let writer: ChildProgram;
    let path: string;

    beforeAll(async () => {
      writer = childProgram("embedded-writer.ts");
      path = await temporaryFolder(`${kind}-kill`);
    });
    afterAll(async () => {
      writer.dispose();
      await rm(path, { recursive: true });
    });

    it(
      "P5 keeps every acknowledged change and brings no ended session back, killed at any moment",
      async () => {
        const book = ledger();
        const faults: InjectedFault[] = [];
        for (let round = 0; round < rounds; round += 1) {
          // Two at once in every third round: one is killed while the other goes on.
          const both = Array.from({ length: round % 3 === 2 ? 2 : 1 }, (_, number) =>
            writer.start(kind, path, `round-${round}-${number}`, "8"),
          );
          await Promise.all(both.map((child) => child.line("done")));
          for (const child of both) {
            await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_ROUND));
            const dies = async (): Promise<unknown> => {
              child.process.kill("SIGKILL");
              return await child.ended;
            };
            faults.push(await inject("kill -9 of a process", dies));
          }
          const ends = await Promise.all(both.map((child) => child.ended));
          expect(ends).toEqual(both.map(() => "SIGKILL"));
          book.read(both.flatMap((child) => child.lines));

          const store = await openEmbedded(kind, path);
          await book.check(store);
          await store.close();
        }
        expect(book.acknowledged).toBeGreaterThan(rounds * 8);
        const { acknowledged } = book;
        reportFaults({
          ...{ on: NAMES[kind] ?? kind, faults, acknowledged, failed: 0 },
          checked: "every session, list, cut-off and revocation is as it was acknowledged",
        });
      },
      PATIENCE,
    );
  });
}

/** @param canSweep - whether removing takes no room itself */
export function describeFullDisk(kind: string, canSweep: boolean): void {
  const probe = mountSmallDisk(MEBIBYTE);
  probe?.unmount();
  const program = probe === undefined ? undefined : "mount";

  describeWith({ tmpfs: program }, `a ${kind} store on a full disk`, () => {
    let disk: SmallDisk;
    let store: SessionStore & Revocations;
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => {
      rejections.push(reason);
    };
    const open = (name = "sessions") => openEmbedded(kind, `${disk.path}/${name}`);

    beforeAll(() => {
      required("mount", program);
      process.on("unhandledRejection", onRejection);
    });
    afterAll(() => {
      process.off("unhandledRejection", onRejection);
    });
    beforeEach(async () => {
      disk = mountSmallDisk(4 * MEBIBYTE) as SmallDisk;
      store = await open();
    });
    afterEach(async () => {
      await store.close();
      disk.unmount();
    }, PATIENCE);

    it(
      "P10 answers with a clear error, loses nothing, and works again when there is room",
      async () => {
        const tally = { refused: 0 };
        const kept = await createUntilFull(store, "first", tally);
        expect(kept.length).toBeGreaterThan(100);
        const fault = await inject("disk full", async () => {
          disk.fill();
          // What a failed write had taken is used first.
          for (let turn = 0; turn < 10; turn += 1) {
            kept.push(...(await createUntilFull(store, `full ${turn}`, tally)));
          }
          await expectAll(store, kept);
          disk.resize(8 * MEBIBYTE);
        });
        const later = Array.from({ length: 50 }, (_, index) => idOf(`later ${index}`));
        const answers = later.map((id) => store.create(longSession(id), 0, now));
        expect(new Set(await Promise.all(answers))).toEqual(new Set(["created"]));
        await expectAll(store, [...kept, ...later]);

        // What was refused left nothing behind in the files either.
        await store.close();
        store = await open();
        await expectAll(store, [...kept, ...later]);
        await new Promise((resolve) => setImmediate(resolve));
        expect(rejections).toEqual([]);
        reportFaults({
          ...{ on: NAMES[kind] ?? kind, faults: [fault], acknowledged: kept.length + later.length },
          ...{ failed: tally.refused },
          checked: "exactly what was acknowledged is there, then and when opened again",
        });
      },
      PATIENCE,
    );

    it(
      "P5 a sign-out on a full disk is either kept or refused, and never half done",
      async () => {
        const kept = await createUntilFull(store, "first");
        disk.fill();
        const closed: string[] = [];
        const open: string[] = kept.slice(40);
        for (const id of kept.slice(0, 40)) {
          const next = { lastSeenAt: now, expiresAt: now + HOUR, body: "", close: true };
          const failure = await failureOf(() => store.update(id, 1, next, now));
          (failure === undefined ? closed : open).push(id);
        }
        for (const id of closed) expect((await store.load(id))?.record.closed).toBe(true);
        await expectAll(store, open);
      },
      PATIENCE,
    );

    it.runIf(canSweep)(
      "P5 finds its way back by a sweep",
      async () => {
        const kept = await createUntilFull(store, "first");
        disk.fill();
        let removed = 0;
        for (let turn = 0; turn < 20; turn += 1) removed += await store.sweep(1000, now + HOUR);
        expect(removed).toBe(kept.length);
        const again = { ...longSession(idOf("again")), expiresAt: now + 2 * HOUR };
        expect(await store.create(again, 0, now)).toBe("created");
      },
      PATIENCE,
    );

    it(
      "cannot be opened on a full disk, which is an error and not the end of the process",
      async () => {
        mkdirSync(`${disk.path}/other`);
        disk.fill();
        await expect(open("other")).rejects.toThrow("full");
        disk.resize(8 * MEBIBYTE);
        const other = await open("other");
        expect(await other.create(longSession(idOf("other")), 0, now)).toBe("created");
        await other.close();
      },
      PATIENCE,
    );
  });
}

const now = Date.now();

function session(id: string, body: string) {
  const times = { lastSeenAt: Date.now(), expiresAt: Date.now() + HOUR };
  return { id, userId: "ada", ...times, closed: false, body };
}

function idOf(name: string): string {
  return Buffer.from(name.padEnd(18, ".")).toString("base64url");
}

function longSession(id: string) {
  const times = { lastSeenAt: now, expiresAt: now + HOUR };
  return { id, userId: "ada", ...times, closed: false, body: bodyOf(id) };
}

function bodyOf(id: string): string {
  return `${id} ${"x".repeat(2000)}`;
}

async function createUntilFull(
  store: SessionStore,
  name: string,
  tally: { refused: number } = { refused: 0 },
): Promise<string[]> {
  const kept: string[] = [];
  for (let turn = 0; ; turn += 1) {
    const ids = Array.from({ length: 10 }, (_, index) => idOf(`${name} ${turn}-${index}`));
    const answers = await Promise.allSettled(
      ids.map((id) => store.create(longSession(id), 0, now)),
    );
    for (const [index, answer] of answers.entries()) {
      if (answer.status === "fulfilled") {
        kept.push(ids[index] as string);
      } else {
        tally.refused += 1;
        expect(String(answer.reason)).toContain("the disk is full");
      }
    }
    if (answers.some(({ status }) => status === "rejected")) return kept;
  }
}

/** Exactly these sessions are there, each by itself and in the lists. */
async function expectAll(store: SessionStore, ids: readonly string[]): Promise<void> {
  for (const id of ids) expect((await store.load(id))?.record.body).toBe(bodyOf(id));
  for (const query of [{ userId: "ada" }, {}]) {
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.list({ ...query, cursor, limit: 1000 }, now);
      listed.push(...page.records.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(listed.sort()).toEqual([...ids].sort());
  }
}
