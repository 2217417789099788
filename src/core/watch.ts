/**
 * Signals for sockets and streams: fire when a session is revoked or expires.
 *
 * @module
 */

/** Looks whether a session is live, and until when at most. */
export type Look = () => Promise<{ readonly expiresAt: number } | undefined>;

export interface Watchers {
  /** A signal that fires when the session ends. `stop` ends the watching. */
  watch(
    id: string,
    userId: string | undefined,
    expiresAt: number,
    look: Look,
    stop: AbortSignal | undefined,
  ): AbortSignal;
  /** The session has ended, as this process knows. */
  closed(id: string): void;
  /** Something about a session may have changed, about those of a user, or about any: look again. */
  look(kind: string, id?: string): void;
  close(): void;
}

interface Watched {
  readonly controllers: Set<AbortController>;
  readonly userId: string | undefined;
  /** That of who began to watch last, and so knows of the latest use. */
  look: Look;
  expiresAt: number;
}

/** @param interval - how often it looks when nobody tells, in milliseconds. */
export function createWatchers(interval: number, clock: () => number): Watchers {
  const watched = new Map<string, Watched>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let isClosed = false;
  // Whom it was told of since it looked last; `undefined` among them is everyone.
  const told = new Set<string | undefined>();

  function closed(id: string): void {
    const entry = watched.get(id);
    if (entry === undefined) return;
    watched.delete(id);
    rest();
    for (const controller of entry.controllers) controller.abort();
  }

  // Only while somebody watches is there a timer, and it keeps no process alive.
  function rest(): void {
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  async function lookAt(id: string): Promise<void> {
    const entry = watched.get(id);
    if (entry === undefined) return;
    try {
      const found = await entry.look();
      if (found === undefined) closed(id);
      else entry.expiresAt = found.expiresAt;
    } catch {
      // An outage ends nobody (P10) for as long as the session was good for when last seen.
      if (clock() >= entry.expiresAt) closed(id);
    }
  }

  // Of a user only at that user's: anybody may sign out everywhere, as often as they like, and must not have
  // everyone's sessions loaded.
  function look(kind: string, id?: string): void {
    if (kind === "session") {
      void lookAt(id as string);
      return;
    }
    // Once for all that is told at once: a feed that is read anew tells of every user whom it ever named.
    if (told.size === 0) queueMicrotask(lookAtTold);
    told.add(kind === "user" ? id : undefined);
  }

  function lookAtTold(): void {
    const users = new Set(told);
    told.clear();
    for (const [id, { userId }] of watched) {
      if (users.has(undefined) || users.has(userId)) void lookAt(id);
    }
  }

  function lookAtAll(): void {
    for (const id of watched.keys()) void lookAt(id);
  }

  return {
    watch(id, userId, expiresAt, lookThere, stop) {
      const controller = new AbortController();
      const entry = watched.get(id) ?? {
        controllers: new Set(),
        userId,
        look: lookThere,
        expiresAt,
      };
      entry.look = lookThere;
      entry.expiresAt = expiresAt;
      entry.controllers.add(controller);
      watched.set(id, entry);
      if (timer === undefined && !isClosed) {
        timer = setInterval(lookAtAll, interval);
        (timer as { unref?: () => void }).unref?.();
      }
      const end = (): void => {
        entry.controllers.delete(controller);
        if (entry.controllers.size > 0 || watched.get(id) !== entry) return;
        watched.delete(id);
        rest();
      };
      // It may have ended since it was read.
      void lookAt(id);
      if (stop?.aborted === true) end();
      else stop?.addEventListener("abort", end);
      // Whoever gives one signal to many, such as that of a shutdown, keeps nothing of those that have ended. By
      // the option `signal` Node would never let go of those who listen to ours.
      controller.signal.addEventListener("abort", () => stop?.removeEventListener("abort", end));
      return controller.signal;
    },
    closed,
    look,
    close() {
      // A request may still be under way, and nobody would end the timer of what it watches.
      isClosed = true;
      watched.clear();
      rest();
    },
  };
}
