/**
 * Keeps sessions in an LMDB file: embedded, crash-safe, shared by the processes of one machine.
 *
 * Needs the package `lmdb` beside coatcheck.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { ConfigError, requireName, section } from "../errors.ts";
import { dateNow } from "../lib/clock.ts";
import type { Revocations, SessionStore } from "./contract.ts";
import { openLmdbFile } from "./lmdb-file.ts";
import { lmdbKeys } from "./lmdb-keys.ts";
import { messageOf } from "./lmdb-open.ts";
import type { LmdbSpace } from "./lmdb-steps.ts";
import {
  addToFeed,
  bytesInUse,
  createSession,
  cutUserOff,
  isDue,
  isReadable,
  listAll,
  listUser,
  readCutOff,
  readFeed,
  readRecord,
  sweepSome,
  touchSession,
  updateSession,
} from "./lmdb-steps.ts";

export interface LmdbStoreOptions {
  /**
   * The folder of the file, made when it is absent, readable by its owner only. On a disk of this
   * machine: LMDB does not work over a network.
   */
  readonly path: string;
  /** Sets apart apps that share a file. @default "" */
  readonly namespace?: string | undefined;
  /**
   * How much the file may hold, in bytes. Above it what is over makes room; where nothing is, new sessions
   * and longer ones are refused with an error. Signing out, touching and sweeping go on.
   *
   * @default what the disk holds
   */
  readonly maxBytes?: number | undefined;
  /** Tells which revocations are over, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

const KNOWN = ["path", "namespace", "maxBytes", "clock"] as const;
const MAX_BODY_BYTES = 1024 * 1024;
const LEAST_BYTES = 1024 * 1024;
// What one transaction of a sweep looks at: a few milliseconds.
const SWEEP_BATCH = 100;

/**
 * Creates a store on an LMDB file, which is opened at once.
 *
 * @throws {ConfigError} when an option cannot work.
 * @throws {Error} when the file cannot be opened: it is damaged, or the disk is full.
 * @example
 * ```ts
 * const store = lmdbStore({ path: "data/sessions" });
 * const sessions = createSessions({ secrets, store });
 * ```
 */
export function lmdbStore(options: LmdbStoreOptions): SessionStore & Revocations {
  const { path, namespace, maxBytes, clock } = checked(options);
  const keys = lmdbKeys(namespace);
  const file = openLmdbFile(path);
  const space: LmdbSpace = {
    get table() {
      return file.table;
    },
    keys,
  };
  let isOpen = true;
  const problem = whyUnreadable(space);
  if (problem !== undefined) {
    file.release().catch(() => undefined);
    throw new Error(`the LMDB file in ${path} ${problem}`);
  }

  function requireOpen(): void {
    if (!isOpen) throw new Error("the LMDB store is closed");
  }

  async function beginRead(): Promise<void> {
    requireOpen();
    await file.beginRead();
  }

  async function write<Result>(bytes: number, work: () => Result): Promise<Result> {
    requireOpen();
    return file.write(bytes, work);
  }

  const isFilled = () => maxBytes !== undefined && bytesInUse(space) >= maxBytes;

  /** Where nobody sweeps it is full of what is over. Those who come later find room. */
  function makeRoom(now: number): void {
    if (isFilled()) sweepSome(space, SWEEP_BATCH, now);
  }

  function requireRoom(): void {
    if (!isFilled()) return;
    throw new Error(
      `the LMDB file in ${path} holds the ${maxBytes} bytes that \`maxBytes\` allows`,
    );
  }

  return {
    name: "lmdb",
    traits: {
      maxBodyBytes: MAX_BODY_BYTES,
      ownClock: false,
      conditionalWrites: true,
      forgets: [],
      shared: true,
    },

    async load(id) {
      await beginRead();
      const key = keys.session(id);
      const record = key && readRecord(space, id, key);
      return record && { record, cutOff: readCutOff(space, record.userId).at };
    },

    async create(record, startedAgo, now) {
      const key = keys.session(record.id);
      if (key === undefined) throw new TypeError("a session id is 24 base64url characters");
      // A copy: it is written later, and the caller's object may have changed by then.
      const given = { ...record };
      return write(given.body.length, () => {
        makeRoom(now);
        requireRoom();
        return createSession(space, key, given, now - startedAgo);
      });
    },

    async update(id, revision, next, now) {
      const key = keys.session(id);
      if (key === undefined) return false;
      const given = { ...next };
      return write(given.body.length, () => {
        makeRoom(now);
        return updateSession(space, key, revision, given, now, requireRoom);
      });
    },

    async touch(id, lastSeenAt, expiresAt, now) {
      const key = keys.session(id);
      if (key === undefined) return false;
      return write(1, () => touchSession(space, key, lastSeenAt, expiresAt, now));
    },

    async cutOff(userId, { except, keepUntil }, now) {
      return write(1, () => cutUserOff(space, userId, { except, keepUntil }, now));
    },

    async list({ userId, cursor, limit }, now) {
      await beginRead();
      if (userId === undefined) return listAll(space, cursor, limit, now);
      return listUser(space, userId, cursor, limit, now);
    },

    async sweep(limit, now) {
      await beginRead();
      file.clearStaleReaders();
      let removed = 0;
      // With nothing to do there is no need to wait for the other writers and for the disk.
      while (removed < limit && isDue(space, now)) {
        const most = Math.min(SWEEP_BATCH, limit - removed);
        removed += await write(1, () => sweepSome(space, most, now));
        await beginRead();
      }
      return removed;
    },

    async close() {
      if (!isOpen) return;
      isOpen = false;
      await file.release();
    },

    async add(revocation) {
      const given = { ...revocation };
      await write(1, () => addToFeed(space, given));
    },

    async since(cursor) {
      const now = clock();
      await beginRead();
      const { revocations, end, more } = readFeed(space, Number(cursor));
      // Who reads on at once lets other events have their turn.
      if (more) await setImmediate();
      return {
        revocations: revocations.filter(({ until }) => until > now),
        cursor: `${end}`,
        more,
      };
    },
  };
}

function whyUnreadable(space: LmdbSpace): string | undefined {
  try {
    return isReadable(space) ? undefined : "was written by a later version of coatcheck";
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

function checked(options: LmdbStoreOptions) {
  const { path, namespace = "", maxBytes, clock = dateNow } = section("options", options, KNOWN);
  if (typeof path !== "string" || path === "") {
    throw new ConfigError("path", "must name a folder, such as `data/sessions`");
  }
  requireName("namespace", namespace);
  if (maxBytes !== undefined && (!Number.isSafeInteger(maxBytes) || maxBytes < LEAST_BYTES)) {
    throw new ConfigError("maxBytes", `must be a whole number of bytes from ${LEAST_BYTES} on`);
  }
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  return { path, namespace, maxBytes, clock };
}
