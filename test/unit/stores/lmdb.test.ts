import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import type { LmdbStoreOptions } from "../../../src/stores/lmdb.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { HOUR, id, keepsEverythingOverAClose, now, session } from "../../support/store-closing.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { until } from "../../support/until.ts";

const MEBIBYTE = 1024 * 1024;

describe("lmdbStore", () => {
  let folder: string;
  let path: string;
  const opened: SessionStore[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder("lmdb-unit");
    path = join(folder, "app", "sessions");
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await rm(folder, { recursive: true });
  });

  function openStore(options: Partial<LmdbStoreOptions> = {}): SessionStore & Revocations {
    const store = lmdbStore({ path, ...options });
    opened.push(store);
    return store;
  }

  it("answers what it was asked before it is closed, which would end the process otherwise", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    const reads = Array.from({ length: 20 }, () => store.load(id("a")));
    const lists = Array.from({ length: 20 }, () => store.list({ limit: 1 }, now));
    const all = Promise.all([Promise.all(reads), Promise.all(lists)]);
    // LMDB ends what it has read on with a timer, and that throws where the file was closed before.
    await Promise.allSettled([
      all,
      store.close(),
      new Promise((resolve) => setTimeout(resolve, 5)),
    ]);
    const [loaded, listed] = await all;
    expect(new Set(loaded.map((each) => each?.record.id))).toEqual(new Set([id("a")]));
    expect(new Set(listed.map(({ records }) => records.length))).toEqual(new Set([1]));
  });

  it("refuses options that cannot work, by name and with the mend", async () => {
    const wrong: [Partial<LmdbStoreOptions>, string][] = [
      [{ path: "" }, "`path` must name a folder"],
      [{ path: 5 as never }, "`path` must name a folder"],
      [{ namespace: "a b" }, "`namespace` must be"],
      [{ namespace: "x".repeat(65) }, "`namespace` must be"],
      [{ maxBytes: 0 }, "`maxBytes` must be"],
      [{ maxBytes: 1.5 * MEBIBYTE + 0.5 }, "`maxBytes` must be"],
      [{ clock: 7 as never }, "`clock` must be"],
    ];
    for (const [options, message] of wrong) {
      expect(() => openStore(options), message).toThrow(ConfigError);
      expect(() => openStore(options), message).toThrow(message);
    }
    const file = join(folder, "file");
    await writeFile(file, "");
    for (const unusable of [file, join(file, "below")]) {
      expect(() => openStore({ path: unusable })).toThrow("`path` must be a folder");
    }
  });

  it("makes the folder and the files, for their owner only", async () => {
    openStore();
    const modeOf = async (name: string): Promise<number> => (await stat(name)).mode & 0o777;
    expect(await modeOf(path)).toBe(0o700);
    const files = await readdir(path);
    expect(files.sort()).toEqual(["data.mdb", "lock.mdb"]);
    for (const file of files) expect(await modeOf(join(path, file)), file).toBe(0o600);
  });

  it("keeps everything over a close, and answers no verb after it", async () => {
    await keepsEverythingOverAClose(openStore, "the LMDB store is closed");
  });

  it("has one file open for all stores of the process, while any of them is open", async () => {
    const stores = ["", "one", "two"].map((namespace) => openStore({ namespace }));
    // While writes are under way others open and close.
    const writes = stores.map((store, index) => store.create(session(`s${index}`), 0, now));
    const later = openStore({ namespace: "three" });
    await Promise.all([...writes, later.create(session("s3"), 0, now)]);
    const [first, ...others] = stores;
    await first?.close();
    for (const [index, store] of others.entries()) {
      const { records } = await store.list({ limit: 10 }, now);
      expect(records.map((record) => record.id)).toEqual([id(`s${index + 1}`)]);
    }
    const again = openStore();
    expect((await again.list({ limit: 10 }, now)).records).toHaveLength(1);
  });

  it("puts what arrives together into few transactions", async () => {
    const store = openStore();
    const names = Array.from({ length: 1000 }, (_, index) => `s${index}`);
    const before = transactions(path);
    await Promise.all(names.map((name) => store.create(session(name), 0, now)));
    expect(transactions(path) - before).toBeLessThan(20);
    expect((await store.list({ limit: 2000 }, now)).records).toHaveLength(1000);
  });

  it("writes nothing to find nothing: no transaction for a sweep, or for what is refused", async () => {
    const store = openStore();
    await store.create(session("a"), 0, now);
    const before = transactions(path);
    expect(await store.sweep(1000, now)).toBe(0);
    expect(await store.update(id("a"), 9, { ...session("a") }, now)).toBe(false);
    expect(await store.touch(id("b"), now, now, now)).toBe(false);
    expect(await store.create(session("a"), 0, now)).toBe("taken");
    expect(await store.load("no id at all")).toBeUndefined();
    expect(await store.update("no id at all", 1, { ...session("a") }, now)).toBe(false);
    expect(await store.touch("no id at all", now, now, now)).toBe(false);
    expect(transactions(path)).toBe(before);
    const wrong = { ...session("a"), id: "../../etc/passwd" };
    await expect(store.create(wrong, 0, now)).rejects.toThrow("24 base64url characters");
  });

  it("leaves nothing behind when everything was swept", async () => {
    const store = openStore();
    for (let index = 0; index < 300; index += 1) {
      await store.create(session(`s${index}`, `user ${index % 7}`), 0, now);
    }
    for (let index = 0; index < 300; index += 3) {
      const next = { body: "", lastSeenAt: now, expiresAt: now + 10, close: true };
      await store.update(id(`s${index}`), 1, next, now);
    }
    for (let index = 1; index < 300; index += 3) {
      await store.touch(id(`s${index}`), now, now + 2 * HOUR, now);
    }
    for (let turn = 0; turn < 3; turn += 1) {
      await store.cutOff("user 3", { keepUntil: now + HOUR + turn }, now);
    }
    await store.add({ kind: "user", id: "user 3", at: now, until: now + HOUR });
    expect(await store.sweep(1000, now + 10)).toBe(100);
    expect(await store.sweep(1000, now + HOUR)).toBe(100);
    expect(await store.sweep(30, now + 2 * HOUR)).toBe(30);
    expect(await store.sweep(1000, now + 2 * HOUR)).toBe(71);
    expect(await store.sweep(1000, now + 9 * HOUR)).toBe(0);
    // The version, and the number of the last entry of the feed, which is never given again.
    expect(entries(path)).toBe(2);
    await store.add({ kind: "user", id: "eve", at: now, until: now + HOUR });
    expect((await store.since("1")).revocations).toHaveLength(1);
  });

  it("refuses to grow above maxBytes, and goes on with everything else", async () => {
    const store = openStore({ maxBytes: 2 * MEBIBYTE });
    const kept: string[] = [];
    const body = "x".repeat(3000);
    for (;;) {
      const name = `s${kept.length}`;
      const answer = await store.create(session(name, "ada", body), 0, now).catch(String);
      if (answer !== "created") {
        expect(answer).toContain("holds the 2097152 bytes that `maxBytes` allows");
        break;
      }
      kept.push(name);
    }
    expect(kept.length).toBeGreaterThan(300);
    const [first = "", second = "", third = ""] = kept;
    const next = { lastSeenAt: now, expiresAt: now + HOUR };
    await expect(store.update(id(first), 1, { ...next, body: `${body}y` }, now)).rejects.toThrow(
      "`maxBytes`",
    );
    expect(await store.update(id(first), 1, { ...next, body }, now)).toBe(true);
    expect(await store.touch(id(second), now, now + HOUR, now)).toBe(true);
    expect(await store.update(id(third), 1, { ...next, body: "", close: true }, now)).toBe(true);
    await store.cutOff("bob", { keepUntil: now + HOUR }, now);
    await store.add({ kind: "everyone", at: now, until: now + HOUR });
    for (const name of kept.slice(3)) {
      const record = (await store.load(id(name)))?.record;
      expect(record?.body, name).toBe(body);
    }
    await store.sweep(10_000, now + HOUR);
    expect(await store.create(session("again", "ada", body), 0, now + HOUR)).toBe("created");
    // A tenth for the pages that a transaction replaces.
    expect((await stat(join(path, "data.mdb"))).size).toBeLessThan(2.2 * MEBIBYTE);
  });

  it.each([3000, 300])(
    "makes room at maxBytes of what is over, where nobody sweeps (%i)",
    async (size) => {
      const store = openStore({ maxBytes: 2 * MEBIBYTE });
      const body = "x".repeat(size);
      let count = 0;
      const create = (at: number) => {
        count += 1;
        const record = {
          ...session(`s${count}`, "ada", body),
          lastSeenAt: at,
          expiresAt: at + HOUR,
        };
        return store.create(record, 0, at);
      };
      await store.create({ ...session("stays", "eve", body), expiresAt: now + 9 * HOUR }, 0, now);
      await expect(
        (async () => {
          for (;;) await create(now);
        })(),
      ).rejects.toThrow("`maxBytes`");
      const later = now + HOUR;
      const longer = { body: body.repeat(2), lastSeenAt: later, expiresAt: later + HOUR };
      expect(await store.update(id("stays"), 1, longer, later)).toBe(true);
      for (let more = 0; more < 300; more += 1) expect(await create(later)).toBe("created");
      // What is not over stays.
      expect((await store.load(id(`s${count}`)))?.record.body).toBe(body);
    },
  );

  it("is not opened on what is no LMDB file, and says so", async () => {
    await mkdir(path, { recursive: true });
    for (const content of ["x", "x".repeat(100_000), Buffer.alloc(8192)]) {
      await writeFile(join(path, "data.mdb"), content);
      expect(() => openStore()).toThrow("it is damaged, or another file");
    }
  });

  it("is not opened on a copy that was cut short, which would end the process", async () => {
    const store = openStore();
    const all = Array.from({ length: 200 }, (_, index) =>
      session(`coat ${index}`, "ada", "x".repeat(400)),
    );
    await Promise.all(all.map((each) => store.create(each, 0, now)));
    await store.close();
    const file = join(path, "data.mdb");
    const whole = await readFile(file);
    for (const length of [100, 4096, 8192, Math.floor(whole.length / 2)]) {
      await writeFile(file, whole.subarray(0, length));
      expect(() => openStore()).toThrow("it is damaged, or another file");
    }
    await writeFile(file, whole);
    const again = openStore();
    expect((await again.list({ limit: 1000 }, now)).records).toHaveLength(200);
    await again.close();
  });

  it("is not opened where a page is damaged, says so in words, and is opened on what takes its place", async () => {
    const store = openStore();
    for (let number = 0; number < 50; number += 1) {
      await store.create({ ...session(`${number}`, "ada"), body: "b".repeat(500) }, 0, now);
    }
    await store.close();
    const file = join(path, "data.mdb");
    const bytes = await readFile(file);
    // All but the two heads.
    await writeFile(file, bytes.fill(0, 8192));
    for (let time = 0; time < 2; time += 1) {
      expect(() => openStore()).toThrow(`the LMDB file in ${path} cannot be read: `);
    }
    await rm(file);
    let again: SessionStore | undefined;
    await until("the damaged one is closed", async () => {
      again = openStore();
      return true;
    });
    expect(await again?.create(session("a", "ada"), 0, now)).toBe("created");
  });

  it("is not opened on what a later version wrote, and leaves that alone", async () => {
    const store = openStore();
    await store.create(session("a"), 0, now);
    await store.close();
    const file = open({ path, noSubdir: false, overlappingSync: false, keyEncoding: "binary" });
    await file.put(Buffer.of(0, 0), Buffer.of(2));
    await file.close();
    expect(() => openStore()).toThrow("a later version of coatcheck");
  });
});

/** How many transactions have changed the file. LMDB allows a process one handle: this shares it. */
function transactions(path: string): number {
  return statsOf(path).lastTxnId;
}

function entries(path: string): number {
  return statsOf(path).entryCount;
}

function statsOf(path: string): { readonly lastTxnId: number; readonly entryCount: number } {
  const file = open({ path, noSubdir: false, overlappingSync: false, readOnly: true });
  const stats = file.getStats() as ReturnType<typeof statsOf>;
  void file.close();
  return stats;
}
