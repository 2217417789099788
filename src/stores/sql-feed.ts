/**
 * How an SQL store reads on in its feed of revocations.
 *
 * @module
 */

import type { Revocation, RevocationPage, Revocations } from "./contract.ts";

type Row = readonly unknown[];

/** The most entries of a page. */
export const FEED_PAGE = 1000;

/**
 * Its cursor is the number of an entry, and when that one was made: after a backup was put back, or a replica took
 * over that lagged behind, a number is given again. Whoever comes with one of before is given everything.
 *
 * @param read - the last number of all, and the number, kind, id and moment of each entry from a number on
 */
export function sqlFeed(
  read: (from: number) => Promise<readonly Row[]>,
  revocationOf: (row: Row) => Revocation,
): Revocations["since"] {
  return async function since(cursor): Promise<RevocationPage> {
    const [, asked = 0, madeAt = ""] = /^(\d{1,15})@(.*)$/.exec(cursor ?? "") ?? [];
    const from = Number(asked);
    const rows = await read(from);
    const last = Number(rows[0]?.[0]);
    const entries = rows.filter((row) => row[1] !== null);
    const isKnown = entries.length > 0 && numberOf(entries[0]) === from;
    if (from > last || (isKnown && momentOf(entries[0]) !== madeAt)) return since(undefined);
    const more = entries.length === FEED_PAGE;
    const end = entries.at(-1);
    const next = more ? numberOf(end) : last;
    const revocations = (isKnown ? entries.slice(1) : entries).map(revocationOf);
    return { revocations, cursor: `${next}@${numberOf(end) === next ? momentOf(end) : ""}`, more };
  };
}

function numberOf(row: Row | undefined): number {
  return Number(row?.[1]);
}

function momentOf(row: Row | undefined): string {
  return `${Number(row?.[4])}`;
}
