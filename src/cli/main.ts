#!/usr/bin/env node
/**
 * The `coatcheck` program: the one place that touches the process.
 *
 * @module
 */

import { runCli } from "./run.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read along has left, as `head` does: what is under way, such as a copy, goes on.
    if (error.code === "EPIPE") return;
    process.stderr.write(`coatcheck: ${error.message}\n`);
    process.exit(1);
  });
}

// Not process.exit: what was written to a pipe must get there first.
process.exitCode = await runCli(process.argv.slice(2), process);
