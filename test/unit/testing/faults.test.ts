import { describe, expect, it } from "vitest";
import type { SessionStore } from "../../../src/stores/contract.ts";
import { faulty, gate, InjectedError, nthCall, outage } from "../../../src/testing/faults.ts";
import { modelStore } from "../../../src/testing/model.ts";

const ID = "aaaaaaaaaaaaaaaaaaaaaaaa";
const RECORD = {
  id: ID,
  userId: "ada",
  lastSeenAt: 1,
  expiresAt: 1000,
  closed: false,
  body: "first",
};
const NEXT = { body: "second", lastSeenAt: 2, expiresAt: 1000 };

async function storeWithRecord(): Promise<SessionStore> {
  const store = modelStore();
  await store.create(RECORD, 0, 1);
  return store;
}

const revisionIn = async (store: SessionStore): Promise<number | undefined> =>
  (await store.load(ID))?.record.revision;

describe("faulty", () => {
  it("before: the call fails and nothing has happened", async () => {
    const store = await storeWithRecord();
    const broken = faulty(store, nthCall("update", 1, "before"));
    await expect(broken.update(ID, 1, NEXT, 2)).rejects.toBeInstanceOf(InjectedError);
    expect(await revisionIn(store)).toBe(1);
  });

  it("after: the call fails and has happened", async () => {
    const store = await storeWithRecord();
    const broken = faulty(store, nthCall("update", 1, "after"));
    await expect(broken.update(ID, 1, NEXT, 2)).rejects.toThrow("`update` failed after its effect");
    expect(await revisionIn(store)).toBe(2);
  });

  it("resent: the second reply is the answer", async () => {
    const store = await storeWithRecord();
    const broken = faulty(store, nthCall("update", 1, "resent"));
    expect(await broken.update(ID, 1, NEXT, 2)).toBe(false);
    expect(await revisionIn(store)).toBe(2);
  });

  it("heldBy: nothing happens until the gate opens", async () => {
    const store = await storeWithRecord();
    const shut = gate();
    const slow = faulty(store, nthCall("update", 1, { heldBy: shut }));
    const answer = slow.update(ID, 1, NEXT, 2);
    expect(await revisionIn(store)).toBe(1);
    shut.open();
    expect(await answer).toBe(true);
    expect(await revisionIn(store)).toBe(2);
  });

  it("answeredAfter: it happens at once and is answered when the gate opens", async () => {
    const store = await storeWithRecord();
    const shut = gate();
    const slow = faulty(store, nthCall("update", 1, { answeredAfter: shut }));
    let answered = false;
    const answer = Promise.resolve(slow.update(ID, 1, NEXT, 2)).finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(await revisionIn(store)).toBe(2);
    expect(answered).toBe(false);
    shut.open();
    expect(await answer).toBe(true);
  });

  it("nthCall: strikes one call of one verb", async () => {
    const broken = faulty(await storeWithRecord(), nthCall("load", 2, "before"));
    await broken.touch(ID, 1, 1000, 1);
    expect((await broken.load(ID))?.record.id).toBe(ID);
    await expect(broken.load(ID)).rejects.toBeInstanceOf(InjectedError);
    expect((await broken.load(ID))?.record.id).toBe(ID);
  });

  it("refuses a plan that would never strike, or with what is no fault", () => {
    const wrong = (name: string): never => name as never;
    expect(() => nthCall(wrong("updat"), 1, "before")).toThrow('a verb of a store, not "updat"');
    expect(() => nthCall("update", 0, "before")).toThrow("`nthCall` counts calls from 1");
    expect(() => nthCall("update", 1, wrong("befor"))).toThrow("`nthCall` takes a fault: ");
    expect(() => outage(wrong("down"))).toThrow("`outage` takes a fault: ");
    expect(() => outage({ heldBy: gate() })).not.toThrow();
  });

  it("outage: every call fails from its begin to its end", async () => {
    const down = outage();
    const store = faulty(await storeWithRecord(), down.plan);
    expect(await revisionIn(store)).toBe(1);
    down.begin();
    await expect(store.load(ID)).rejects.toBeInstanceOf(InjectedError);
    await expect(store.list({ limit: 1 }, 1)).rejects.toBeInstanceOf(InjectedError);
    await expect(store.sweep(1, 1)).rejects.toBeInstanceOf(InjectedError);
    down.end();
    expect(await revisionIn(store)).toBe(1);
  });

  it("a plan sees verb, arguments and count", async () => {
    const seen: unknown[] = [];
    const store = faulty(modelStore(), (call) => {
      seen.push(call);
      return undefined;
    });
    await store.load(ID);
    await store.load(ID);
    await store.touch(ID, 1, 2, 3);
    expect(seen).toEqual([
      { verb: "load", args: [ID], count: 1 },
      { verb: "load", args: [ID], count: 2 },
      { verb: "touch", args: [ID, 1, 2, 3], count: 1 },
    ]);
  });

  it("reaches the feed of revocations too", async () => {
    const store = faulty(modelStore(), nthCall("add", 1, "before"));
    const entry = { kind: "user", id: "ada", at: 1, until: Number.MAX_SAFE_INTEGER } as const;
    await expect(store.add(entry)).rejects.toBeInstanceOf(InjectedError);
    await store.add(entry);
    expect((await store.since(undefined)).revocations).toEqual([entry]);
  });
});
