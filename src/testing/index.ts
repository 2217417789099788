/**
 * For tests: grade a store, make trouble on order, move time, and hold cookies as a browser does.
 *
 * @module
 */

export { type Agent, agent } from "./agent.ts";
export { type TestClock, testClock } from "./clock.ts";
export { ExpectationError } from "./expect.ts";
export type { Actor, Exploration, ExploreOptions, Scenario, Wire } from "./explorer.ts";
export { explore, ScheduleError } from "./explorer.ts";
export type { CountedCall, Fault, FaultPlan, Gate, Outage } from "./faults.ts";
export { faulty, gate, InjectedError, nthCall, outage } from "./faults.ts";
export type { ModelOptions, ModelState } from "./model.ts";
export { modelState, modelStore } from "./model.ts";
export { type Recording, recording } from "./recording.ts";
export { type SignedInOptions, signedInCookie } from "./signed-in-cookie.ts";
export type { RaceReport, StoreFixture, StoreSuiteOptions, StoreTest } from "./store-fixture.ts";
export { storeSuite } from "./store-suite.ts";
export type { AroundCall, StoreCall, Verb } from "./verbs.ts";
export { aroundVerbs } from "./verbs.ts";
