/**
 * What came of people's work while something broke: told to the report of the run, and what must hold.
 *
 * @module
 */

import { expect } from "vitest";
import type { InjectedFault } from "./fault-report.ts";
import { reportFaults } from "./fault-report.ts";

/** What came of it. Everything but the counts and what was due has to be empty. */
export interface Verdict {
  readonly acknowledged: number;
  /** Calls that failed or were not answered in time. */
  readonly failed: number;
  /** When each of the changes, and sessions, was acknowledged that had to be there: none that has ended. */
  readonly due: readonly number[];
  /** Acknowledged changes, and sessions, that are not there. */
  readonly lost: readonly Loss[];
  /** Sessions that were read as live after their end had been acknowledged. */
  readonly revived: readonly Revival[];
  /** What was read of one user and belongs to another. */
  readonly strangers: readonly string[];
  readonly faults: readonly InjectedFault[];
}

export interface Loss {
  readonly what: string;
  readonly acknowledgedAt: number;
}

/** A session that was read as live after its end, and when that was last. */
export interface Revival {
  readonly id: string;
  readonly endedAt: number;
  readonly readAt: number;
}

/** Puts what came of it into the report of the run. */
export function report(on: string, verdict: Verdict, excludedBy?: string): void {
  const { acknowledged, failed, faults, lost, revived } = verdict;
  reportFaults({
    ...{ on, faults, acknowledged, failed, lost: lost.length, revived: revived.length },
    checked: "every acknowledged change and end is there, nobody saw another's",
    ...(excludedBy === undefined ? {} : { excludedBy }),
  });
}

/** Nothing that was acknowledged is lost, nothing that has ended came back. */
export function expectNothingLost(on: string, verdict: Verdict): void {
  report(on, verdict);
  expect(verdict.acknowledged).toBeGreaterThan(200);
  const { lost, revived, strangers } = verdict;
  expect({ lost, revived, strangers }).toEqual({ lost: [], revived: [], strangers: [] });
}
