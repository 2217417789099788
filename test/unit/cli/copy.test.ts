import { readdir, rm } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { runCli } from "../../../src/cli/run.ts";
import { createSessions } from "../../../src/index.ts";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { encrypted } from "../../../src/stores/layers/encrypted.ts";
import { moving } from "../../../src/stores/layers/moving.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { createBrowser } from "../../support/jar.ts";
import { mariadbd, startMysql } from "../../support/mysql-server.ts";
import { describeWith } from "../../support/needs.ts";
import { poolAt, postgres, startPostgres } from "../../support/postgres-server.ts";
import { redisPrograms, startRedis } from "../../support/redis-servers.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { SECRET } from "../../support/ways.ts";

const OTHER = "KSpEzoXtPNE4ySc4vXZ1i0lVvWJcYhV3pR0fXrmO3nM";
const OLDER = "Zk7cZqQx2l3m5bYh0nT9sWv1uRj8pKd4gFa6eLo_iCE";
const ID = "a".repeat(24);
const now = Date.now();
const record = {
  id: ID,
  userId: "ada",
  lastSeenAt: now,
  expiresAt: now + 3_600_000,
  closed: false,
  body: '{"v":1}',
};

async function copy(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runCli(["copy", ...args], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

async function folder(name: string): Promise<string> {
  const path = await temporaryFolder(name);
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe("coatcheck copy", () => {
  it("moves an app that runs from one store to another, and nobody is signed out", async () => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const open = (store: Parameters<typeof createSessions>[0]["store"]) =>
      createSessions({ secrets: [SECRET], store: store as never });
    const before = open(lmdbStore({ path: old }));
    const cookies = new Map<string, string>();
    for (let user = 0; user < 40; user += 1) {
      const browser = createBrowser(before as never);
      await browser.signIn(`user${user}`);
      await browser.set("n", user);
      cookies.set(`user${user}`, browser.cookie());
    }
    await before.close();

    // Requests go on while it moves: each writes, and every tenth signs out.
    const during = open(
      moving({ from: lmdbStore({ path: old }), to: fileStore({ path: fresh }), move: true }),
    );
    const copying = copy("--from", `lmdb:${old}`, "--to", `file:${fresh}`, "--yes");
    const requests = [...cookies].map(async ([user, cookie], index) => {
      const browser = createBrowser(during as never);
      browser.plant(cookie);
      if (index % 10 === 0) await browser.visit((session) => session.signOut());
      else await browser.visit((session) => session.update("n", (n) => (n as number) + 1000));
      return user;
    });
    await Promise.all(requests);
    const { code, out } = await copying;
    expect(code).toBe(0);
    expect(out).toContain("Nothing is left to move.");
    await during.close();

    const after = open(fileStore({ path: fresh }));
    for (const [index, [user, cookie]] of [...cookies].entries()) {
      const browser = createBrowser(after as never);
      browser.plant(cookie);
      const loaded = await browser.read();
      const expected = index % 10 === 0 ? [undefined, undefined] : [user, index + 1000];
      expect([loaded.userId, loaded.get("n")]).toEqual(expected);
    }
    await after.close();
    // Once more: there is nothing to do, and nothing comes back.
    expect((await copy("--from", `lmdb:${old}`, "--to", `file:${fresh}`, "--yes")).out).toContain(
      "0 moved",
    );
  });

  it("P5 takes along what was revoked before: a sealed session that was signed out stays so", async () => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const open = (store: SessionStore) =>
      createSessions({ secrets: [SECRET], method: "sealed", store });
    const before = open(lmdbStore({ path: old }));
    const browser = createBrowser(before as never);
    await browser.signIn("ada");
    const copied = browser.cookie();
    await browser.visit((session) => session.signOut());
    await before.close();
    const args = ["--from", `lmdb:${old}`, "--to", `file:${fresh}`, "--yes"];
    expect([await copy(...args), await copy(...args)]).toMatchObject([{ code: 0 }, { code: 0 }]);
    const store = fileStore({ path: fresh });
    expect((await store.since(undefined)).revocations).toHaveLength(1);
    const after = open(store);
    const thief = createBrowser(after as never);
    thief.plant(copied);
    expect((await thief.read()).userId).toBeUndefined();
    await after.close();
  });

  it.each([
    ["plain", "encrypted", [], [SECRET]],
    ["encrypted", "plain", [SECRET], []],
    ["encrypted", "otherwise encrypted", [SECRET, OLDER], [OTHER]],
  ] as const)("moves what is %s to where it is %s", async (_, __, fromSecrets, toSecrets) => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const opened = (store: SessionStore, secrets: readonly string[]): SessionStore =>
      secrets.length === 0 ? store : encrypted(store, { secrets });
    const from = opened(fileStore({ path: old }), fromSecrets);
    await from.create(record, 0, now);
    await from.close();
    const { code, out } = await copy(
      ...["--from", `file:${old}`, "--to", `file:${fresh}`, "--yes"],
      ...fromSecrets.flatMap((secret) => ["--from-secret", secret]),
      ...toSecrets.flatMap((secret) => ["--to-secret", secret]),
    );
    expect([code, out]).toEqual([0, expect.stringContaining("1 moved. Nothing is left")]);
    const to = opened(fileStore({ path: fresh }), toSecrets);
    const moved = await to.load(ID);
    expect([moved?.record.userId, moved?.record.body.trim()]).toEqual(["ada", record.body]);
    await to.close();
  });

  it("moves what an earlier run was about to move so long ago that its copy is over", async () => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const [from, to] = [fileStore({ path: old }), fileStore({ path: fresh })];
    await from.create(record, 0, now);
    const left = { ...record, expiresAt: now - 1, body: `coatcheck-pending:1:${record.body}` };
    await to.create(left, 0, now);
    await Promise.all([from.close(), to.close()]);
    const { out } = await copy("--from", `file:${old}`, "--to", `file:${fresh}`, "--yes");
    expect(out).toContain("1 moved. Nothing is left");
  });

  it.each([
    ["plain", []],
    ["encrypted", [SECRET]],
  ])(
    "finishes what somebody was stopped in before the last step, which the old store lists no more: %s",
    async (_, secrets) => {
      const [old, fresh] = [await folder("old"), await folder("fresh")];
      const opened = (store: SessionStore) =>
        secrets.length > 0 ? encrypted(store, { secrets }) : store;
      const [from, to] = [opened(fileStore({ path: old })), opened(fileStore({ path: fresh }))];
      await from.create(record, 0, now);
      const stopped: SessionStore = { ...to, update: () => Promise.reject(new Error("stopped")) };
      await expect(moving({ from, to: stopped, move: true }).load(ID)).rejects.toThrow("stopped");
      await Promise.all([from.close(), to.close()]);
      const { out } = await copy(
        ...["--from", `file:${old}`, "--to", `file:${fresh}`, "--yes"],
        ...secrets.flatMap((secret) => ["--from-secret", secret, "--to-secret", secret]),
      );
      expect(out).toContain("Nothing is left to move");
      const alone = opened(fileStore({ path: fresh }));
      expect((await alone.load(ID))?.record.body.trim()).toBe(record.body);
      await alone.close();
    },
  );

  it("refuses to move what is encrypted without its secret, and says what cannot be read", async () => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const store = fileStore({ path: old });
    await encrypted(store, { secrets: [OLDER] }).create(record, 0, now);
    await encrypted(store, { secrets: [SECRET] }).create({ ...record, id: "b".repeat(24) }, 0, now);
    await store.close();
    const stores = ["--from", `file:${old}`, "--to", `file:${fresh}`, "--yes"];
    const refused = await copy(...stores);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("`--from-secret`")]);
    const joining = ["--from", `file:${fresh}`, "--to", `file:${old}`, "--yes"];
    expect((await copy(...joining)).err).toContain("`--to-secret`");
    const { out } = await copy(...stores, "--from-secret", SECRET, "--to-secret", SECRET);
    expect(out).toContain("1 moved. 1 stay:");
    expect(out).not.toContain(SECRET);
  });

  it("refuses to move what is encrypted also where the list begins with a page of what is over", async () => {
    const [old, fresh] = [await folder("old"), await folder("fresh")];
    const store = lmdbStore({ path: old });
    const over = { ...record, userId: undefined, expiresAt: now - 1 };
    const ids = Array.from({ length: 1500 }, (_, index) => `${index}`.padStart(24, "A"));
    await Promise.all(ids.map((id) => store.create({ ...over, id }, 0, now)));
    await encrypted(store, { secrets: [SECRET] }).create(record, 0, now);
    expect(await store.list({ limit: 1 }, now)).toMatchObject({ records: [] });
    await store.close();
    const { code, err } = await copy("--from", `lmdb:${old}`, "--to", `file:${fresh}`, "--yes");
    expect([code, err]).toEqual([2, expect.stringContaining("`--from-secret`")]);
  });

  it.each([
    ["redis://app:hunter22@127.0.0.1:1", "ECONNREFUSED"],
    ["postgres://app:hunter22@127.0.0.1:1/shop", "ECONNREFUSED"],
    ["mysql://app:hunter22@127.0.0.1:1/shop", "ECONNREFUSED"],
    ["redis://app:hunter22@127.0.0.1:port", "Invalid URL"],
    ["mysql://app:hunter22@127.0.0.1:port/shop", "Invalid URL"],
  ])(
    "P13 says in a line why it cannot connect to %s, without the password",
    async (url, reason) => {
      const { code, err } = await copy(
        "--from",
        url,
        "--to",
        `file:${await folder("to")}`,
        "--yes",
      );
      expect([code, err]).toEqual([1, expect.stringContaining(reason)]);
      expect(err).not.toContain("hunter22");
      expect(err.trim()).not.toContain("\n");
    },
  );

  it("refuses by name what cannot work, before it opens anything", async () => {
    for (const [args, option] of [
      [[], "--from"],
      [["--from", "lmdb:a"], "--to"],
      [["--from", "lmdb:a", "--to", "lmdb:a", "--yes"], "--to"],
      [["--from", "lmdb:a", "--to", "lmdb:b"], "--yes"],
      [["--from", "oracle:a", "--to", "lmdb:b", "--yes"], "--from"],
    ] as const) {
      const { code, err } = await copy(...args);
      expect([code, err]).toEqual([2, expect.stringContaining(`\`${option}\``)]);
    }
  });

  it("refuses by name what the store of an address does not have, and makes nothing", async () => {
    const path = await folder("coatcheck-copy-");
    await fileStore({ path: `${path}/from` }).create(record, 0, now);
    const from = `file:${path}/from`;
    for (const to of [
      `lmdb:${path}/to?namespce=shop`,
      `sqlite:${path}/to?namespace=shop&prefix=a`,
      `file:${path}/to?path=b`,
      "redis://app:hunter22@127.0.0.1:1/0?schema=shop",
      "postgres://app:hunter22@127.0.0.1:1/shop?prefix=shop_",
      "mysql://app:hunter22@127.0.0.1:1/shop?schema=shop",
    ]) {
      const { code, err } = await copy("--from", from, "--to", to, "--yes");
      expect([code, err], to).toEqual([2, expect.stringMatching(/`--to` takes no.*namespace/)]);
      expect(err).not.toContain("hunter22");
    }
    expect(await readdir(path)).toEqual(["from"]);
  });

  it("says where nothing is, and makes nothing there", async () => {
    const path = await folder("coatcheck-copy-");
    for (const kind of ["lmdb", "sqlite", "file"]) {
      const to = `file:${path}/new`;
      const { code, err } = await copy(
        "--from",
        `${kind}:${path}/misspelt?namespace=a`,
        "--to",
        to,
        "--yes",
      );
      expect([code, err]).toEqual([
        2,
        expect.stringMatching(/`--from` .*nothing is at .*misspelt\n/),
      ]);
    }
    expect(await readdir(path)).toEqual([]);
  });

  it("explains itself in lines that fit a terminal", async () => {
    const { code, out } = await copy("--help");
    expect(code).toBe(0);
    expect(out.split("\n").every((line) => line.length <= 90)).toBe(true);
  });
});

describeWith({ ...redisPrograms }, "coatcheck copy on Redis", () => {
  it("leaves no connection behind when an option cannot work", async () => {
    const server = await startRedis();
    const to = `file:${await folder("to")}`;
    const { code } = await copy("--from", `${server.url}?namespace=not%20one`, "--to", to, "--yes");
    expect(code).toBe(2);
    const clients = (await server.admin.call("CLIENT", "LIST")) as string;
    expect(clients.trim().split("\n")).toHaveLength(1);
    await server.stop();
  });
});

describeWith({ postgres, mariadb: mariadbd }, "coatcheck copy on SQL servers", () => {
  it("finds tables under the names that the addresses give", async () => {
    const [old, fresh] = await Promise.all([startPostgres(), startMysql()]);
    const addresses = [`${old.url}?schema=by_hand&namespace=shop`, `${fresh.uri}?prefix=by_hand_`];
    for (const address of addresses) {
      const io = { stdout: { write: () => true }, stderr: { write: () => true } };
      expect(await runCli(["migrate", address], io)).toBe(0);
    }
    const client = poolAt(old.url);
    const from = postgresStore({ client, schema: "by_hand", namespace: "shop" });
    await from.create(record, 0, now);
    const [source = "", target = ""] = addresses;
    const { code, out } = await copy("--from", source, "--to", target, "--yes");
    expect([code, out]).toEqual([0, expect.stringContaining("1 moved. Nothing is left")]);
    await client.end();
    await Promise.all([old.dispose(), fresh.dispose()]);
  });
});
