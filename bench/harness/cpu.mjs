// @ts-check
/**
 * CPU of other processes, as the kernel has it in `/proc`: to the hundredth of a second.
 *
 * @module
 */

import { readFileSync } from "node:fs";

// What sysconf(_SC_CLK_TCK) says on every Linux there is.
const TICK_US = 10_000;

/** The CPU that a process and its children have taken, in µs; those that have ended count too. */
export function cpuOf(/** @type {number} */ pid) {
  const fields = stat(pid);
  let ticks = own(fields) + ended(fields);
  for (const child of childrenOf(pid)) {
    try {
      ticks += own(stat(child));
    } catch {
      // It has ended since it was listed, and counts among those the next time.
    }
  }
  return ticks * TICK_US;
}

/** The CPU of the children of this process that have ended, in µs. */
export function cpuOfEnded() {
  return ended(stat(process.pid)) * TICK_US;
}

/** How long all cores together have worked and have had nothing to do, in µs, since the start. */
export function cpuOfMachine() {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, one) => sum + one, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busy: (total - idle) * TICK_US, idle: idle * TICK_US };
}

/** The fields after the name, which may have spaces in it: the state is the first. */
function stat(/** @type {number} */ pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function own(/** @type {string[]} */ fields) {
  return Number(fields[11]) + Number(fields[12]);
}

function ended(/** @type {string[]} */ fields) {
  return Number(fields[13]) + Number(fields[14]);
}

function childrenOf(/** @type {number} */ pid) {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").filter(Boolean).map(Number);
}
