/**
 * Goes along everything that a Redis store keeps, primary by primary: for lists of everyone's sessions
 * and for sweeps.
 *
 * @module
 */

import type { ListPage, SessionRecord } from "./contract.ts";
import type { RedisLink, RedisNode } from "./redis-client.ts";
import { HOME_LENGTH } from "./redis-home.ts";
import { text, toPage } from "./redis-replies.ts";
import type { RedisRunner } from "./redis-run.ts";
import { LIST, SWEEP } from "./redis-scripts.ts";

/** What goes along needs of the store. */
export interface RedisSpace {
  readonly link: RedisLink;
  /** The key of a home. */
  readonly homeKey: (home: string) => string;
  readonly run: RedisRunner["run"];
}

// What one `SCAN` looks at. Always the same, so that pages of every size come in one order.
const SCAN_COUNT = 100;
// How often one page of a list looks on before it stays short.
const MOST_SCANS = 200;

interface Scanned {
  readonly homes: readonly string[];
  readonly next: string;
}

async function scan(space: RedisSpace, node: RedisNode, cursor: string): Promise<Scanned> {
  const beginning = space.homeKey("").slice(0, -1);
  const command = ["SCAN", cursor, "MATCH", `${beginning}*`, "COUNT", `${SCAN_COUNT}`];
  const [next, keys] = (await node.send(command)) as [unknown, readonly unknown[]];
  const found = keys.map((key) =>
    text(key).slice(beginning.length, beginning.length + HOME_LENGTH),
  );
  // A server that has less to keep than before may tell of a key twice.
  return { homes: [...new Set(found)], next: text(next) };
}

async function sortedNodes({ link }: RedisSpace): Promise<readonly RedisNode[]> {
  return [...(await link.nodes())].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** The keys of homes, in groups that one command may have. */
function inGroups({ link, homeKey }: RedisSpace, homes: readonly string[]): readonly string[][] {
  const keys = homes.map(homeKey);
  if (!link.isCluster) return keys.length === 0 ? [] : [keys];
  return keys.map((key) => [key]);
}

/** Where a list of everyone's sessions goes on. */
interface Position {
  /** The address of the primary. */
  readonly node: string;
  /** Where its `SCAN` goes on; "" when it has come to the end. */
  readonly scan: string;
  /** Homes that were found and not given yet. */
  readonly homes: readonly string[];
  /** The last session of the first of them that was given, without its home. */
  readonly after: string;
}

/** A page of everyone's sessions, in the order in which the primaries come upon them. */
export async function listAll(
  space: RedisSpace,
  cursor: string | undefined,
  limit: number,
  now: number,
): Promise<ListPage> {
  const nodes = await sortedNodes(space);
  let at = cursor === undefined ? positionAt(nodes[0]) : parsePosition(cursor);
  const records: SessionRecord[] = [];
  for (let scans = 0; records.length < limit; ) {
    if (at.homes.length > 0) {
      at = await readHomes(space, at, limit, now, records);
    } else if (at.scan === "") {
      const next = nodes.find(({ address }) => address > at.node);
      if (next === undefined) return { records };
      at = positionAt(next);
    } else {
      if (scans === MOST_SCANS) break;
      scans += 1;
      const node = nodes.find(({ address }) => address === at.node);
      // A primary that is gone has nothing more to tell.
      const found = node && (await scan(space, node, at.scan));
      const isEnd = found === undefined || found.next === "0";
      at = { ...at, scan: isEnd ? "" : found.next, homes: found?.homes ?? [], after: "" };
    }
  }
  const isLast = at.homes.length === 0 && at.scan === "" && at.node === nodes.at(-1)?.address;
  return isLast ? { records } : { records, cursor: formatPosition(at) };
}

/** Reads sessions of the homes that were found, up to the limit. @returns where to go on. */
async function readHomes(
  space: RedisSpace,
  at: Position,
  limit: number,
  now: number,
  records: SessionRecord[],
): Promise<Position> {
  const room = limit - records.length;
  const homes = at.homes.slice(0, room);
  const replies = await Promise.all(
    inGroups(space, homes).map((keys, index) =>
      space.run(LIST, keys, now, room, "", index === 0 ? at.after : ""),
    ),
  );
  const pages = (replies as unknown[][]).flat();
  for (const [index, home] of homes.entries()) {
    const page = toPage(home, pages[index]);
    const left = limit - records.length;
    const taken = page.records.slice(0, left);
    records.push(...taken);
    if (page.hasMore || page.records.length > left) {
      // One that none was taken of is read anew, from where its reading began.
      const before = index === 0 ? at.after : "";
      const after = taken.at(-1)?.id.slice(HOME_LENGTH) ?? before;
      return { ...at, homes: at.homes.slice(index), after };
    }
  }
  return { ...at, homes: at.homes.slice(homes.length), after: "" };
}

function positionAt(node: RedisNode | undefined): Position {
  if (node === undefined) throw new Error("the Redis client knows of no primary");
  return { node: node.address, scan: "0", homes: [], after: "" };
}

function formatPosition({ node, scan, homes, after }: Position): string {
  return [scan, after, homes.join(""), node].join(",");
}

function parsePosition(cursor: string): Position {
  const match = /^(\d*),([\w-]{16}|),((?:[\w-]{8})*),(.*)$/s.exec(cursor);
  if (match === null) throw new TypeError("this is no cursor of a list of everyone's sessions");
  const [, from = "", after = "", homes = "", node = ""] = match;
  return { node, scan: from, homes: homes.match(/.{8}/g) ?? [], after };
}

/** Where a sweep stopped because it had removed as many as it may. */
export interface SweepPosition {
  readonly node: string;
  readonly scan: string;
}

/** What a sweep did, and where the next one goes on; absent when it came to the end. */
export interface Swept {
  readonly removed: number;
  readonly stopped?: SweepPosition;
}

/** Removes what is over from a position on, or from the beginning, up to the limit. */
export async function sweepFrom(
  space: RedisSpace,
  from: SweepPosition | undefined,
  limit: number,
  now: number,
): Promise<Swept> {
  let removed = 0;
  for (const node of await sortedNodes(space)) {
    if (from !== undefined && node.address < from.node) continue;
    let cursor = from?.node === node.address ? from.scan : "0";
    do {
      const found = await scan(space, node, cursor);
      removed += await sweepHomes(space, found.homes, limit - removed, now);
      // Some of these homes may not have been looked at: the next sweep begins with them.
      if (removed >= limit) return { removed, stopped: { node: node.address, scan: cursor } };
      cursor = found.next;
    } while (cursor !== "0");
  }
  return { removed };
}

/** Removes what is over from some homes, up to the limit, which the groups share. */
async function sweepHomes(
  space: RedisSpace,
  homes: readonly string[],
  limit: number,
  now: number,
): Promise<number> {
  let removed = 0;
  let groups = inGroups(space, homes);
  while (groups.length > 0 && removed < limit) {
    const some = groups.slice(0, limit - removed);
    const share = Math.floor((limit - removed) / some.length);
    const counts = await Promise.all(
      some.map(async (keys) => Number(await space.run(SWEEP, keys, now, share))),
    );
    for (const count of counts) removed += count;
    // One that used up its share may have more.
    const again = some.filter((_, index) => counts[index] === share);
    groups = [...groups.slice(some.length), ...again];
  }
  return removed;
}
