/**
 * What the adapters have in common whose responses are a `Response`: whether a session was used, and its
 * commit into one.
 *
 * @module
 */

import type { Committer } from "../core/handle.ts";
import { commitHead, onFirstUse } from "../core/handle.ts";
import type { HeadChanges } from "../core/session.ts";
import { discard } from "./body.ts";
import { withHead } from "./response.ts";

/** Whether a handle was used before its response left. A class, for the reason that `State` gives. */
export class Use {
  isUsed = false;
  private isOut = false;

  /**
   * Follows a handle, for adapters that look at the response after the handler.
   *
   * @param before - called at a first use before the response is there.
   */
  constructor(session: Committer, before?: () => void) {
    onFirstUse(session, () => {
      this.isUsed = true;
      if (this.isOut) session.commit({ at: "head" }).catch(ignore);
      else before?.();
    });
  }

  /** From here on the first use is too late for a header, and the handle is told. */
  headIsOut(): void {
    this.isOut = true;
  }
}

/**
 * Commits the session and gives the response with what that asks of its head. With a status of 500 or
 * above buffered changes are dropped.
 *
 * @throws what the commit throws. The body of the response is cancelled then.
 */
export async function commitResponse(
  session: Committer,
  response: Response,
  dev: boolean,
): Promise<Response> {
  let changes: HeadChanges;
  try {
    const answer = commitHead(session, response.status >= 500);
    changes = answer instanceof Promise ? await answer : answer;
  } catch (error) {
    discard(response);
    throw error;
  }
  return withHead(response, changes, dev ? () => tellEnd(session) : undefined);
}

function tellEnd(session: Committer): void {
  session.commit({ at: "end" }).catch(ignore);
}

function ignore(): void {
  // The handle has told whom it concerns.
}
