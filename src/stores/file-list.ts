/**
 * Pages of the sessions in the folder of a file store, in the order of their ids.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { ListPage, ListQuery, SessionRecord } from "./contract.ts";
import type { CutOff, CutOffs } from "./file-cut-offs.ts";
import { markOf } from "./file-cut-offs.ts";
import type { Disk } from "./file-disk.ts";
import { unreadable } from "./file-log.ts";
import { idOf, SESSIONS, userPath } from "./file-paths.ts";
import { isLive } from "./file-session.ts";
import type { SessionFiles } from "./file-sessions.ts";
import { LEFT_BEHIND_MS } from "./file-sweep.ts";

// What one page looks at besides what it returns, and what is read before other events get their turn:
// some milliseconds each.
const LIST_SCAN = 500;
const READS_IN_A_ROW = 50;

/** Makes what `list` does. The cursor is the name of a session's file. */
export function listerOn(
  disk: Disk,
  sessions: SessionFiles,
  cutOffs: CutOffs,
): (query: ListQuery, now: number) => Promise<ListPage> {
  /** Goes through names in order until a page is full. */
  async function pageOf(
    names: AsyncIterable<string>,
    limit: number,
    cursor: string | undefined,
    isListed: (record: SessionRecord, cutOff: CutOff) => boolean,
    onOther?: (name: string, record: SessionRecord | undefined) => Promise<void>,
  ): Promise<ListPage> {
    const records: SessionRecord[] = [];
    let before = cursor;
    let looked = 0;
    for await (const name of names) {
      if (looked === limit + LIST_SCAN) return { records, cursor: before };
      looked += 1;
      if (looked % READS_IN_A_ROW === 0) await setImmediate();
      const record = await sessions.read(name).catch(unreadable);
      if (record === "unreadable") {
        // Whoever asks for this one is told. What it is found by stays: it may be mended.
        before = name;
        continue;
      }
      const cut = await cutOffs.of(record?.userId);
      const isOne = record !== undefined && isListed(record, cut);
      if (isOne && records.length === limit) return { records, cursor: before };
      before = name;
      if (isOne) records.push({ ...record, mark: markOf(record, cut) });
      else await onOther?.(name, record);
    }
    return { records };
  }

  async function* namesOf(folders: readonly string[], after: string): AsyncIterable<string> {
    for (const folder of folders) {
      for (const name of await disk.list(folder)) {
        if (name > after && idOf(name) !== undefined) yield name;
      }
    }
  }

  async function list({ userId, cursor, limit }: ListQuery, now: number): Promise<ListPage> {
    const after = cursor ?? "";
    const isAbove = (record: SessionRecord, cut: CutOff): boolean =>
      isLive(record, now) && (record.userId === undefined || markOf(record, cut) > cut.at);
    if (userId === undefined) {
      const shards = (await disk.list(SESSIONS)).filter((shard) => shard >= after.slice(0, 2));
      const folders = shards.map((shard) => `${SESSIONS}/${shard}`);
      return pageOf(namesOf(folders, after), limit, cursor, isAbove);
    }
    const isUsers = (record: SessionRecord, cut: CutOff): boolean =>
      record.userId === userId && isAbove(record, cut);
    const folder = userPath(userId);
    return pageOf(namesOf([folder], after), limit, cursor, isUsers, async (name, record) => {
      const path = `${folder}/${name}`;
      // Left behind by a process that was killed; without a session, by one that may be at it still.
      const isLeft = record === undefined ? (await disk.age(path)) > LEFT_BEHIND_MS : record.closed;
      if (isLeft) await sessions.leaveUser(userId, name);
    });
  }

  return list;
}
