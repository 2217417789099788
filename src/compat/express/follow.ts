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
  /** The app has read it again, into another object. */
  reloaded(before: Session): void;
}

/** Replaces the methods of this one object. One that was destroyed or regenerated is saved no more. */
export function followSession(session: Session, store: object, follower: Follower): void {
  const { save, reload, destroy, regenerate } = session;

  /** It counts as ended at once, and goes on when its end has failed. */
  function ending(ended: Session, callback: Done | undefined): Done {
    markEnded(ended, store, ended.id);
    return (error) => {
      if (error) unmarkEnded(ended);
      callback?.(error);
    };
  }

  const methods = {
    save(this: Session, callback?: Done) {
      if (hasEnded(this, store, this.id)) {
        if (callback) setImmediate(callback);
        return this;
      }
      follower.saving(this);
      return save.call(this, callback);
    },
    reload(this: Session, callback: Done) {
      return reload.call(this, (error) => {
        follower.reloaded(this);
        callback(error);
      });
    },
    destroy(this: Session, callback?: Done) {
      return destroy.call(this, ending(this, callback));
    },
    regenerate(this: Session, callback: Done) {
      return regenerate.call(this, ending(this, callback));
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(session, name, { configurable: true, writable: true, value });
  }
}
