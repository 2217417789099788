import { randomBytes } from "node:crypto";
import fs, { existsSync, readdirSync } from "node:fs";
import {
  appendFile,
  chmod,
  chown,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import type { FileStoreOptions } from "../../../src/stores/file.ts";
import { fileStore } from "../../../src/stores/file.ts";
import type { DiskFile } from "../../../src/stores/file-disk.ts";
import { nodeDisk } from "../../../src/stores/file-disk.ts";
import { cutOffPath } from "../../../src/stores/file-paths.ts";
import { storeOn } from "../../../src/stores/file-store.ts";
import { gate } from "../../../src/testing/faults.ts";
import { HOUR, id, keepsEverythingOverAClose, now, session } from "../../support/store-closing.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("fileStore", () => {
  let folder: string;
  let path: string;
  const opened: SessionStore[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder("file-unit");
    path = join(folder, "app", "sessions");
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await rm(folder, { recursive: true });
  });

  function openStore(options: Partial<FileStoreOptions> = {}): SessionStore & Revocations {
    const store = fileStore({ path, ...options });
    opened.push(store);
    return store;
  }

  function hexOf(name: string): string {
    return Buffer.from(id(name), "base64url").toString("hex");
  }

  /** The path of a session's file. */
  function fileOf(name: string): string {
    return join(path, "sessions", hexOf(name).slice(0, 2), hexOf(name));
  }

  /** The last line of a log that has moved. */
  function moved(to: string, after: number): string {
    const rest = `abc ${JSON.stringify({ to, after })}`;
    return `\n${crc32(rest).toString(16).padStart(8, "0")} ${rest}`;
  }

  async function everything(): Promise<string[]> {
    return (await readdir(path, { recursive: true })).sort();
  }

  it("P14 keeps few entries of who signs out everywhere again and again, and the latest of each", async () => {
    const store = fileStore({ path, durable: false, clock: () => now });
    const until = now + HOUR;
    await store.add({ kind: "user", id: "ada", at: now, until });
    for (let time = 1; time <= 1000; time += 1) {
      await store.add({ kind: "user", id: "eve", at: now + time, until });
    }
    const { revocations } = await store.since(undefined);
    expect(revocations.length).toBeLessThan(500);
    expect(revocations.at(-1)?.at).toBe(now + 1000);
    expect(revocations.some((each) => each.id === "ada")).toBe(true);
    await store.close();
  });

  it("refuses options that cannot work, by name and with the mend", async () => {
    const wrong: [Partial<FileStoreOptions>, string][] = [
      [{ path: "" }, "`path` must name a folder"],
      [{ path: 5 as never }, "`path` must name a folder"],
      [{ durable: "yes" as never }, "`durable` must be"],
      [{ namespace: "../a" }, "`namespace` must be"],
      [{ namespace: "x".repeat(65) }, "`namespace` must be"],
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

  it("makes folders and files for their owner only, with no letter of an id in a name", async () => {
    const store = openStore();
    const userId = "../../../etc/passwd";
    for (const name of ["a", "A"]) await store.create(session(name, userId), 0, now);
    await store.cutOff(userId, { keepUntil: now + HOUR }, now);
    await store.add({ kind: "user", id: userId, at: now, until: now + HOUR });
    for (const name of await everything()) {
      const stats = await stat(join(path, name));
      expect(stats.mode & 0o777, name).toBe(stats.isDirectory() ? 0o700 : 0o600);
      expect(name).toMatch(/^(version|drafts|revocations|[a-z-]+(\/[0-9a-f]+)*)$/);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it("does not look where an id points that is none", async () => {
    const store = openStore();
    const wrong = "../../../../etc/passwd..";
    await expect(store.create({ ...session("a"), id: wrong }, 0, now)).rejects.toThrow(
      "24 base64url characters",
    );
    expect(await store.load(wrong)).toBeUndefined();
    expect(await store.touch(wrong, now, now, now)).toBe(false);
    expect(await store.update(wrong, 1, { ...session("a") }, now)).toBe(false);
    await store.cutOff("ada", { except: wrong, keepUntil: now }, now);
  });

  it("keeps everything over a close, and answers no verb after it", async () => {
    await keepsEverythingOverAClose(openStore, "the file store is closed");
  });

  it.runIf(existsSync("/proc/self/fd"))(
    "has few files open, however many ask at once",
    async () => {
      const store = openStore({ durable: false });
      const names = Array.from({ length: 1000 }, (_, index) => `s${index}`);
      const before = readdirSync("/proc/self/fd").length;
      let most = 0;
      const watching = setInterval(() => {
        most = Math.max(most, readdirSync("/proc/self/fd").length);
      });
      const durable = openStore();
      const answers = await Promise.all(names.map((name) => durable.create(session(name), 0, now)));
      const touches = await Promise.all(names.map((name) => store.touch(id(name), now, now, now)));
      clearInterval(watching);
      expect(new Set([...answers, ...touches])).toEqual(new Set(["created", true]));
      expect(most).toBeGreaterThan(before);
      expect(most - before).toBeLessThan(500);
    },
  );

  it("P2 reads without writing anything", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    const before = await everything();
    const size = (await stat(fileOf("a"))).size;
    for (let turn = 0; turn < 5; turn += 1) await store.load(id("a"));
    await store.list({ userId: "ada", limit: 5 }, now);
    expect(await store.update(id("a"), 9, { ...session("a") }, now)).toBe(false);
    expect(await store.sweep(10, now)).toBe(0);
    expect(await everything()).toEqual(before);
    expect((await stat(fileOf("a"))).size).toBe(size);
  });

  it("P10 lets nobody wait for a read while the disk keeps all that is written waiting", async () => {
    const disk = nodeDisk(path, false);
    const held = gate();
    let isHeld = false;
    async function open(file: string): Promise<DiskFile | undefined> {
      const opened = await disk.open(file);
      const sync = (): Promise<void> => (isHeld ? held.opened : Promise.resolve());
      return opened && { ...opened, sync };
    }
    const store = storeOn({ ...disk, open }, () => now, true);
    opened.push(store);
    const ids = Array.from({ length: 200 }, (_, index) => id(`${index}`));
    for (const index of ids.keys()) await store.create(session(`${index}`, "ada"), 0, now);
    isHeld = true;
    const next = { body: "next", lastSeenAt: now, expiresAt: now + HOUR };
    const updates = Promise.all(ids.map((each) => store.update(each, 1, next, now)));
    expect((await store.load(ids[0] as string))?.record.userId).toBe("ada");
    expect((await store.list({ userId: "ada", limit: 500 }, now)).records).toHaveLength(200);
    held.open();
    expect(await updates).toEqual(ids.map(() => true));
  });

  it("keeps files short, however often a session is written", async () => {
    const store = openStore({ durable: false });
    await store.create(session("a", "ada"), 0, now);
    const body = "x".repeat(1000);
    let longest = 0;
    for (let revision = 1; revision <= 300; revision += 1) {
      const next = { body: `${revision}${body}`, lastSeenAt: now, expiresAt: now + HOUR };
      expect(await store.update(id("a"), revision, next, now)).toBe(true);
      longest = Math.max(longest, (await stat(fileOf("a"))).size);
    }
    // Twice what it needs and 16 KiB, and the step at which it is looked at.
    expect(longest).toBeLessThan(40_000);
    expect((await store.load(id("a")))?.record.body).toBe(`300${body}`);
    expect((await everything()).filter((name) => name.includes("~"))).toEqual([]);
    for (let turn = 0; turn < 1000; turn += 1) {
      await store.cutOff("ada", { keepUntil: now + HOUR }, now);
      await store.add({ kind: "user", id: "ada", at: now, until: now - 1 });
    }
    await store.sweep(10, now);
    const shared = (await everything()).filter((name) => /^(cut-offs\/.|revocations)$/.test(name));
    expect(shared).toHaveLength(2);
    for (const name of shared) expect((await stat(join(path, name))).size).toBeLessThan(40_000);
  });

  it("P5 skips a line that was cut off, and goes on behind it", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    const line = (await readFile(fileOf("a"), "utf8")).split("\n").at(-1) as string;
    for (const torn of [
      `\n${line.slice(0, -1)}`,
      "\n",
      "\n\u0000\u0000",
      `\n00000000${line.slice(8)}`,
    ]) {
      await appendFile(fileOf("a"), torn);
      const before = (await store.load(id("a")))?.record.revision ?? 0;
      const next = { body: torn, lastSeenAt: now, expiresAt: now + HOUR };
      expect(await store.update(id("a"), before, next, now)).toBe(true);
      expect((await openStore().load(id("a")))?.record).toMatchObject({
        revision: before + 1,
        body: torn,
      });
    }
  });

  it("P10 a file that was damaged is an error, and not a session that is absent", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    await writeFile(fileOf("a"), "");
    await expect(store.load(id("a"))).rejects.toThrow("is damaged");
    await expect(store.touch(id("a"), now, now, now)).rejects.toThrow("is damaged");
    expect(await store.create(session("a", "ada"), 0, now)).toBe("taken");
  });

  describe("beside a file that is no use", () => {
    const ways: [string, (file: string) => Promise<unknown>, string][] = [
      ["truncated", (file) => truncate(file, 40), "is damaged"],
      ["empty", (file) => writeFile(file, ""), "is damaged"],
      ["of other bytes", (file) => writeFile(file, randomBytes(5000)), "is damaged"],
      ["not ours to read", denied, "EACCES"],
      ["a folder", (file) => rm(file).then(() => mkdir(file)), "EISDIR"],
      ["moved to nowhere", (file) => appendFile(file, moved("sessions/nowhere", 1)), "is damaged"],
    ];

    it.each(ways)(
      "P10 lists and sweeps the others, and removes nothing: %s",
      async (_, spoil, why) => {
        const store = openStore();
        for (const name of ["a", "b"]) await store.create(session(name, "ada"), 0, now);
        // What a killed process has left of a move: it may be all there is of the session.
        const draft = `${fileOf("a")}~draft`;
        await copyFile(fileOf("a"), draft);
        await spoil(fileOf("a"));
        const longAgo = new Date(now - 9 * HOUR);
        for (const name of await everything()) await utimes(join(path, name), longAgo, longAgo);
        const before = await everything();
        const named = before.filter((name) => !name.includes(hexOf("b")));
        const listed = async (userId?: string) =>
          (await store.list({ userId, limit: 10 }, now)).records.map((record) => record.id);
        await asOther(async () => {
          expect([await listed(), await listed("ada")]).toEqual([[id("b")], [id("b")]]);
          await expect(store.load(id("a"))).rejects.toThrow(why);
          // It goes from folder to folder, the file's own among them.
          for (let turn = 0; turn < 9; turn += 1) expect(await store.sweep(10, now)).toBe(0);
          expect(await everything()).toEqual(before);
          expect(await store.sweep(10, now + 2 * HOUR)).toBe(1);
          for (let turn = 0; turn < 9; turn += 1) {
            expect(await store.sweep(10, now + 2 * HOUR)).toBe(0);
          }
          expect(await listed()).toEqual([]);
          await expect(store.load(id("a"))).rejects.toThrow(why);
          expect(await everything()).toEqual(expect.arrayContaining(named));
        });
      },
    );

    it("P10 tells of cut-offs that can't be read, and sweeps what it can", async () => {
      const store = openStore();
      await store.create(session("a", "ada"), 0, now);
      await store.create(session("b"), 0, now);
      await store.cutOff("bob", { keepUntil: now + HOUR }, now);
      await store.cutOff("ada", { keepUntil: now + HOUR }, now);
      const logs = await readdir(join(path, "cut-offs"));
      expect(logs).toHaveLength(2);
      const other = openStore();
      await denied(join(path, cutOffPath("ada")));
      await asOther(async () => {
        // Whether hers are live, nobody can tell.
        await expect(other.load(id("a"))).rejects.toThrow("EACCES");
        await expect(other.list({ limit: 10 }, now)).rejects.toThrow("EACCES");
        expect(await other.sweep(10, now + 2 * HOUR)).toBe(3);
      });
    });

    it("fails where a folder can't be read: that is not one session's trouble", async () => {
      const store = openStore();
      await store.create(session("a", "ada"), 0, now);
      await denied(dirname(fileOf("a")));
      await asOther(async () => {
        await expect(store.list({ limit: 10 }, now)).rejects.toThrow("EACCES");
        await expect(store.list({ userId: "ada", limit: 10 }, now)).rejects.toThrow("EACCES");
        await expect(store.sweep(10, now + 2 * HOUR)).rejects.toThrow("EACCES");
      });
      await chmod(dirname(fileOf("a")), 0o700);
    });

    const isRoot = process.geteuid?.() === 0;

    /** What root may do, nobody may not: everything is nobody's then, but this. */
    async function denied(file: string): Promise<void> {
      if (isRoot) {
        await chown(folder, 65_534, 65_534);
        for (const name of await readdir(folder, { recursive: true })) {
          await chown(join(folder, name), 65_534, 65_534);
        }
      }
      await chmod(file, 0);
    }

    async function asOther(work: () => Promise<void>): Promise<void> {
      const isDenied = (await stat(folder)).uid === 65_534;
      if (isDenied && isRoot) process.seteuid?.(65_534);
      try {
        await work();
      } finally {
        if (isDenied && isRoot) process.seteuid?.(0);
      }
    }
  });

  it("P5 takes the last step of a move that a killed process has begun", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    const text = await readFile(fileOf("a"), "utf8");
    // As such a process leaves it: the new file is there, and a last line in the old one names it.
    const target = `${fileOf("a")}~new`;
    await writeFile(target, text);
    const to = target.slice(path.length + 1);
    await appendFile(fileOf("a"), moved(to, 1));
    // However old it is, a sweep must not take it for something left behind.
    const longAgo = new Date(now - 9 * HOUR);
    await utimes(target, longAgo, longAgo);
    for (let turn = 0; turn < 5; turn += 1) await store.sweep(10, now);
    expect((await store.load(id("a")))?.record.revision).toBe(1);
    expect(await store.touch(id("a"), now + 1, now + HOUR, now)).toBe(true);
    expect(await readdir(join(fileOf("a"), ".."))).toHaveLength(1);
    expect(await readFile(fileOf("a"), "utf8")).toContain(text);
  });

  it("sweeps what killed processes have left behind, an hour later and not before", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    const left = [join(path, "drafts", "left"), `${fileOf("a")}~left`];
    const mark = join(path, "users", await userFolder(), "00".repeat(18));
    for (const file of [...left, mark]) await writeFile(file, "");
    const there = async () => (await everything()).filter((name) => /left|0{36}/.test(name)).length;
    const sweepAndList = async () => {
      for (let turn = 0; turn < 5; turn += 1) await store.sweep(10, now);
      await store.list({ userId: "ada", limit: 5 }, now);
    };
    await sweepAndList();
    expect(await there()).toBe(3);
    const longAgo = new Date(now - 2 * HOUR);
    for (const file of [...left, mark]) await utimes(file, longAgo, longAgo);
    await sweepAndList();
    expect(await there()).toBe(0);
    expect((await store.load(id("a")))?.record.revision).toBe(1);
  });

  async function userFolder(): Promise<string> {
    const [shard = ""] = await readdir(join(path, "users"));
    const [user = ""] = await readdir(join(path, "users", shard));
    return join(shard, user);
  }

  it("leaves nothing behind when everything was swept", async () => {
    const store = openStore({ durable: false });
    for (let index = 0; index < 100; index += 1) {
      await store.create(session(`s${index}`, `user ${index % 7}`), 0, now);
    }
    const close = { body: "", lastSeenAt: now, expiresAt: now + 10, close: true };
    for (let index = 0; index < 40; index += 1) await store.update(id(`s${index}`), 1, close, now);
    for (let index = 40; index < 60; index += 1) {
      await store.touch(id(`s${index}`), now, now + 2 * HOUR, now);
    }
    await store.cutOff("user 3", { keepUntil: now + HOUR }, now);
    expect(await store.sweep(1000, now + 10)).toBe(40);
    // Also where it was to be looked at before it was told to end sooner.
    const left = await everything();
    for (let index = 0; index < 40; index += 1) {
      expect(left.filter((name) => name.endsWith(hexOf(`s${index}`)))).toEqual([]);
    }
    expect(await store.sweep(25, now + HOUR)).toBe(25);
    expect(await store.sweep(1000, now + HOUR)).toBe(16);
    expect(await store.sweep(1000, now + 2 * HOUR)).toBe(20);
    const files = (await everything()).filter((name) => /[0-9a-f]{36}/.test(name));
    expect(files).toEqual([]);
  });

  it("is not opened on what a later version wrote, and leaves that alone", async () => {
    const store = openStore();
    await store.create(session("a"), 0, now);
    await writeFile(join(path, "version"), "2\n");
    expect(() => openStore()).toThrow("a later version of coatcheck");
    expect(await readFile(join(path, "version"), "utf8")).toBe("2\n");
  });

  it("has its version on the disk before it names it: an empty one would keep the app from starting", () => {
    const names: string[][] = [];
    const sync = vi.spyOn(fs, "fsyncSync").mockImplementation((fd) => {
      names.push(readdirSync(path));
      fs.fdatasyncSync(fd);
    });
    try {
      openStore();
    } finally {
      sync.mockRestore();
    }
    expect(names).toEqual([[expect.stringMatching(/^version-/)]]);
    expect(readdirSync(path)).toEqual(["version"]);
  });

  it("finds a folder that was put back from a copy", async () => {
    const store = openStore();
    await store.create(session("a", "ada"), 0, now);
    await store.cutOff("ada", { keepUntil: now + HOUR }, now);
    await rename(path, `${path}-copy`);
    await mkdir(path);
    expect(await store.load(id("a"))).toBeUndefined();
    await rm(path, { recursive: true });
    await rename(`${path}-copy`, path);
    expect((await store.load(id("a")))?.cutOff).toBe(now);
  });
});
