/**
 * How long the fuzz tests run.
 *
 * @module
 */

/**
 * The number of cases per property: `FUZZ_RUNS` of the environment, else `usual`.
 *
 * @throws when `FUZZ_RUNS` is set to something that is not a positive whole number.
 */
export function fuzzRuns(usual = 2000): number {
  const text = process.env["FUZZ_RUNS"];
  if (text === undefined || text === "") return usual;
  const runs = Number(text);
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new Error(`FUZZ_RUNS must be a positive whole number, got ${JSON.stringify(text)}`);
  }
  return runs;
}

/** The time limit of a fuzz test in milliseconds: a long run takes as long as it takes. */
export function fuzzTimeout(usual = 2000): number {
  return 30_000 + fuzzRuns(usual);
}
