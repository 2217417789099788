/**
 * Counts wrong passwords, and makes whoever has had too many wait.
 *
 * Kept in the memory of this process: a restart forgets, and two processes count apart. That is
 * enough for a shop on one machine; a larger one counts where all its machines look.
 *
 * @module
 */

export interface Attempts {
  /**
   * Takes one attempt. It counts at once, not when the answer is known, so that a hundred at the
   * same time are not a hundred free ones.
   *
   * @returns seconds to wait when there have been too many; `undefined` when it may go ahead.
   */
  take(name: string, address: string): number | undefined;
  /** The password was right: the attempts of this name at this address are forgotten. */
  forgive(name: string, address: string): void;
}

const WINDOW = 15 * 60 * 1000;

// Wrong attempts in a window. The limit for a name alone is high, because anybody could reach it to
// keep its owner out; NIST SP 800-63B-4 §3.2.2 allows no more than 100.
const PER_PAIR = 5;
const PER_ADDRESS = 20;
const PER_NAME = 100;

const MOST_COUNTERS = 10_000;

/** @param now - the clock, in milliseconds since the epoch. */
export function createAttempts(now: () => number = Date.now): Attempts {
  const counters = new Map<string, { count: number; endsAt: number }>();

  function count(key: string): void {
    const known = counters.get(key);
    if (known !== undefined && known.endsAt > now()) {
      known.count += 1;
      return;
    }
    const fresh = { count: 1, endsAt: now() + WINDOW };
    // Deleted first, so that the map stays in the order in which windows end.
    counters.delete(key);
    counters.set(key, fresh);
    for (const [oldest, { endsAt }] of counters) {
      if (endsAt > now() && counters.size <= MOST_COUNTERS) break;
      counters.delete(oldest);
    }
  }

  return {
    take(name, address) {
      const limits = [
        { key: `pair ${name} ${address}`, limit: PER_PAIR },
        { key: `address ${address}`, limit: PER_ADDRESS },
        { key: `name ${name}`, limit: PER_NAME },
      ];
      const until = limits.map(({ key, limit }) => {
        const known = counters.get(key);
        return known === undefined || known.count < limit ? 0 : known.endsAt;
      });
      const wait = Math.ceil((Math.max(...until) - now()) / 1000);
      if (wait > 0) return wait;
      // Only what may go ahead: who has to wait must not push out what counts them, by one name after another.
      for (const { key } of limits) count(key);
      return undefined;
    },

    forgive(name, address) {
      counters.delete(`pair ${name} ${address}`);
      for (const key of [`address ${address}`, `name ${name}`]) {
        const known = counters.get(key);
        if (known !== undefined && known.count > 0) known.count -= 1;
      }
    },
  };
}
