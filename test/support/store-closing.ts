/**
 * What the tests of the embedded stores have in common: records, and what a close has to keep.
 *
 * @module
 */

import { expect } from "vitest";
import type { NewRecord, Revocations, SessionStore } from "../../src/stores/contract.ts";

export const HOUR = 3_600_000;
/** When all of them were made. */
export const now: number = Date.now();

/** An id that can be told from others. */
export function id(name: string): string {
  return Buffer.from(name.padEnd(18, ".").slice(0, 18)).toString("base64url");
}

export function session(name: string, userId?: string, body = ""): NewRecord {
  return { id: id(name), userId, lastSeenAt: now, expiresAt: now + HOUR, closed: false, body };
}

/** A store that is closed refuses every verb. */
export async function answersNoVerb(
  store: SessionStore & Revocations,
  refusal: string,
): Promise<void> {
  const next = { body: "", lastSeenAt: now, expiresAt: now };
  const verbs: (() => unknown)[] = [
    () => store.load(id("a")),
    () => store.create(session("b"), 0, now),
    () => store.update(id("a"), 1, next, now),
    () => store.touch(id("a"), now, now, now),
    () => store.cutOff("ada", { keepUntil: now }, now),
    () => store.list({ limit: 1 }, now),
    () => store.sweep(1, now),
    () => store.add({ kind: "everyone", at: now, until: now }),
    () => store.since(undefined),
  ];
  for (const verb of verbs) await expect(async () => verb()).rejects.toThrow(refusal);
}

/** @param open - opens the store, and then the same one again. */
export async function keepsEverythingOverAClose(
  open: () => SessionStore & Revocations,
  refusal: string,
): Promise<void> {
  const store = open();
  await store.create(session("a", "ada"), 0, now);
  await store.cutOff("bob", { keepUntil: now + HOUR }, now);
  await store.add({ kind: "everyone", at: now, until: now + HOUR });
  // Asked for, but not waited for: close does.
  const last = store.touch(id("a"), now + 5, now + 2 * HOUR, now);
  await store.close();
  expect(await last).toBe(true);
  await store.close();
  await answersNoVerb(store, refusal);

  const again = open();
  expect((await again.load(id("a")))?.record).toMatchObject({
    lastSeenAt: now + 5,
    expiresAt: now + 2 * HOUR,
  });
  expect(await again.create(session("late", "bob"), 1, now)).toBe("cut-off");
  expect((await again.since(undefined)).revocations).toHaveLength(1);
}
