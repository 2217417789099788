/**
 * A process in miniature: its own `createSessions`, whose store sends every command over a wire.
 *
 * @module
 */

import type { Sessions, SessionsOptions } from "../../../src/index.ts";
import { createSessions } from "../../../src/index.ts";
import type { Revocations, SessionStore } from "../../../src/stores/contract.ts";
import type { Wire } from "../../../src/testing/explorer.ts";
import type { StoreCall } from "../../../src/testing/verbs.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";

export type Data = Record<string, unknown>;

/** Hears what the backend has answered to a call, and passes it on. */
export type Hear = (call: StoreCall, reply: unknown) => unknown;

/** What every process of an app has in common. */
export interface ProcessOptions
  extends Pick<SessionsOptions<Data>, "clock" | "rotateEvery" | "timeouts"> {
  /** What a process puts around the store: between it and the wire. */
  readonly layer?: ((store: Store) => Store) | undefined;
}

type Store = SessionStore & Partial<Revocations>;

export interface Process {
  readonly sessions: Sessions<Data>;
  /** What it was told since it was put on its wire. */
  readonly told: { readonly dropped: Set<string>; readonly reused: Set<string>; rotations: number };
  /** From now on its commands take this wire, and `hear` passes on what the backend answers. */
  connect(wire: Wire, hear: Hear): void;
}

const SECRET = "ck1_tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw";

/** Starts a process that nothing holds back. */
export function startProcess(
  store: Store,
  { layer = (plain) => plain, ...options }: ProcessOptions,
): Process {
  let wire = direct;
  let hear: Hear = (_call, reply) => reply;
  const sessions = createSessions<Data>({
    ...options,
    secrets: [SECRET],
    store: layer(
      aroundVerbs(store, (call, invoke) =>
        wire(call.verb, async () => {
          return hear(call, await invoke());
        }),
      ),
    ),
  });
  const told: Process["told"] = { dropped: new Set(), reused: new Set(), rotations: 0 };
  sessions.on("dropped", ({ keys }) => {
    for (const key of keys) told.dropped.add(key);
  });
  sessions.on("reuse", ({ sessionId }) => told.reused.add(sessionId));
  sessions.on("rotated", () => {
    told.rotations += 1;
  });
  return {
    sessions,
    told,
    connect(nextWire, nextHear) {
      wire = nextWire;
      hear = nextHear;
      told.dropped.clear();
      told.reused.clear();
      told.rotations = 0;
    },
  };
}

/** A wire that holds nothing back. */
export const direct: Wire = (_command, send) => send();
