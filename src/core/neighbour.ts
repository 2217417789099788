/**
 * A library whose sessions are taken over: what it is asked, and what its sessions are worth here.
 *
 * @module
 */

import { UsageError, ValueError } from "../errors.ts";
import type { ForeignDraft, ForeignSession, SealedForeign } from "../interop/source.ts";
import { utf8Length } from "../lib/bytes.ts";
import type { StoredCore } from "./core.ts";
import type { RefusedForeign } from "./foreign.ts";
import {
  createEndings,
  createSourceCalls,
  keepable,
  openForeign,
  reservedBy,
  valuesWithout,
} from "./foreign.ts";
import type { ResolvedAdoption } from "./foreign-settings.ts";
import type { Visit } from "./method.ts";
import type { Adopted } from "./options.ts";
import type { DataTree } from "./tree.ts";
import { textOf } from "./tree.ts";
import { checkUserId } from "./user-id.ts";

/** What comes along of a foreign session. */
export interface Taken extends Adopted {
  readonly tree: DataTree;
  /** The keys whose values cannot be kept. */
  readonly dropped: readonly string[];
}

export interface Neighbour extends ResolvedAdoption {
  /** The foreign session in these cookies, or why it is not taken. Throws for an outage only. */
  open(text: string | undefined): Promise<ForeignSession | RefusedForeign | undefined>;
  /** The cookie is of one that has ended here lately. */
  isLate(visit: Visit): boolean;
  /** Tells why a session is not taken. */
  refuse(reason: RefusedForeign["refused"], problem: string): undefined;
  /** What comes along, checked; `undefined`, with an event, for a session that cannot come. */
  taken(foreign: ForeignSession): Promise<Taken | undefined>;
  seal(draft: ForeignDraft): Promise<SealedForeign>;
  /** The session of this visit's foreign cookies is over. */
  end(visit: Visit, foreign: ForeignSession): Promise<void>;
  /** Removes its record once requests on their way are through. */
  removeLater(foreign: ForeignSession): void;
  close(): void;
}

// What a body holds besides the data takes less.
const HEAD_BYTES = 4096;

export function createNeighbour(
  { settings, store, events, shape }: StoredCore,
  adoption: ResolvedAdoption,
): Neighbour {
  const { from, map, grace } = adoption;
  const { clock } = settings;
  const calls = createSourceCalls(from, settings, events);
  const endings = createEndings(from, clock);
  const timers = new Set<ReturnType<typeof setTimeout>>();

  async function remove(foreign: ForeignSession): Promise<void> {
    try {
      await calls.run("remove", async () => from.remove?.(foreign));
    } catch (error) {
      events.emit("foreignFailed", { source: from.name, operation: "remove", error });
    }
  }

  function refuse(reason: RefusedForeign["refused"], problem: string): undefined {
    events.emit("adoptionRefused", { source: from.name, reason, problem });
  }

  return {
    ...adoption,

    open: (text) => openForeign(from, calls, text, clock()),

    isLate: endings.isLate,

    refuse,

    async taken(foreign) {
      const adopted: Adopted | undefined =
        map === undefined
          ? {
              userId: foreign.userId,
              // It may have been shared before.
              data: valuesWithout(foreign.data, reservedBy(from)),
            }
          : await map(foreign);
      if (adopted === undefined) return undefined;
      const { tree, dropped } = keepable(adopted.data ?? {});
      if (utf8Length(textOf(tree)) > store.traits.maxBodyBytes - HEAD_BYTES) {
        return refuse("too-large", "its data is larger than the store takes");
      }
      try {
        if (adopted.userId !== undefined) checkUserId("adopt", adopted.userId);
        await shape.check(tree);
      } catch (error) {
        if (!(error instanceof ValueError) && !(error instanceof UsageError)) throw error;
        const problem =
          error instanceof ValueError
            ? `its data does not fit the schema at \`${error.path}\``
            : "its user id is none that can be kept";
        return refuse("unsupported", problem);
      }
      return { ...adopted, tree, dropped };
    },

    seal: (draft) => calls.run("write", () => from.seal(draft, clock())),

    end(visit, foreign) {
      endings.remember(visit);
      return remove(foreign);
    },

    removeLater(foreign) {
      if (from.remove === undefined) return;
      const timer = setTimeout(() => {
        timers.delete(timer);
        void remove(foreign);
      }, grace);
      (timer as { unref?: () => void }).unref?.();
      timers.add(timer);
    },

    close() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** A foreign session that is genuine, and not why it is none. */
export function genuine(
  opened: ForeignSession | RefusedForeign | undefined,
): ForeignSession | undefined {
  return opened === undefined || "refused" in opened ? undefined : opened;
}
