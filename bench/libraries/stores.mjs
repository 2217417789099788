/**
 * Every store beside what its own client does bare: a `get` and a `set` of one text under one key, on the
 * same server or disk, with the same settings, and as durable.
 *
 * A kind has `store`, `bytes()`, `bare` with `get`, `set` and `bytes()`, `says` (what the bare calls are), and
 * `close()`. Bytes are what the server, the file system or the collector says that everything kept takes; in
 * memory a bare text takes none, since it is there already.
 *
 * @module
 */

import { mkdir, open, readdir, readFile, rename, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { ONE_DAY } from "../fixture.mjs";
import { built } from "./built.mjs";

const CONNECTIONS = 16;

export const storeKinds = {
  async memory() {
    const { memoryStore } = await built("stores/memory");
    const texts = new Map();
    return {
      store: memoryStore({ maxBytes: 2 ** 30 }),
      bytes: heap,
      bare: {
        get: async (key) => texts.get(key),
        set: async (key, text) => void texts.set(key, text),
      },
      says: "`get` and `set` of a `Map`",
    };
  },

  async lmdb({ folder }) {
    const { lmdbStore } = await built("stores/lmdb");
    const lmdb = await import("lmdb");
    const paths = { store: join(folder, "store"), bare: join(folder, "bare") };
    const bare = lmdb.open({ path: paths.bare, encoding: "string" });
    return {
      store: lmdbStore({ path: paths.store }),
      bytes: () => onDisk(paths.store),
      bare: {
        get: async (key) => bare.get(key),
        set: (key, text) => bare.put(key, text),
        bytes: () => onDisk(paths.bare),
      },
      says: "`get` and `put` of `lmdb`",
      close: () => bare.close(),
    };
  },

  async sqlite({ folder }) {
    const { sqliteStore } = await built("stores/sqlite");
    const { default: Database } = await import("better-sqlite3");
    const openFile = (path) => {
      const database = new Database(path);
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = FULL");
      return database;
    };
    const size = (database) =>
      database.pragma("page_count", { simple: true }) *
      database.pragma("page_size", { simple: true });
    const database = openFile(join(folder, "store.db"));
    const bare = openFile(join(folder, "bare.db"));
    bare.exec("CREATE TABLE bare (id TEXT PRIMARY KEY, body TEXT, expires_at REAL) WITHOUT ROWID");
    const get = bare.prepare("SELECT body, expires_at FROM bare WHERE id = ?");
    const set = bare.prepare("INSERT OR REPLACE INTO bare VALUES (?, ?, ?)");
    return {
      store: sqliteStore({ database }),
      bytes: async () => size(database),
      bare: {
        get: async (key) => get.get(key)?.body,
        set: async (key, text) => void set.run(key, text, Date.now()),
        bytes: async () => size(bare),
      },
      says: "a select and an upsert with `better-sqlite3`",
      async close() {
        database.close();
        bare.close();
      },
    };
  },

  async file({ folder }) {
    const { fileStore } = await built("stores/file");
    const paths = { store: join(folder, "store"), bare: join(folder, "bare") };
    await mkdir(paths.bare);
    let drafts = 0;
    return {
      store: fileStore({ path: paths.store }),
      bytes: () => onDisk(paths.store),
      bare: {
        get: (key) => readFile(join(paths.bare, key), "utf8"),
        async set(key, text) {
          drafts += 1;
          const draft = join(paths.bare, `draft-${drafts}`);
          const file = await open(draft, "w");
          await file.writeFile(text);
          await file.sync();
          await file.close();
          await rename(draft, join(paths.bare, key));
        },
        bytes: () => onDisk(paths.bare),
      },
      says: "`readFile`, and `writeFile`, `sync` and `rename`",
    };
  },

  async redis({ url }) {
    const { createClient } = await import("redis");
    const client = await createClient({ url }).connect();
    const used = async () => usedMemory(await client.info("memory"));
    return redisKind(client, used);
  },

  async "redis, cluster"({ url }) {
    const { createCluster } = await import("redis");
    const client = createCluster({ rootNodes: [{ url }] });
    await client.connect();
    async function used() {
      const all = client.masters.map(async (master) => {
        const node = await client.nodeClient(master);
        return usedMemory(await node.info("memory"));
      });
      return (await Promise.all(all)).reduce((sum, bytes) => sum + bytes, 0);
    }
    return redisKind(client, used);
  },

  async postgres({ url }) {
    const { default: pg } = await import("pg");
    const { migrate, postgresStore } = await built("stores/postgres");
    const client = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    await migrate(client);
    await client.query("CREATE TABLE bare (id text PRIMARY KEY, body text, expires_at float8)");
    const GET = "SELECT body, expires_at FROM bare WHERE id = $1";
    const SET = `INSERT INTO bare VALUES ($1, $2, $3)
      ON CONFLICT (id) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at`;
    // Pages that nothing is in yet don't count: where several wait to write, the server adds up to 20 for each
    // (`RelationAddExtraBlocks`), and how many wait is a matter of the machine's load.
    const bytes = async (table) => {
      const { rows } = await client.query(
        `SELECT (pg_total_relation_size($1) - pg_relation_size($1)
          + current_setting('block_size')::int * count(DISTINCT (ctid::text::point)[0]))::int AS bytes
          FROM ${table}`,
        [table],
      );
      return rows[0].bytes;
    };
    return {
      store: postgresStore({ client, prepare: true }),
      bytes: () => bytes("coatcheck.sessions"),
      bare: {
        async get(key) {
          const { rows } = await client.query({ name: "get", text: GET, values: [key] });
          return rows[0]?.body;
        },
        set: (key, text) =>
          client.query({ name: "set", text: SET, values: [key, text, Date.now()] }),
        bytes: () => bytes("bare"),
      },
      says: "a select and an upsert, prepared, with `pg`",
      close: () => client.end(),
    };
  },

  async mysql({ url }) {
    const { default: mysql } = await import("mysql2/promise");
    const { migrate, mysqlStore } = await built("stores/mysql");
    const client = mysql.createPool({ uri: url, connectionLimit: CONNECTIONS });
    await client.query("CREATE DATABASE bench");
    await client.query("USE bench");
    await client.end();
    const uri = url.replace(/[^/]*$/, "bench");
    const pool = mysql.createPool({ uri, connectionLimit: CONNECTIONS });
    await migrate(pool);
    await pool.query(
      "CREATE TABLE bare (id VARBINARY(24) PRIMARY KEY, body MEDIUMBLOB, expires_at DOUBLE)",
    );
    const GET = "SELECT body, expires_at FROM bare WHERE id = ?";
    const SET = `INSERT INTO bare VALUES (?, ?, ?)
      ON DUPLICATE KEY UPDATE body = VALUES(body), expires_at = VALUES(expires_at)`;
    // Pages with rows, which are all in the server's memory here. What InnoDB has set aside for those to come
    // (64 pages at a time) is up to a third of so small a table, and as much or as little as the load had it.
    const bytes = async (table) => {
      const [rows] = await pool.query(
        `SELECT count(*) * @@innodb_page_size AS bytes FROM information_schema.innodb_buffer_page
         WHERE table_name = ? AND number_records > 0`,
        [`\`bench\`.\`${table}\``],
      );
      return Number(rows[0].bytes);
    };
    return {
      store: mysqlStore({ client: pool, prepare: true }),
      bytes: () => bytes("coatcheck_sessions"),
      bare: {
        async get(key) {
          const [rows] = await pool.execute(GET, [key]);
          return rows[0]?.body.toString();
        },
        set: (key, text) => pool.execute(SET, [key, text, Date.now()]),
        bytes: () => bytes("bare"),
      },
      says: "a select and an upsert, prepared, with `mysql2`",
      close: () => pool.end(),
    };
  },

  async memcached({ url }) {
    const { MemcacheClient } = await import("memcache-client");
    const { memcachedStore } = await built("stores/memcached");
    const { host } = new URL(url);
    const client = new MemcacheClient({ server: host, noDelay: true });
    const used = () => memcachedBytes(host);
    return {
      store: memcachedStore({ client }),
      bytes: used,
      bare: {
        get: async (key) => (await client.get(key))?.value,
        set: (key, text) => client.set(key, text, { lifetime: ONE_DAY }),
        bytes: used,
      },
      says: "`get` and `set` of `memcache-client`",
      close: () => client.shutdown(),
    };
  },

  async keyv({ url }) {
    const { default: Keyv } = await import("keyv");
    const { default: KeyvRedis } = await import("@keyv/redis");
    const { keyvStore } = await built("stores/keyv");
    const adapter = new KeyvRedis(url, { throwOnErrors: true });
    const client = new Keyv({ store: adapter, throwOnErrors: true });
    const used = async () => usedMemory(await (await adapter.getClient()).info("memory"));
    return {
      store: keyvStore({ client }),
      bytes: used,
      bare: {
        get: (key) => client.get(key),
        set: (key, text) => client.set(key, text, ONE_DAY * 1000),
        bytes: used,
      },
      says: "`get` and `set` of Keyv on Redis",
      close: () => client.disconnect(),
    };
  },

  async unstorage() {
    const { createStorage } = await import("unstorage");
    const { unstorageStore } = await built("stores/unstorage");
    const client = createStorage();
    return {
      store: unstorageStore({ client }),
      bytes: heap,
      bare: {
        get: (key) => client.getItem(key),
        set: (key, text) => client.setItem(key, text),
      },
      says: "`getItem` and `setItem` of unstorage in memory",
    };
  },

  async "express-session"({ url }) {
    const { createClient } = await import("redis");
    const { RedisStore } = await import("connect-redis");
    const { expressSessionStore } = await built("stores/express-session");
    const redis = await createClient({ url }).connect();
    const client = new RedisStore({ client: redis });
    const used = async () => usedMemory(await redis.info("memory"));
    return {
      store: expressSessionStore({ client }),
      bytes: used,
      bare: {
        get: async (key) => (await client.get(key))?.text,
        set: (key, text) => client.set(key, { cookie: {}, text }),
        bytes: used,
      },
      says: "`get` and `set` of `connect-redis`",
      close: () => redis.close(),
    };
  },
};

async function redisKind(client, used) {
  const { redisStore } = await built("stores/redis");
  return {
    store: redisStore({ client }),
    bytes: used,
    bare: {
      get: (key) => client.get(key),
      set: (key, text) => client.set(key, text, { EX: ONE_DAY }),
      bytes: used,
    },
    says: "`GET` and `SET` with `EX` of `redis`",
    close: () => client.close(),
  };
}

const usedMemory = (info) => Number(/used_memory:(\d+)/.exec(info)[1]);

async function memcachedBytes(host) {
  const [name, port] = host.split(":");
  const socket = connect(Number(port), name);
  socket.write("stats\r\nquit\r\n");
  let text = "";
  for await (const piece of socket) text += piece;
  return Number(/STAT bytes (\d+)/.exec(text)[1]);
}

async function heap() {
  for (let n = 0; n < 3; n += 1) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What the files of a folder take on the disk, in its blocks. */
async function onDisk(folder) {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      bytes += (await stat(join(entry.parentPath ?? entry.path, entry.name))).blocks * 512;
  }
  return bytes;
}
