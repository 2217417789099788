/**
 * Runs a statement again that the database has rolled back for the sake of another one: a deadlock, a
 * serialization failure. It has done nothing, and the next try sees what the other one did.
 *
 * @module
 */

import { randomBytes } from "../lib/random.ts";

// Whoever waits for the answer has given up long before: the core after seconds.
const MOST_TRIES = 40;
const LONGEST_PAUSE_MS = 64;

/** @param isRolledBack - whether an error says that nothing was done, and that another try may succeed */
export async function retried<Result>(
  attempt: () => Promise<Result>,
  isRolledBack: (error: unknown) => boolean,
): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === MOST_TRIES || !isRolledBack(error)) throw error;
    }
    // Jitter: those that collided once must not come back together.
    const most = Math.min(2 ** tries, LONGEST_PAUSE_MS);
    const pause = ((randomBytes(1)[0] as number) / 256) * most;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
