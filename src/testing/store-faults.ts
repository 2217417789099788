/**
 * Trouble at every command: an error before its effect, an error after it, and a reply that was lost
 * under a client that sends the command again.
 *
 * Whatever goes wrong, a verb has been done or has not, wholly, and what was acknowledged is done.
 * Where the fixture has no `wired`, the verb itself is the command.
 *
 * @module
 */

import type { Revocations, SessionRecord, SessionStore } from "../stores/contract.ts";
import { expectEqual, expectTrue, show } from "./expect.ts";
import type { Wire } from "./explorer.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, isLive, listedIds, MINUTE, SECOND, sweepAll } from "./store-scene.ts";
import { aroundVerbs } from "./verbs.ts";

/** One verb, tried on sessions of its own. */
interface Attempt {
  readonly name: string;
  /** Asks once. @returns whether the answer says that it was done. */
  ask(handle: SessionStore, actors: Cast, scene: Scene): Promise<boolean>;
}

/** A user's sessions that an attempt is made on. */
interface Cast {
  readonly userId: string;
  readonly main: SessionRecord;
  readonly other: SessionRecord;
  /** Not created yet. */
  readonly newId: string;
}

const ATTEMPTS: readonly Attempt[] = [
  {
    name: "create",
    async ask(handle, { userId, newId }, { newRecord, now }) {
      const record = await newRecord(userId, { id: newId, body: "created" });
      return (await handle.create(record, 0, now())) === "created";
    },
  },
  {
    name: "update",
    async ask(handle, { main }, { now }) {
      return await handle.update(main.id, main.revision, nextOf("updated", now()), now());
    },
  },
  {
    name: "close",
    async ask(handle, { main }, { now }) {
      const next = { ...nextOf("closed", now()), close: true };
      return await handle.update(main.id, main.revision, next, now());
    },
  },
  {
    name: "touch",
    ask: (handle, { main }, { now }) => handle.touch(main.id, now() + 1, now() + DAY, now()),
  },
  {
    name: "cutOff",
    async ask(handle, { userId }, { now }) {
      return (await handle.cutOff(userId, { keepUntil: now() + DAY }, now())) > 0;
    },
  },
  {
    name: "cutOff with an excepted session",
    async ask(handle, { userId, main }, { now }) {
      const options = { except: main.id, keepUntil: now() + DAY };
      return (await handle.cutOff(userId, options, now())) > 0;
    },
  },
];

export const faultTests: readonly ContractTest[] = [
  {
    name: "P10 trouble: what is read is there wholly or an error, never missing",
    async run(scene) {
      const { store, now } = scene;
      const { id } = await scene.add("ada", { startedAgo: MINUTE });
      await store.cutOff("ada", { except: id, keepUntil: now() + DAY }, now());
      await isReadWholly(scene, "load", async (handle) => await handle.load(id));
      await isReadWholly(scene, "list", async (handle) => await listedIds(handle, now(), "ada"));
      await isReadWholly(scene, "the whole list", async (handle) => await listedIds(handle, now()));
    },
  },
  {
    name: "P5 trouble: a revocation that was acknowledged is there, and what is read misses none",
    needs: ["revocations"],
    async run(scene) {
      const { store, now } = scene;
      const kept = new Set<string>();
      const idsIn = async (feed: Partial<Revocations>): Promise<ReadonlySet<string | undefined>> =>
        new Set((await feed.since?.(undefined))?.revocations.map(({ id }) => id));
      await forEveryFault(scene, async (faulty: SessionStore & Partial<Revocations>, where) => {
        if (faulty.add === undefined) return;
        const entry = { kind: "user", id: where, at: now(), until: now() + DAY } as const;
        const added = await answerOf(async () => [await faulty.add?.(entry)]);
        if (added !== undefined) kept.add(where);
        const there = await idsIn(store);
        for (const id of kept) expectTrue(there.has(id), `the entry ${show(id)} is there`);
      });
      await forEveryFault(scene, async (faulty: SessionStore & Partial<Revocations>, where) => {
        if (faulty.since === undefined) return;
        const read = (await answerOf(() => idsIn(faulty))) ?? kept;
        for (const id of kept) expectTrue(read.has(id), `the entry ${show(id)} is read, ${where}`);
      });
    },
  },
  ...ATTEMPTS.map(
    (attempt): ContractTest => ({
      name: `P5 trouble: ${attempt.name} is done or not done, whatever happens to a command`,
      needs: ["conditional writes"],
      run: (scene) => tryEveryFault(scene, attempt),
    }),
  ),
  {
    name: "P5 trouble: sweep leaves no record half removed, and the next one goes on",
    async run(scene) {
      await forEveryFault(scene, async (faulty, where) => {
        const userId = `user ${where}`;
        const expired = [];
        for (let index = 0; index < 3; index += 1) expired.push(await scene.add(userId));
        const stays = await scene.add(userId, { expiresAt: scene.now() + DAY });
        await scene.wait(HOUR);
        await answerOf(() => faulty.sweep(100, scene.now()));
        expectEqual(await listedIds(scene.store, scene.now(), userId), [stays.id], "list");
        await sweepAll(scene.store, scene.now());
        for (const { id } of expired) {
          expectEqual(await scene.store.load(id), undefined, `load of an expired record, ${where}`);
        }
        expectEqual((await scene.load(stays.id)).record, stays, `the live record, ${where}`);
      });
    },
  },
];

async function tryEveryFault(scene: Scene, attempt: Attempt): Promise<void> {
  const before = await viewOf(scene, await castFor(scene, "before"));
  const done = await castFor(scene, "done");
  expectTrue(
    await attempt.ask(scene.store, done, scene),
    `${attempt.name} without a fault is done`,
  );
  const after = await viewOf(scene, done);
  await forEveryFault(scene, async (faulty, where) => {
    const cast = await castFor(scene, where);
    const answer = await answerOf(() => attempt.ask(faulty, cast, scene));
    const view = await viewOf(scene, cast);
    if (answer === true) expectEqual(view, after, `what is there after ${where}`);
    // One that is sent again may find its own effect; what was not done for the trouble is an error.
    if (answer === false) expectEqual(view, after, `what was refused without a reason, ${where}`);
    const isWhole = [before, after].some((whole) => show(whole) === show(view));
    expectTrue(isWhole, `all or nothing of ${attempt.name} after ${where}, not ${show(view)}`);
  });
}

/** With a fault the answer is the one without, or an error. */
async function isReadWholly(
  scene: Scene,
  what: string,
  read: (handle: SessionStore) => Promise<unknown>,
): Promise<void> {
  const whole = await read(scene.store);
  await forEveryFault(scene, async (faulty, where) => {
    const answer = await answerOf(async () => ({ read: await read(faulty) }));
    if (answer !== undefined) expectEqual(answer.read, whole, `${what}, ${where}`);
  });
}

const FAULTS = ["before", "after", "resent"] as const;

/** Runs once for each fault at each command, until a run sends fewer commands than that. */
async function forEveryFault(
  scene: Scene,
  run: (faulty: SessionStore, where: string) => Promise<void>,
): Promise<void> {
  const { fixture, store } = scene;
  for (const fault of FAULTS) {
    for (let at = 1, reached = true; reached; at += 1) {
      let sent = 0;
      let armed = false;
      const wire: Wire = async (command, send) => {
        if (!armed) return await send();
        sent += 1;
        if (sent !== at) return await send();
        if (fault === "before") throw new Error(`injected before ${command}`);
        await send();
        if (fault === "after") throw new Error(`injected after ${command}`);
        return await send();
      };
      const wired = await fixture.wired?.(wire);
      armed = true;
      const overVerbs = aroundVerbs(store, ({ verb }, invoke) => wire(verb, invoke));
      await run(wired ?? overVerbs, `${fault} ${at}`);
      armed = false;
      reached = sent >= at;
      await wired?.close();
    }
  }
}

/** The answer, or `undefined` for an error. */
async function answerOf<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}

async function castFor(scene: Scene, where: string): Promise<Cast> {
  const userId = `user ${where}`;
  const main = await scene.add(userId, { startedAgo: MINUTE, body: "main" });
  const other = await scene.add(userId, { startedAgo: MINUTE, body: "other" });
  return { userId, main, other, newId: await scene.newId(userId) };
}

/** What can be seen of a cast, the same for casts to which the same has happened. */
async function viewOf({ store, now }: Scene, cast: Cast): Promise<unknown> {
  const ids = [cast.main.id, cast.other.id, cast.newId];
  const seen = [];
  for (const id of ids) {
    const loaded = await store.load(id);
    const { revision, lastSeenAt, expiresAt, closed, body, userId } = loaded?.record ?? {};
    const live = loaded !== undefined && isLive(loaded, now());
    const owned = userId === cast.userId;
    seen.push({ revision, lastSeenAt, expiresAt, closed, body, owned, live });
  }
  const listed = await listedIds(store, now(), cast.userId);
  return { seen, listed: ids.map((id) => listed.includes(id)), count: listed.length };
}

function nextOf(
  body: string,
  now: number,
): { body: string; lastSeenAt: number; expiresAt: number } {
  return { body, lastSeenAt: now + SECOND, expiresAt: now + HOUR };
}
