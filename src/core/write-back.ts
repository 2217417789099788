/**
 * Writes sessions of ours back as another library's, so that servers that still run it go on.
 *
 * @module
 */

import type { ForeignDraft, ForeignSession } from "../interop/source.ts";
import type { Core } from "./core.ts";
import type { RefusedForeign } from "./foreign.ts";
import { draftData, keepable, latestCookies, reservedBy, setForeignCookies } from "./foreign.ts";
import type { Marker, Markers } from "./markers.ts";
import type { Found, Visit } from "./method.ts";
import type { Neighbour } from "./neighbour.ts";
import { genuine } from "./neighbour.ts";
import type { Kept } from "./record.ts";
import { header } from "./request.ts";
import { decodeAll } from "./tree.ts";

/**
 * What a visit may write back to: the foreign session that it came with ("own"), or only one that it has begun
 * itself ("none"): that of before is another session's of ours. "left": it was left as it is.
 */
export type Target = "own" | "none" | "left";

export interface WriteBack {
  aim(visit: Visit, target: Target): void;
  /** After the first write of a new visitor: a session there too. */
  created(visit: Visit, kept: Kept): Promise<void>;
  /** After every write and touch: the same for servers that still run the other library. */
  wrote(visit: Visit, kept: Kept): Promise<void>;
  /** After a sign-in: a new session there too, and the old one is over. */
  signedIn(visit: Visit, kept: Kept): Promise<void>;
}

/** @param reload - reads a session again, as the method of stored ones does. */
export function createWriteBack(
  { events, shape }: Core,
  markers: Markers,
  { from, map, mapBack, open, taken, seal, end }: Neighbour,
  reload: (visit: Visit, kept: Kept) => Promise<Found>,
): WriteBack {
  const targets = new WeakMap<Visit, Target>();

  /** Ours is kept already: trouble there is told, and fails nobody's request. */
  async function write(visit: Visit, kept: Kept, isNew: boolean): Promise<void> {
    const { record } = kept;
    try {
      const text = header(visit.request, "cookie") ?? "";
      let opened = await open(latestCookies(visit, text));
      const isVisitor = !isNew && record.userId === undefined;
      if (isVisitor && (await isTaken(opened))) return;
      // Of a visit that was refused only what it has begun itself is its own.
      if (targets.get(visit) === "none") opened = await open(latestCookies(visit, ""));
      const foreign = genuine(opened);
      // What is in the cookie, and what a cookie would have to name, can't be written any more.
      if (visit.headSent && foreign?.recordKey === undefined) return;
      let marker: Marker | undefined;
      if (isNew) {
        targets.set(visit, "none");
      } else if (foreign !== undefined) {
        // One that was not taken over, and will not be, stays as it is.
        if (targets.get(visit) === "left") return;
        marker = await markers.find(from, foreign);
        if ((marker ?? (await taken(foreign))) === undefined) return;
      }
      // A sign-out may have been quicker, and has removed it.
      const isWritten = !isNew && record.revision > 1;
      if (foreign === undefined && isWritten) {
        const { kept: current } = await reload(visit, kept);
        if (current === undefined) return;
      }
      const draft = await draftOf(kept, foreign, isNew);
      const origin = isNew ? undefined : foreign?.origin;
      const sealed = await seal({ ...draft, ...(origin !== undefined && { origin }) });
      // Where the cookie is the session, each one is another, and an old server may have begun this one: none of them
      // is to be adopted again, so none goes out that is not remembered.
      if (marker === undefined || sealed.identity !== foreign?.identity) {
        const { identity } = sealed;
        await markers.claim(from, { identity, expiresAt: draft.expiresAt }, kept);
      }
      setForeignCookies(visit, sealed.cookies);
      if (isNew && foreign !== undefined) await end(visit, foreign);
    } catch (error) {
      events.emit("foreignFailed", { source: from.name, operation: "write back", error });
    }
  }

  /** Whether a visitor's write would take somebody's place there (P16): a user's, or what only they can read. */
  async function isTaken(opened: ForeignSession | RefusedForeign | undefined): Promise<boolean> {
    if (opened === undefined) return false;
    if ("refused" in opened) return opened.refused !== "expired";
    return (map === undefined ? opened : await map(opened))?.userId !== undefined;
  }

  /** @param foreign - what is there. */
  async function draftOf(
    { record, content }: Kept,
    foreign: ForeignSession | undefined,
    isNew: boolean,
  ): Promise<ForeignDraft> {
    const { userId } = record;
    if (mapBack !== undefined) {
      // What was only read may be of an older version.
      return mapBack({ userId, data: decodeAll(await shape.read(content)) }, foreign);
    }
    const theirs = isNew ? undefined : foreign?.data;
    // Whether a session that is theirs outlives the browser's run stays as it is.
    const asked = userId === undefined ? undefined : content.remembered;
    const persistent = isNew || foreign === undefined ? asked : foreign.persistent;
    return {
      data: draftData(content.data, theirs, keepable(theirs ?? {}).tree, reservedBy(from)),
      ...(userId !== undefined && { userId }),
      ...(persistent !== undefined && { persistent }),
      expiresAt: record.expiresAt,
    };
  }

  return {
    aim(visit, target) {
      targets.set(visit, target);
    },
    created(visit, kept) {
      // It came with a ticket that is over: its foreign session is of that one.
      if (!targets.has(visit)) targets.set(visit, "none");
      return write(visit, kept, false);
    },
    wrote: (visit, kept) => write(visit, kept, false),
    signedIn: (visit, kept) => write(visit, kept, true),
  };
}
