import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { describeWith, required } from "../support/needs.ts";
import type { SmallDisk } from "../support/small-disk.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

const MEBIBYTE = 1024 * 1024;
const now = Date.now();
const times = { lastSeenAt: now, expiresAt: now + 3_600_000 };

const probe = mountSmallDisk(MEBIBYTE);
probe?.unmount();

describeWith(
  { tmpfs: probe === undefined ? undefined : "mount" },
  "an LMDB store on a full disk",
  () => {
    let disk: SmallDisk;
    let store: SessionStore & Revocations;
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => {
      rejections.push(reason);
    };

    beforeAll(() => {
      required("mount", probe === undefined ? undefined : "mount");
      process.on("unhandledRejection", onRejection);
      // LMDB's package prints each failure as well.
      vi.spyOn(console, "error").mockImplementation(() => undefined);
    });
    afterAll(() => {
      process.off("unhandledRejection", onRejection);
      vi.restoreAllMocks();
    });
    beforeEach(() => {
      disk = mountSmallDisk(4 * MEBIBYTE) as SmallDisk;
      store = lmdbStore({ path: `${disk.path}/sessions` });
    });
    afterEach(async () => {
      await store.close();
      disk.unmount();
    });

    it("P10 answers with a clear error, loses nothing, and works again when there is room", async () => {
      const kept = await createUntilFull(store, "first");
      expect(kept.length).toBeGreaterThan(100);
      disk.fill();
      // What a failed write had taken in the file is used first.
      for (let turn = 0; turn < 30; turn += 1) {
        kept.push(...(await createUntilFull(store, `full ${turn}`)));
      }
      await expectAll(store, kept);

      disk.resize(8 * MEBIBYTE);
      const later = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const record = session(`later ${index}`);
          expect(await store.create(record, 0, now)).toBe("created");
          return record.id;
        }),
      );
      await expectAll(store, [...kept, ...later]);

      // What was refused left nothing behind in the file either.
      await store.close();
      store = lmdbStore({ path: `${disk.path}/sessions` });
      await expectAll(store, [...kept, ...later]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(rejections).toEqual([]);
    });

    it("P5 a sign-out on a full disk is either kept or refused, and never half done", async () => {
      const kept = await createUntilFull(store, "first");
      disk.fill();
      const closed: string[] = [];
      const open: string[] = [];
      for (const id of kept.slice(0, 40)) {
        const next = { ...times, body: "", close: true };
        const list = await store.update(id, 1, next, now).then(
          () => closed,
          () => open,
        );
        list.push(id);
      }
      open.push(...kept.slice(40));
      for (const id of closed) expect((await store.load(id))?.record.closed).toBe(true);
      await expectAll(store, open);
    });

    it("cannot be opened on a full disk, which is an error and not the end of the process", async () => {
      disk.fill();
      expect(() => lmdbStore({ path: `${disk.path}/other` })).toThrow("the disk is full");
      disk.resize(8 * MEBIBYTE);
      const other = lmdbStore({ path: `${disk.path}/other` });
      expect(await other.create(session("other"), 0, now)).toBe("created");
      await other.close();
    });
  },
);

function session(name: string) {
  const id = Buffer.from(name.padEnd(18, ".")).toString("base64url");
  return { id, userId: "ada", ...times, closed: false, body: `${name} ${"x".repeat(2000)}` };
}

async function createUntilFull(store: SessionStore, name: string): Promise<string[]> {
  const kept: string[] = [];
  for (let turn = 0; ; turn += 1) {
    const group = Array.from({ length: 10 }, (_, index) => session(`${name} ${turn}-${index}`));
    const answers = await Promise.allSettled(group.map((record) => store.create(record, 0, now)));
    for (const [index, answer] of answers.entries()) {
      if (answer.status === "fulfilled") kept.push((group[index] as { id: string }).id);
      else expect(String(answer.reason)).toContain("cannot be written: the disk is full");
    }
    if (answers.some(({ status }) => status === "rejected")) return kept;
  }
}

/** Exactly these sessions are there, each by itself and in the lists. */
async function expectAll(store: SessionStore, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const name = Buffer.from(id, "base64url").toString().replace(/\.+$/, "");
    expect((await store.load(id))?.record.body).toBe(`${name} ${"x".repeat(2000)}`);
  }
  for (const query of [{ userId: "ada" }, {}]) {
    const { records } = await store.list({ ...query, limit: 100_000 }, now);
    expect(records.map(({ id }) => id).sort()).toEqual([...ids].sort());
  }
}
