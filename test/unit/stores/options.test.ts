import { rm } from "node:fs/promises";
import { join } from "node:path";
import session from "express-session";
import { Redis } from "ioredis";
import Keyv from "keyv";
import Memcached from "memcached";
import mysql from "mysql2/promise";
import pg from "pg";
import { createStorage } from "unstorage";
import { afterAll, describe, expect, it } from "vitest";
import { d1Store } from "../../../src/stores/cloudflare-d1.ts";
import { durableObjectStore } from "../../../src/stores/cloudflare-do.ts";
import { expressSessionStore } from "../../../src/stores/express-session.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { keyvStore } from "../../../src/stores/keyv.ts";
import { cached } from "../../../src/stores/layers/cached.ts";
import { encrypted } from "../../../src/stores/layers/encrypted.ts";
import { moving } from "../../../src/stores/layers/moving.ts";
import { observed } from "../../../src/stores/layers/observed.ts";
import { readOnly } from "../../../src/stores/layers/read-only.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import {
  migrate as mysqlMigrate,
  migrations as mysqlMigrations,
  mysqlStore,
} from "../../../src/stores/mysql.ts";
import { migrate, migrations, postgresStore } from "../../../src/stores/postgres.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { unstorageStore } from "../../../src/stores/unstorage.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const folder = await temporaryFolder("options");
afterAll(() => rm(folder, { recursive: true }));
const path = join(folder, "sessions");

// Clients that are made and never connect.
const redis = new Redis({ lazyConnect: true });
const pool = new pg.Pool();
const mysqlPool = mysql.createPool({});
const memcached = new Memcached("127.0.0.1:1");
const keyv = new Keyv({ throwOnErrors: true });
const storage = createStorage();
const expressMemory = new session.MemoryStore();
const d1 = { prepare: () => ({ bind: () => undefined }), batch: async () => [] };
const objects = { idFromName: () => "", get: () => ({ fetch: async () => new Response() }) };
const clients = [redis, pool, mysqlPool, memcached, keyv, storage, expressMemory, d1, objects];

/** Everything but the right one. */
function noClient(...right: readonly object[]): unknown[] {
  const others = clients.filter((client) => !right.includes(client));
  return [undefined, null, "", "redis://127.0.0.1", {}, memoryStore(), ...others];
}

const clock = [null, 0, "now", {}];
const flag = [null, "", "false", 0, 1];
const name = [null, 0, "a b", "a/b", "x".repeat(65)];
const tablePrefix = [null, 0, "", "Shop", "a`b", "x".repeat(64)];
const folderPath = [undefined, null, "", 5, {}];
const forgets = [null, "restart", ["everything"], [null]];
const bytes = [null, "", "67108864", -1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY];
const whole = [null, "", "8", -1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY];
const duration = [null, "", "10", "10 s", -1, 0, Number.NaN, Number.POSITIVE_INFINITY];
const bridge = { prefix: name, forgets, clock };

/** What makes it, options that work, and for each option that there is what cannot be its value. */
type Case = readonly [
  name: string,
  make: (options: never) => unknown,
  options: object,
  wrong: Readonly<Record<string, readonly unknown[]>>,
];

const cases: readonly Case[] = [
  ["memoryStore", memoryStore, {}, { maxBytes: bytes, clock }],
  ["lmdbStore", lmdbStore, { path }, { path: folderPath, namespace: name, maxBytes: bytes, clock }],
  ["fileStore", fileStore, { path }, { path: folderPath, durable: flag, namespace: name, clock }],
  [
    "sqliteStore",
    sqliteStore,
    { path },
    {
      path: [...folderPath, ":memory:"],
      durable: flag,
      database: [null, "", {}, pool, d1],
      namespace: name,
      clock,
    },
  ],
  [
    "redisStore",
    redisStore,
    { client: redis },
    {
      client: noClient(redis),
      namespace: ["", ...name],
      subscriber: [null, false, "", {}, redis, pool, keyv],
      confirm: [null, true, 1, "", []],
      forgets,
      clock,
    },
  ],
  [
    "postgresStore",
    postgresStore,
    { client: pool },
    {
      client: noClient(pool),
      namespace: name,
      schema: tablePrefix,
      prepare: flag,
      notify: flag,
      listenOn: [null, "", {}, mysqlPool, new pg.Pool()],
    },
  ],
  [
    "mysqlStore",
    mysqlStore,
    { client: mysqlPool },
    { client: noClient(mysqlPool), namespace: name, prefix: tablePrefix, prepare: flag },
  ],
  [
    "memcachedStore",
    memcachedStore,
    { client: memcached },
    { client: noClient(memcached), prefix: name },
  ],
  ["keyvStore", keyvStore, { client: keyv }, { client: noClient(keyv), ...bridge }],
  ["unstorageStore", unstorageStore, { client: storage }, { client: noClient(storage), ...bridge }],
  [
    "expressSessionStore",
    expressSessionStore,
    { client: expressMemory },
    { client: noClient(expressMemory), ...bridge },
  ],
  [
    "d1Store",
    d1Store,
    { client: d1 },
    {
      client: [...noClient(d1), { ...d1, getBookmark: () => null }],
      prefix: tablePrefix,
      createTables: flag,
      clock,
    },
  ],
  [
    "durableObjectStore",
    durableObjectStore,
    { client: objects },
    { client: noClient(objects), objects: [...whole, 1025], prefix: tablePrefix, clock },
  ],
  [
    "cached",
    (options) => cached(memoryStore(), options),
    {},
    { maxAge: duration, maxBytes: bytes, staleFor: duration, clock },
  ],
  [
    "moving",
    moving,
    { from: memoryStore(), to: memoryStore() },
    {
      from: [undefined, null, "", {}, memoryStore],
      to: [undefined, null, "", {}, memoryStore],
      move: flag,
      clock,
    },
  ],
  [
    "encrypted",
    (options) => encrypted(memoryStore(), options as never),
    { secrets: ["SrxvflNP2WYaPfax3dj0j6srk49f8-UQhoRGHJyfRe0"] },
    { secrets: [undefined, null, "", [], [""], [null], "SrxvflNP2WYaPfax3dj0j6srk49f"], clock },
  ],
  ["readOnly", (options) => readOnly(memoryStore(), options), {}, { when: [null, true, "", {}] }],
  [
    "observed",
    (options) => observed(memoryStore(), options),
    {},
    {
      name: [null, "", 5],
      onCall: [null, "", {}],
      buckets: [null, "", 5, [0], [-1], [2, 1], [1, 1], [Number.NaN], ["1"]],
    },
  ],
];

function error(option: string, problem?: string): Error {
  return expect.objectContaining({
    code: "ERR_CONFIG",
    option,
    ...(problem !== undefined && { message: expect.stringContaining(problem) }),
  }) as Error;
}

describe.each(cases)("the options of %s", (_name, make, options, wrong) => {
  const known = Object.keys(wrong);
  const made = (given: unknown) => () => make(given as never);

  it("are refused by name when there is no such option, with those that there are", () => {
    for (const misspelt of ["max", "ttl", "tabelName", "onError"]) {
      const problem = `is not known; there are ${known.join(", ")}`;
      expect(made({ ...options, [misspelt]: 1 }), misspelt).toThrow(error(misspelt, problem));
    }
  });

  it("are refused when they are no object", () => {
    for (const given of [null, "data/sessions", 5, true, [], () => true]) {
      expect(made(given), String(given)).toThrow(error("options", known.join(", ")));
    }
  });

  it("are refused by name where one is needed and none is given", () => {
    const [needed] = Object.keys(options);
    if (needed === undefined) expect(made(undefined)).not.toThrow();
    else expect(made(undefined)).toThrow(error(needed));
  });

  it.each(Object.entries(wrong))("are refused by name when `%s` cannot work", (option, values) => {
    for (const value of values) {
      // A database of the app stands in the place of a path.
      const others = option === "database" ? {} : options;
      expect(made({ ...others, [option]: value }), String(value)).toThrow(error(option));
    }
  });
});

it("the options of `confirm` of redisStore are refused by name", () => {
  const made = (confirm: object) => () => redisStore({ client: redis, confirm } as never);
  expect(made({ replica: 2 })).toThrow(error("confirm.replica", "there are replicas, timeout"));
  for (const value of whole) {
    expect(made({ replicas: value })).toThrow(error("confirm.replicas"));
    expect(made({ replicas: 1, timeout: value })).toThrow(error("confirm.timeout"));
  }
});

it("the options of migrations are refused by name", async () => {
  const prefix = { prefix: "shop_" } as never;
  expect(() => migrations(prefix)).toThrow(error("prefix", "there are schema"));
  await expect(migrate(pool, prefix)).rejects.toThrow(error("prefix", "there are schema"));
  const schema = { schema: "shop" } as never;
  expect(() => mysqlMigrations(schema)).toThrow(error("schema", "there are prefix"));
  await expect(mysqlMigrate(mysqlPool, schema)).rejects.toThrow(
    error("schema", "there are prefix"),
  );
});

it("`durable` of sqliteStore beside a database of the app is refused, whatever it says", () => {
  for (const durable of [true, false]) {
    expect(() => sqliteStore({ database: {}, durable } as never)).toThrow(error("durable"));
  }
});

it("`listenOn` of postgresStore is refused where nothing is told", () => {
  const listenOn = new pg.Pool();
  expect(() => postgresStore({ client: pool, listenOn })).toThrow(
    error("listenOn", "`notify: true`"),
  );
  expect(postgresStore({ client: pool, listenOn, notify: true }).watch).toBeTypeOf("function");
});
