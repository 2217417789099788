/**
 * What was broken on purpose, and what came of it: tests say it here, and `fault-table.ts` prints it all when
 * a run is over.
 *
 * @module
 */

import type { RunnerTestCase } from "vitest";
import { TestRunner } from "vitest";

/** One run of a test, with everything that was broken in it. */
export interface FaultReport {
  /** What it was done to. */
  readonly on: string;
  readonly faults: readonly InjectedFault[];
  /** What was looked at afterwards. */
  readonly checked: string;
  /** Changes that were acknowledged, where they were counted. */
  readonly acknowledged?: number;
  /** Calls that failed or were not answered in time, where they were counted. */
  readonly failed?: number;
  /** Acknowledged changes, and sessions, that are not there. @default 0 */
  readonly lost?: number;
  /** Sessions that were read as live after their end had been acknowledged. @default 0 */
  readonly revived?: number;
  /** The documented guarantee that excludes what was lost or came back; absent where nothing may. */
  readonly excludedBy?: string;
}

export interface InjectedFault {
  readonly what: string;
  /** Milliseconds from its beginning to its end. */
  readonly lasted: number;
  /** Milliseconds from its end until every verb was answered again, where that was measured. */
  readonly recovered?: number;
}

declare module "vitest" {
  interface TaskMeta {
    faults?: FaultReport[];
  }
}

/** Says what the test that runs has broken. */
export function reportFaults(report: FaultReport): void {
  const { meta } = TestRunner.getCurrentTest<RunnerTestCase>();
  meta.faults = [...(meta.faults ?? []), report];
}

/** Does something to a server, and measures how long it took. */
export async function inject(what: string, fault: () => unknown): Promise<InjectedFault> {
  const beganAt = performance.now();
  await fault();
  return { what, lasted: Math.round(performance.now() - beganAt) };
}
