/**
 * Prints, when a run of tests is over, what they broke on purpose and what came of it, and leaves it in
 * `.tmp/faults.json`.
 *
 * @module
 */

import { mkdir, writeFile } from "node:fs/promises";
import type { Reporter, TestModule } from "vitest/node";
import type { FaultReport } from "./fault-report.ts";

const FILE = ".tmp/faults.json";

interface Told extends FaultReport {
  readonly test: string;
  readonly passed: boolean;
}

/** A reporter that is silent where nothing was broken. */
export function faultTable(): Reporter {
  return {
    async onTestRunEnd(modules) {
      const told = modules.flatMap(toldBy).sort((a, b) => (a.on < b.on ? -1 : 1));
      if (told.length === 0) return;
      await mkdir(".tmp", { recursive: true });
      await writeFile(FILE, `${JSON.stringify(told, undefined, 2)}\n`);
      process.stdout.write(`\n${table(told)}\n${summary(told)} All of it is in ${FILE}.\n\n`);
    },
  };
}

function toldBy(module: TestModule): Told[] {
  return [...module.children.allTests()].flatMap((test) =>
    (test.meta().faults ?? []).map((report) => ({
      test: test.fullName,
      passed: test.ok(),
      ...report,
    })),
  );
}

const HEAD = [
  ["on", "what was done", "for ms", "well after ms"],
  ["acknowledged", "failed", "lost", "came back", "checked"],
].flat();

function table(told: readonly Told[]): string {
  const rows = [HEAD, ...told.flatMap(rowsOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => aligned(cell, column, widths[column] ?? 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

function rowsOf(report: Told): string[][] {
  const { on, faults, acknowledged = "", failed = "", lost = 0, revived = 0 } = report;
  const { checked, excludedBy, passed } = report;
  const counts = [acknowledged, failed, lost, revived].map(String);
  const verdict = [
    ...(passed ? [] : ["FAILED"]),
    checked,
    ...(excludedBy === undefined ? [] : [`but for ${excludedBy}`]),
  ].join(", ");
  const whats = [...new Set(faults.map(({ what }) => what))];
  return whats.map((what, index) => {
    const times = faults.filter((fault) => fault.what === what);
    const name = times.length === 1 ? what : `${what}, ${times.length} times`;
    const lasted = range(times.map((fault) => fault.lasted));
    const recovered = range(times.flatMap((fault) => fault.recovered ?? []));
    const isFirst = index === 0;
    return [isFirst ? on : "", name, lasted, recovered, ...(isFirst ? [...counts, verdict] : [])];
  });
}

function range(values: readonly number[]): string {
  if (values.length === 0) return "";
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? `${least}` : `${least}–${most}`;
}

/** Numbers to the right, but for the last column everything is filled up. */
function aligned(cell: string, column: number, width: number): string {
  return column >= 2 && column < HEAD.length - 1 ? cell.padStart(width) : cell.padEnd(width);
}

function summary(told: readonly Told[]): string {
  const sum = (of: (one: Told) => number | undefined, among = told): number =>
    among.reduce((total, one) => total + (of(one) ?? 0), 0);
  const excluded = told.filter(({ excludedBy }) => excludedBy !== undefined);
  const kept = told.filter(({ excludedBy }) => excludedBy === undefined);
  return (
    `${sum(({ faults }) => faults.length)} faults, ${sum((one) => one.acknowledged)} changes acknowledged. ` +
    `Lost: ${sum((one) => one.lost, kept)}, came back: ${sum((one) => one.revived, kept)}; ` +
    `where the server's own guarantee excludes it, lost: ${sum((one) => one.lost, excluded)}, ` +
    `came back: ${sum((one) => one.revived, excluded)}.`
  );
}
