import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzRuns } from "../../support/fuzz.ts";
import { memoryApp } from "../../support/ways.ts";

type Value = null | boolean | number | string | Value[];
type All = Map<string, Value>;

/** One thing that a request does to its session, or that another request does meanwhile. */
interface Step {
  readonly does: (typeof STEPS)[number];
  readonly key: string;
  readonly value: Value;
}

const STEPS = [
  "set",
  "delete",
  "push",
  "clear",
  "commit",
  "reload",
  "update",
  "updateAll",
  "leave",
  "otherSet",
  "otherDelete",
] as const;

const key = fc.constantFrom("a", "b", "__proto__");
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, 0, false, "", 1),
  fc.array(fc.constantFrom<Value>(1, null, "x"), { maxLength: 2 }),
);
const step: fc.Arbitrary<Step> = fc.record({ does: fc.constantFrom(...STEPS), key, value });

const grown = (old: unknown): Value => [...(Array.isArray(old) ? (old as Value[]) : []), "new"];

const sorted = (data: Iterable<readonly [string, unknown]>) =>
  [...data].sort(([a], [b]) => (a < b ? -1 : 1));

/** What a request is promised: its changes by key, laid over whatever is there when they are written. */
function createModel(first: Iterable<readonly [string, Value]>) {
  let kept: All = new Map(first);
  let read: All = new Map(kept);
  let buffered = new Map<string, Value | undefined>();

  function laidOver(base: All): All {
    const all = new Map(base);
    for (const [name, given] of buffered) {
      if (given === undefined) all.delete(name);
      else all.set(name, given);
    }
    return all;
  }

  function write(change: (all: All) => void): void {
    const here = new Map(read);
    change(here);
    // What changes nothing of what was read is no write.
    const isNothing = JSON.stringify(sorted(here)) === JSON.stringify(sorted(read));
    if (buffered.size === 0 && isNothing) return;
    kept = laidOver(kept);
    change(kept);
    read = new Map(kept);
    buffered = new Map();
  }

  return {
    run({ does, key: name, value: given }: Step): void {
      const now = laidOver(read).get(name);
      if (does === "set") buffered.set(name, given);
      else if (does === "delete" && read.has(name)) buffered.set(name, undefined);
      else if (does === "delete") buffered.delete(name);
      else if (does === "push" && Array.isArray(now)) buffered.set(name, grown(now));
      else if (does === "clear")
        buffered = new Map([...read.keys()].map((each) => [each, undefined]));
      else if (does === "commit" || does === "leave") write(() => undefined);
      else if (does === "reload") read = new Map(kept);
      else if (does === "update") write((all) => all.set(name, grown(all.get(name))));
      else if (does === "updateAll") write((all) => all.set("a", all.size));
      else if (does === "otherSet") kept.set(name, given);
      else if (does === "otherDelete") kept.delete(name);
    },
    view: () => sorted(laidOver(read)),
    kept: () => sorted(kept),
  };
}

describe("a request that changes its session in any order, beside others", () => {
  it.each([false, true])("sees and writes what it is promised (development: %s)", async (dev) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(key, value), { maxLength: 3 }),
        fc.array(step, { maxLength: 12 }),
        async (first, steps) => {
          const app = memoryApp({ dev });
          const ada = app.browser();
          await ada.signIn("ada");
          await ada.visit((session) => session.update(() => Object.fromEntries(first)));
          const model = createModel(first);
          const { session, finish } = ada.begin();
          const loaded = await session.load();
          for (const each of steps) {
            const { does, key: name } = each;
            // The app's own object: what it does to it must not reach into the test's.
            const given = structuredClone(each.value);
            const held = loaded.get(name);
            if (does === "set") loaded.set(name, given);
            else if (does === "delete") loaded.delete(name);
            else if (does === "push" && Array.isArray(held)) held.push("new");
            else if (does === "clear") loaded.clear();
            else if (does === "commit") await session.commit();
            else if (does === "reload") await session.reload();
            else if (does === "update") await session.update(name, grown);
            else if (does === "leave") await session.update(name, (old) => old);
            else if (does === "updateAll") {
              await session.update((data) => ({ ...data, a: Object.keys(data).length }));
            } else if (does === "otherSet") await ada.set(name, given);
            else if (does === "otherDelete") {
              await ada.visit(async (other) => (await other.load()).delete(name));
            }
            model.run(each);
            expect(sorted(Object.entries(loaded.all()))).toEqual(model.view());
          }
          await finish();
          model.run({ does: "commit", key: "", value: null });
          expect(sorted(Object.entries((await ada.read()).all()))).toEqual(model.kept());
          await session.commit({ at: "end" });
          expect(app.told("lateChange")).toEqual([]);
        },
      ),
      { numRuns: Math.ceil(fuzzRuns() / 4) },
    );
  });
});
