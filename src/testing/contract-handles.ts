/**
 * The contract of handles and backends: `close`, a restart, namespaces, `home`, `watch`.
 *
 * @module
 */

import type { StoreChange } from "../stores/contract.ts";
import { USER_IDS } from "./contract-names.ts";
import { expectEqual, expectTrue, fail, show } from "./expect.ts";
import type { ContractTest } from "./store-needs.ts";
import type { Scene } from "./store-scene.ts";
import { DAY, HOUR, listedIds, MINUTE, sleep, sweepAll } from "./store-scene.ts";

export const handleTests: readonly ContractTest[] = [
  {
    name: "traits: say what the core has to know",
    async run({ store }) {
      const { name, traits } = store;
      expectTrue(typeof name === "string" && name !== "", "the store has a name");
      expectTrue(traits.maxBodyBytes > 0, "maxBodyBytes is a number of bytes");
      expectEqual(typeof traits.ownClock, "boolean", "the type of ownClock");
      expectEqual(typeof traits.conditionalWrites, "boolean", "the type of conditionalWrites");
      expectEqual(typeof traits.shared, "boolean", "the type of shared");
      expectTrue(Array.isArray(traits.forgets), "forgets is an array");
    },
  },
  {
    name: "close: of one handle leaves the others working",
    needs: ["another handle"],
    async run({ store, fixture, add, load }) {
      const third = await fixture.another?.();
      const { id } = await add("ada");
      expectEqual((await third?.load(id))?.record.id, id, "the id that the third handle loads");
      await third?.close();
      expectEqual((await load(id)).record.id, id, "the id that the first handle loads");
      expectEqual((await store.load(id))?.record.revision, 1, "the revision");
    },
  },
  {
    name: "P5 close: what was acknowledged is there after a restart, and what was ended is not live",
    needs: ["another handle", "survival of a restart"],
    async run({ store, fixture, closeHandles, add, load, wait, now }) {
      const ended = await add("bob", { expiresAt: now() + DAY });
      const closed = await add("ada", { expiresAt: now() + DAY });
      const kept = await add("ada", { expiresAt: now() + DAY });
      await wait(MINUTE);
      const cutOff = await store.cutOff("bob", { keepUntil: now() + DAY }, now());
      const next = { body: "", lastSeenAt: now(), expiresAt: now() + DAY, close: true };
      await store.update(closed.id, 1, next, now());
      await store.update(kept.id, 1, { ...next, body: "kept", close: false }, now());
      const before = await load(kept.id);
      await closeHandles();
      const reopened = await fixture.another?.();
      if (reopened === undefined) return;
      try {
        expectEqual(await reopened.load(kept.id), before, "the record");
        expectEqual((await reopened.load(closed.id))?.record.closed, true, "closed");
        expectEqual((await reopened.load(ended.id))?.cutOff, cutOff, "the cut-off");
        expectEqual(await listedIds(reopened, now(), "ada"), [kept.id], "the user's list");
      } finally {
        await reopened.close();
      }
    },
  },
  {
    name: "namespaces: nothing of one is seen, ended or swept from another",
    needs: ["another namespace"],
    async run({ store, fixture, add, newRecord, load, wait, now }) {
      const elsewhere = await fixture.elsewhere?.();
      if (elsewhere === undefined) return;
      try {
        const here = await add("ada");
        const visitors = await add();
        const bobs = await add("bob", { startedAgo: MINUTE });
        const cutOff = await store.cutOff("bob", { keepUntil: now() + HOUR }, now());
        expectEqual(await elsewhere.load(here.id), undefined, "load from elsewhere");
        // Where a store chooses a user's home, it may be another one in each namespace.
        const owner = elsewhere.home === undefined ? "ada" : undefined;
        const same = await newRecord(owner, { id: here.id, body: "elsewhere" });
        expectEqual(await elsewhere.create(same, 0, now()), "created", "create elsewhere");
        expectEqual((await load(here.id)).record, here, "the record here");
        const lastSeenAt = now();
        const close = { body: "", lastSeenAt, expiresAt: now() + MINUTE, close: true };
        expectEqual(await elsewhere.update(here.id, 1, close, now()), true, "close elsewhere");
        await wait(MINUTE);
        await elsewhere.cutOff("ada", { keepUntil: now() + 2 * DAY }, now());
        await sweepAll(elsewhere, now() + DAY);
        expectEqual(await load(here.id), { record: here, cutOff: 0 }, "the record here");
        expectEqual((await load(bobs.id)).cutOff, cutOff, "the cut-off here");
        expectEqual(await listedIds(store, now(), "ada"), [here.id], "the list here");
        expectEqual(await listedIds(elsewhere, now()), [], "the list elsewhere");
        const theirs = await newRecord(undefined);
        expectEqual(await elsewhere.create(theirs, 0, now()), "created", "create elsewhere");
        const everyone = [here.id, visitors.id].sort();
        expectEqual(await listedIds(store, now()), everyone, "the whole list here");
        expectEqual(await listedIds(elsewhere, now()), [theirs.id], "the whole list elsewhere");
      } finally {
        await elsewhere.close();
      }
    },
  },
  {
    name: "home: 8 base64url characters, the same for a user from every handle, not all the same",
    needs: ["a home"],
    async run({ store, other }) {
      const homes = new Set<string | undefined>();
      for (let index = 0; index < 50; index += 1) {
        const userId = `user ${index}`;
        const home = await store.home?.(userId);
        expectTrue(/^[\w-]{8}$/.test(home ?? ""), `the home ${show(home)} is of the right form`);
        expectEqual(await other.home?.(userId), home, "the home from another handle");
        homes.add(home);
      }
      expectTrue(homes.size > 1, "users have different homes");
    },
  },
  {
    name: "watch: tells that a session was written, closed, and that a user was cut off",
    needs: ["watch"],
    async run(scene) {
      const { other, add, now } = scene;
      const { id } = await add("ada");
      const next = { body: "b", lastSeenAt: now(), expiresAt: now() + DAY };
      const session = { kind: "session", id, userId: "ada" };
      await isTold(scene, session, () => other.update(id, 1, next, now()));
      await isTold(scene, session, () => other.update(id, 2, { ...next, close: true }, now()));
      await isTold(scene, { kind: "user", userId: "ada" }, () =>
        other.cutOff("ada", { keepUntil: now() + DAY }, now()),
      );
    },
  },
  {
    name: "watch: names each user by the very text, and to who began before a listener that has ended",
    needs: ["watch"],
    async run({ store, other, now }) {
      const left = new Set<string>();
      const heard = new Set<string | undefined>();
      const end = store.watch?.(({ kind, id }) => {
        if (kind === "user") heard.add(id);
        // It covers what was changed so far.
        if (kind === "everything") for (const userId of left) heard.add(userId);
      });
      store.watch?.(() => undefined)();
      try {
        for (const userId of USER_IDS) {
          left.add(userId);
          await other.cutOff(userId, { keepUntil: now() + DAY }, now());
        }
        for (const due = Date.now() + PATIENCE; left.size > 0; await sleep(5)) {
          for (const userId of heard) left.delete(userId as string);
          if (Date.now() > due) fail(`\`watch\` did not tell of the users ${show([...left])}`);
        }
      } finally {
        end?.();
      }
    },
  },
  {
    name: "watch: whoever has ended it is told nothing more",
    needs: ["watch"],
    async run(scene) {
      const { store, other, add, now } = scene;
      const { id } = await add("ada");
      let told = 0;
      const end = store.watch?.(() => {
        told += 1;
      });
      end?.();
      // One that needs a while to begin has said so before.
      told = 0;
      const next = { body: "b", lastSeenAt: now(), expiresAt: now() + DAY };
      // When the other listener has been told, this one would have been.
      await isTold(scene, { kind: "session", id, userId: "ada" }, () =>
        other.update(id, 1, next, now()),
      );
      expectEqual(told, 0, "how often the listener that had ended was called");
    },
  },
  {
    name: "watch: what a listener throws reaches no verb, no other listener, and not who watches",
    needs: ["watch"],
    async run(scene) {
      const { store, other, add, now } = scene;
      const { id } = await add("ada");
      const end = store.watch?.(() => {
        throw new Error("the listener's own trouble");
      });
      for (const [index, handle] of [other, store].entries()) {
        const next = { body: "b", lastSeenAt: now(), expiresAt: now() + DAY };
        await isTold(scene, { kind: "session", id, userId: "ada" }, async () => {
          expectEqual(await handle.update(id, index + 1, next, now()), true, "the update");
        });
      }
      end?.();
    },
  },
];

interface Wanted {
  readonly kind: string;
  readonly id?: string;
  readonly userId: string;
}

/** A listener is told of the change, or of a wider one, soon after it. */
async function isTold({ store }: Scene, wanted: Wanted, change: () => unknown): Promise<void> {
  const heard: StoreChange[] = [];
  let end: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const told = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE);
    end = store.watch?.((told) => {
      heard.push(told);
      if (covers(told, wanted)) resolve(true);
    });
  });
  try {
    await change();
    if (!(await told)) {
      fail(`\`watch\` did not tell of ${show(wanted)} in ${PATIENCE} ms, only of ${show(heard)}`);
    }
  } finally {
    clearTimeout(timer);
    end?.();
  }
}

const PATIENCE = 5000;

function covers(change: StoreChange, wanted: Wanted): boolean {
  if (change.kind === "everything") return true;
  if (change.kind === "user") return change.id === wanted.userId;
  return wanted.kind === "session" && change.id === wanted.id;
}
