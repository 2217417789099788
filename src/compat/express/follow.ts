/**
 * Watches what an app does with a session of express-session's API by hand, whoever's object it is.
 *
 * @module
 */

import { hasEnded, markEnded, unmarkEnded } from "./origins.ts";
import type { Session } from "./types.ts";

type Done = (error?: unknown) => void;

export interface Follower {
  /** The app saves it. */
  saving(session: Session): void;
  /** The app has asked the store for something. It gives the error that nobody was there to be told. */
  asked(answer: Promise<unknown>): void;
  /** The app has read it again, into another object. */
  reloaded(before: Session): void;
}

/** Replaces the methods of this one object. One that was destroyed or regenerated is saved no more. */
export function followSession(session: Session, store: object, follower: Follower): void {
  const { save, reload, destroy, regenerate } = session;

  /** The head waits for the answer: most apps that destroy a session send theirs at once, without a callback. */
  function ask<Result>(call: (done: Done) => Result, callback: Done | undefined): Result {
    let tell: Done = ignore;
    const answer = new Promise<unknown>((resolve) => {
      tell = resolve;
    });
    follower.asked(answer);
    try {
      return call((error) => {
        // First: the callback may send, and would wait for itself.
        tell(callback === undefined ? error : undefined);
        callback?.(error);
      });
    } catch (error) {
      tell();
      throw error;
    }
  }

  /** It counts as ended at once, and goes on when its end has failed. */
  function end(ended: Session, how: (done: Done) => Session, callback: Done | undefined): Session {
    markEnded(ended, store, ended.id);
    const ending = (done: Done): Session =>
      how((error) => {
        if (error) unmarkEnded(ended);
        done(error);
      });
    return ask(ending, callback);
  }

  const methods = {
    save(this: Session, callback?: Done) {
      if (hasEnded(this, store, this.id)) {
        if (callback) setImmediate(callback);
        return this;
      }
      follower.saving(this);
      return ask((done) => save.call(this, done), callback);
    },
    reload(this: Session, callback: Done) {
      return reload.call(this, (error) => {
        follower.reloaded(this);
        callback(error);
      });
    },
    destroy(this: Session, callback?: Done) {
      return end(this, (done) => destroy.call(this, done), callback);
    },
    regenerate(this: Session, callback: Done) {
      return end(this, (done) => regenerate.call(this, done), callback);
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(session, name, { configurable: true, writable: true, value });
  }
}

function ignore(): void {
  // Nobody waits yet.
}
