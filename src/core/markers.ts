/**
 * What remembers that a foreign session has become one of ours: a closed record, whose id is an HMAC of the
 * foreign one.
 *
 * @module
 */

import { StoreUnavailableError } from "../errors.ts";
import type { ForeignSource } from "../interop/source.ts";
import type { NewRecord } from "../stores/contract.ts";
import type { Key } from "../token/key-ring.ts";
import type { StoredCore } from "./core.ts";
import { decodeRecord } from "./core.ts";
import { idFromForeign } from "./foreign.ts";
import type { Kept } from "./record.ts";
import { closedContent, encodeContent } from "./record.ts";

interface Foreign {
  readonly identity: string;
  /** When it ends there, where that is known. */
  readonly expiresAt?: number | undefined;
}

export interface Marker {
  /** The session that it has become. */
  readonly successor: string | undefined;
}

export interface Markers {
  /** The marker of a foreign session, under whichever of our secrets. */
  find(from: ForeignSource, foreign: Foreign): Promise<Marker | undefined>;
  /** Remembers what a foreign session has become. @returns the id that it has become. */
  claim(from: ForeignSource, foreign: Foreign, kept: Kept): Promise<string | undefined>;
}

export function createMarkers(core: StoredCore): Markers {
  const { settings, store, calls } = core;
  const { ring, clock, timeouts } = settings;

  const idOf = (key: Key, { name }: ForeignSource, { identity }: Foreign): string =>
    idFromForeign(key, "adopt", name, identity);

  async function load(id: string): Promise<Marker | undefined> {
    const marker = await calls.run("load", () => store.load(id));
    return marker && { successor: decodeRecord(core, marker.record)?.content.successor };
  }

  return {
    async find(from, foreign) {
      for (const key of ring.keys) {
        const marker = await load(idOf(key, from, foreign));
        if (marker !== undefined) return marker;
      }
      return undefined;
    },

    async claim(from, foreign, kept) {
      const now = clock();
      const record: NewRecord = {
        id: idOf(ring.current, from, foreign),
        userId: undefined,
        lastSeenAt: now,
        // For as long as the foreign session could come back; not every store holds infinity.
        expiresAt: Math.max(now + timeouts.longest, Math.min(foreign.expiresAt ?? 0, 8.64e15)),
        closed: true,
        body: encodeContent(closedContent(kept.content, "", kept.record.id)),
      };
      // Twice: whether a call that was not answered has landed, the second one tells. If it is not answered
      // either, nothing is closed: the session may be the one that is remembered.
      for (let tries = 0; ; tries += 1) {
        try {
          const outcome = await calls.run("create", () => store.create(record, 0, now));
          if (outcome === "created") return kept.record.id;
          break;
        } catch (error) {
          if (!(error instanceof StoreUnavailableError) || tries === 1) throw error;
        }
      }
      return (await load(record.id))?.successor;
    },
  };
}
