/**
 * Random sequences of calls, given to a store and to the model: both must answer the same.
 *
 * @module
 */

import type { Loaded, RecordUpdate, SessionStore } from "../stores/contract.ts";
import { fail, sameData, show } from "./expect.ts";
import type { ModelState } from "./model.ts";
import { modelState, modelStore } from "./model.ts";
import { seededRandom } from "./random.ts";
import type { Operation } from "./random-operations.ts";
import { ownerOf, randomOperations, SESSIONS } from "./random-operations.ts";
import type { StoreFixture } from "./store-fixture.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, isLive, listAll, MINUTE, openScene, sweepAll } from "./store-scene.ts";

// Longer than any sequence: a sign-in that began so long ago is below every cut-off in it.
const LONG_AGO = 400 * DAY;

/**
 * Compares a store with the model in one sequence.
 *
 * @param open - opens fresh stores, on which a sequence that fails is made shorter
 * @throws {ExpectationError} with the seed, the shortened sequence and the two answers.
 */
export async function compareWithModel(
  scene: Scene,
  seed: number,
  open: () => Promise<StoreFixture>,
): Promise<void> {
  const operations = randomOperations(seededRandom(seed));
  const difference = await firstDifference(scene, operations);
  if (difference === undefined) return;
  const differs = async (shorter: readonly Operation[]): Promise<string | undefined> => {
    const fresh = await openScene(await open());
    try {
      return (await firstDifference(fresh, shorter))?.what;
    } finally {
      await fresh.dispose();
    }
  };
  const shortest = await shorten(operations.slice(0, difference.index + 1), differs);
  const lines = shortest.map((operation, index) => `  ${index + 1}. ${show(operation)}`);
  const what = (await differs(shortest)) ?? difference.what;
  fail(`the store and the model differ (seed ${seed}): ${what}\n${lines.join("\n")}`);
}

interface Difference {
  readonly index: number;
  readonly what: string;
}

/** Plays a sequence on the store, its handles in turn, and on a new model. */
async function firstDifference(
  scene: Scene,
  operations: readonly Operation[],
): Promise<Difference | undefined> {
  const state = modelState();
  const model = modelStore({ state });
  const ids: string[] = [];
  for (let session = 0; session < SESSIONS; session += 1) {
    ids.push(await scene.newId(ownerOf(session)));
  }
  const ending = ids.map((_, session): Operation => ({ verb: "load", session }));
  const everything: Operation = { verb: "list", user: undefined, limit: 100 };
  for (const [index, operation] of [...operations, ...ending, everything].entries()) {
    const handle = index % 2 === 0 ? scene.store : scene.other;
    const what = await playBoth(scene, handle, model, state, ids, operation);
    if (what !== undefined) return { index: Math.min(index, operations.length - 1), what };
  }
  return undefined;
}

async function playBoth(
  scene: Scene,
  store: SessionStore,
  model: SessionStore,
  state: ModelState,
  ids: readonly string[],
  operation: Operation,
): Promise<string | undefined> {
  if (operation.verb === "wait") {
    await scene.wait(operation.ms);
    return undefined;
  }
  if (operation.verb === "create") {
    const id = ids[operation.session] as string;
    // Whether an expired record still lies there is the backend's affair, and which ones a sweep with a
    // limit has taken.
    const lying = await Promise.all([model.load(id), store.load(id)]);
    if (lying.some((loaded) => isExpired(loaded, scene.now()))) {
      await sweepAll(store, scene.now());
      await sweepAll(model, scene.now());
    }
    // Time gets past the last cut-off, as it does between two requests, by any clock and for any skew.
    await scene.wait(MINUTE);
  }
  const expected = await play(scene, model, ids, operation);
  const actual = await play(scene, store, ids, operation);
  if (sameData(actual, expected)) return undefined;
  if (operation.verb === "create" && expected === "cut-off" && actual === "created") {
    // One that can't tell has created what is not live; from now on it lies in the model too.
    const loaded = await store.load(ids[operation.session] as string);
    if (loaded !== undefined && !isLive(loaded, scene.now())) {
      state.records.set(loaded.record.id, loaded.record);
      return undefined;
    }
  }
  return `${operation.verb}: the model answers ${show(expected)}, the store ${show(actual)}`;
}

/** Plays one operation. @returns what can be compared of the answer. */
async function play(
  { now, store: { traits } }: Scene,
  store: SessionStore,
  ids: readonly string[],
  operation: Exclude<Operation, { verb: "wait" }>,
): Promise<unknown> {
  const idOf = (session: number): string => ids[session] as string;
  const moment = (at: number): unknown => (traits.ownClock ? at > 0 : at);
  switch (operation.verb) {
    case "load": {
      const loaded = await store.load(idOf(operation.session));
      return isExpired(loaded, now()) ? undefined : comparable(loaded, traits.ownClock);
    }
    case "create": {
      const { session, life, late } = operation;
      const userId = ownerOf(session);
      const times = { lastSeenAt: now(), expiresAt: now() + life };
      const record = { id: idOf(session), userId, ...times, closed: false, body: `${life}` };
      return await store.create(record, late ? LONG_AGO : 0, now());
    }
    case "update": {
      const { session, off, life, seen, close } = operation;
      const id = idOf(session);
      // Asked of each itself: the model is ahead of the store by this operation.
      const revision = ((await store.load(id))?.record.revision ?? 1) + off;
      const times = { lastSeenAt: now() + seen, expiresAt: now() + life };
      const next: RecordUpdate = { body: `${revision}.${life}`, ...times, close };
      return await store.update(id, revision, next, now());
    }
    case "touch": {
      const { session, seen, life } = operation;
      return await store.touch(idOf(session), now() + seen, now() + life, now());
    }
    case "cutOff": {
      const { user, except } = operation;
      const options = {
        except: except === undefined ? undefined : idOf(except),
        keepUntil: now() + LONG_AGO,
      };
      return moment(await store.cutOff(ownerOf(user) ?? "", options, now()));
    }
    case "list": {
      const { user, limit } = operation;
      const userId = user === undefined ? undefined : ownerOf(user);
      const records = await listAll(store, { userId, limit }, now());
      return records
        .map((record) => comparable({ record, cutOff: 0 }, traits.ownClock))
        .sort((a, b) => ((a?.record.id ?? "") < (b?.record.id ?? "") ? -1 : 1));
    }
    case "sweep":
      return (await store.sweep(operation.limit, now())) <= operation.limit;
  }
}

function isExpired(loaded: Loaded | undefined, now: number): boolean {
  return loaded !== undefined && loaded.record.expiresAt <= now;
}

/** Without what two stores may have differently: the mark of a closed record, and another clock's moments. */
function comparable(loaded: Loaded | undefined, ownClock: boolean): Loaded | undefined {
  if (loaded === undefined) return undefined;
  const { record, cutOff } = loaded;
  if (record.closed) return { record: { ...record, mark: 0 }, cutOff: 0 };
  if (!ownClock) return loaded;
  const live = record.userId === undefined || record.mark > cutOff;
  return { record: { ...record, mark: live ? 1 : 0 }, cutOff: cutOff > 0 ? 1 : 0 };
}

/** Leaves out one operation after the other, as long as the sequence still fails. */
async function shorten(
  operations: readonly Operation[],
  differs: (shorter: readonly Operation[]) => Promise<string | undefined>,
): Promise<readonly Operation[]> {
  let shortest = operations;
  for (let index = operations.length - 2; index >= 0; index -= 1) {
    const shorter = shortest.filter((_, other) => other !== index);
    if ((await differs(shorter)) !== undefined) shortest = shorter;
  }
  return shortest;
}
