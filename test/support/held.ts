/**
 * Serves one listener with a held head, for tests of what waits and what follows.
 *
 * @module
 */

import type { RequestListener, ServerOptions } from "node:http";
import { holdHead } from "../../src/adapters/hold.ts";
import type { CommitOptions, HeadChanges } from "../../src/core/session.ts";
import type { Gate } from "../../src/testing/faults.ts";
import { gate } from "../../src/testing/faults.ts";
import type { Wire } from "./wire.ts";
import { listen } from "./wire.ts";

export const NOTHING: HeadChanges = {
  cookies: [],
  vary: false,
  cacheControl: undefined,
  clearSiteData: undefined,
};

/** A session as far as a response is concerned: commits when the test says so. */
export interface GatedSession {
  readonly commits: CommitOptions[];
  readonly gate: Gate;
  commit(options?: CommitOptions): Promise<HeadChanges>;
}

/** @param outcome - what the first commit gives or throws; those after a failure give `acted`. */
export function gatedSession(
  outcome: HeadChanges | Error = NOTHING,
  acted: HeadChanges = NOTHING,
): GatedSession {
  const commits: CommitOptions[] = [];
  const shut = gate();
  return {
    commits,
    gate: shut,
    async commit(options: CommitOptions = {}): Promise<HeadChanges> {
      commits.push(options);
      await shut.opened;
      if (!(outcome instanceof Error)) return outcome;
      if (commits.length === 1) throw outcome;
      return acted;
    },
  };
}

export interface HeldServer {
  readonly wire: Wire;
  readonly session: GatedSession;
}

/** @param before - middleware that patches the response before the head is held. */
export async function serveHeld(
  listener: RequestListener,
  session: GatedSession = gatedSession(),
  options: ServerOptions & { readonly before?: RequestListener; readonly dev?: boolean } = {},
): Promise<HeldServer> {
  const { before, dev = false, ...serverOptions } = options;
  const wire = await listen((req, res) => {
    before?.(req, res);
    holdHead(res, session, dev);
    listener(req, res);
  }, serverOptions);
  return { wire, session };
}
