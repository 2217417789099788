/**
 * Waits for a condition, and not for a time: the deadline is only there to say what was waited for.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";

const LONGEST_MS = 60_000;

/**
 * Looks again and again.
 *
 * @param pauseMs - between two looks
 * @throws when it takes longer than a minute.
 */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  pauseMs = 50,
): Promise<void> {
  for (const deadline = Date.now() + LONGEST_MS; Date.now() < deadline; ) {
    if (await condition().catch(() => false)) return;
    await sleep(pauseMs);
  }
  throw new Error(`waited in vain until ${what}`);
}
