/**
 * More sessions in a Redis store than one `SCAN` finds: listed page by page, and swept with a limit.
 *
 * @module
 */

import { expect } from "vitest";
import type { SessionStore } from "../../src/stores/contract.ts";
import { listAll } from "../../src/testing/store-scene.ts";

const DAY = 86_400_000;

/** Fills a store, and holds lists of every page size, and sweeps, to what was put there. */
export async function tryCrowd(store: SessionStore, limits: readonly number[]): Promise<void> {
  const now = Date.now();
  const live: string[] = [];
  let over = 0;
  const creating: Promise<unknown>[] = [];
  // Users with one session, some with many, and visitors; every fifth is over in an hour.
  for (let index = 0; index < 600; index += 1) {
    const userId = index % 3 === 0 ? undefined : `user ${index % 5 === 1 ? 0 : index % 150}`;
    const home = userId === undefined ? undefined : await store.home?.(userId);
    const id = (home ?? `v${index}`.padStart(8, "-")) + `${index}`.padStart(16, "0");
    const expiresAt = now + (index % 5 === 0 ? DAY / 24 : DAY);
    if (index % 5 === 0) over += 1;
    else live.push(id);
    const record = { id, userId, lastSeenAt: now, expiresAt, closed: false, body: "{}" };
    creating.push(store.create(record, 0, now));
  }
  await Promise.all(creating);
  const later = now + DAY / 24;
  for (const limit of limits) {
    const listed = (await listAll(store, { limit }, later)).map(({ id }) => id);
    expect(listed.length, `sessions in pages of ${limit}`).toBe(live.length);
    expect(listed.sort()).toEqual(live.sort());
  }
  let removed = 0;
  for (let count = -1; count !== 0; removed += count) {
    count = await store.sweep(37, later);
    expect(count).toBeLessThanOrEqual(37);
  }
  expect(removed).toBe(over);
  expect(await listAll(store, { limit: 1000 }, now)).toHaveLength(live.length);
  await store.cutOff("user 0", { keepUntil: now + DAY }, now);
  expect(await store.sweep(10_000, now + DAY)).toBe(live.length + 1);
}
