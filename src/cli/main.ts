#!/usr/bin/env node
/**
 * The `coatcheck` program: the one place that touches the process.
 *
 * @module
 */

import { runCli } from "./run.ts";

// Not process.exit: what was written to a pipe must get there first.
process.exitCode = await runCli(process.argv.slice(2), process);
