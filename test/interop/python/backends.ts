/**
 * The back ends of Python libraries as records: Redis and SQL through the peer, folders as they are.
 *
 * @module
 */

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ForeignRecord, ForeignRecords } from "../../../src/interop/source.ts";
import type { Peer } from "./peer.ts";

/** Files below a folder; a key is a path. */
export function filesIn(folder: string): ForeignRecords {
  return {
    async read(key) {
      try {
        return { value: await readFile(join(folder, key)) };
      } catch {
        return undefined;
      }
    },
    async write(key, { value }) {
      await mkdir(dirname(join(folder, key)), { recursive: true });
      await writeFile(join(folder, key), value, { mode: 0o600 });
    },
    async remove(key) {
      await rm(join(folder, key), { force: true });
    },
  };
}

/** Keys of a Redis server, with their time to live. */
export function redisKeys(peer: Peer, port: number): ForeignRecords {
  return {
    async read(key) {
      const found = await peer.call<{ data: string; ttl: number } | null>("redis_read", {
        port,
        key,
      });
      if (found === null) return undefined;
      const value = Buffer.from(found.data, "base64");
      return found.ttl < 0 ? { value } : { value, expiresAt: Date.now() + found.ttl };
    },
    async write(key, record) {
      const { expiresAt } = record;
      const ttl = expiresAt === undefined ? null : Math.round(expiresAt - Date.now());
      await peer.call("redis_write", { port, key, data: base64(record), ttl });
    },
    async remove(key) {
      await peer.call("redis_remove", { port, key });
    },
  };
}

/** Rows of Flask-Session's table `sessions`. */
export function flaskSessionRows(peer: Peer, path: string): ForeignRecords {
  return {
    async read(key) {
      const found = await peer.call<{ data: string; end: number } | null>("session_row_read", {
        path,
        key,
      });
      if (found === null) return undefined;
      return { value: Buffer.from(found.data, "base64"), expiresAt: found.end * 1000 };
    },
    async write(key, record) {
      const end = (record.expiresAt ?? 0) / 1000;
      await peer.call("session_row_write", { path, key, data: base64(record), end });
    },
    remove: async () => {},
  };
}

/** Rows of Beaker's table `beaker_cache`. */
export function beakerRows(peer: Peer, path: string): ForeignRecords {
  return {
    async read(key) {
      const data = await peer.call<string | null>("beaker_row_read", { path, key });
      return data === null ? undefined : { value: Buffer.from(data, "base64") };
    },
    async write(key, record) {
      await peer.call("beaker_row_write", { path, key, data: base64(record) });
    },
    remove: async () => {},
  };
}

/** Rows and files of Django's sessions and of its database cache. */
export function djangoRecords(
  peer: Peer,
  layout: "db" | "file" | "database-cache",
): ForeignRecords {
  return {
    async read(key) {
      const found = await peer.call<{ text: string; end?: number } | null>("django_record_read", {
        layout,
        key,
      });
      if (found === null) return undefined;
      const end = found.end === undefined ? {} : { expiresAt: found.end * 1000 };
      return { value: found.text, ...end };
    },
    async write(key, { value, expiresAt = 0 }) {
      await peer.call("django_record_write", { layout, key, text: value, end: expiresAt / 1000 });
    },
    remove: async () => {},
  };
}

/** Rows of a Django app's table `django_session`, in its SQLite file. */
export function djangoRows(peer: Peer, path: string): ForeignRecords {
  const run = async (statement: string, ...args: unknown[]) =>
    await peer.call<unknown[] | null>("sql", { path, statement, args });
  return {
    async read(key) {
      const statement =
        "SELECT session_data, expire_date FROM django_session WHERE session_key = ?";
      const row = await run(statement, key);
      if (row === null) return undefined;
      const [value, end] = row as [string, string];
      return { value, expiresAt: Date.parse(`${end.replace(" ", "T").slice(0, 23)}Z`) };
    },
    async write(key, { value, expiresAt = 0 }) {
      const statement = "INSERT OR REPLACE INTO django_session VALUES (?, ?, ?)";
      await run(
        statement,
        key,
        value,
        new Date(expiresAt).toISOString().replace(/[TZ]/g, " ").trim(),
      );
    },
    async remove(key) {
      await run("DELETE FROM django_session WHERE session_key = ?", key);
    },
  };
}

function base64({ value }: ForeignRecord): string {
  return Buffer.from(value).toString("base64");
}
