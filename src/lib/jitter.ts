/**
 * Pauses between the tries of those that have collided.
 *
 * @module
 */

import { randomBytes } from "./random.ts";

/** Waits for up to 2, 4, 8 … milliseconds by the number of tries: who collided once must not come back together. */
export function jitter(tries: number, mostMs: number): Promise<void> {
  const pause = ((randomBytes(1)[0] as number) / 256) * Math.min(2 ** tries, mostMs);
  return new Promise((resolve) => setTimeout(resolve, pause));
}
