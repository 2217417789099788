import { modelState, modelStore } from "../../../src/testing/model.ts";
import { aroundVerbs } from "../../../src/testing/verbs.ts";
import { runStoreSuite } from "../../support/run-store-suite.ts";

await runStoreSuite("model", () => {
  const state = modelState();
  return {
    store: modelStore({ state }),
    another: async () => modelStore({ state }),
    elsewhere: async () => modelStore(),
  };
});

// A backend whose clock is half an hour ahead of the core's, and moves with it.
await runStoreSuite("model with a clock of its own", () => {
  let at = Date.now() + 1_800_000;
  const store = modelStore({ clock: () => at });
  return {
    store,
    advanceClock(ms) {
      at += ms;
    },
  };
});

// The suite waits for it, so fewer sequences have to do.
await runStoreSuite(
  "model with a clock that nobody can move",
  () => ({ store: modelStore({ clock: Date.now }) }),
  { sequences: 2 },
);

await runStoreSuite("model over a wire, with homes", () => {
  const state = modelState();
  const home = async (userId: string): Promise<string> =>
    `${userId.length}`.padStart(4, "0") +
    ((userId.codePointAt(0) ?? 0) % 4096).toString(16).padStart(4, "h");
  const store = { ...modelStore({ state }), home };
  return {
    store,
    wired: async (wire) =>
      aroundVerbs({ ...modelStore({ state }), home }, ({ verb }, invoke) => wire(verb, invoke)),
  };
});
