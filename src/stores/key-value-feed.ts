/**
 * A feed of revocations on cells: entries in numbered pieces, and a head that says which pieces there are.
 *
 * @module
 */

import type { Revocation, Revocations } from "./contract.ts";
import type { Cells } from "./key-value-cells.ts";
import type { KeyValueKeys } from "./key-value-texts.ts";
import { kept } from "./key-value-texts.ts";

/** The pieces that there are, both counted in. */
interface Head {
  readonly first: number;
  readonly last: number;
}

export interface KeyValueFeed extends Revocations {
  /** Removes the pieces whose entries are all over. */
  sweep(now: number): Promise<void>;
}

// An entry takes about 150 bytes, and to add one writes its whole piece.
const PIECE = 100;
const PIECES_IN_A_PAGE = 10;

/** A cursor is the number of a piece and how many of its entries have been read. */
export function keyValueFeed(cells: Cells, keys: KeyValueKeys, clock: () => number): KeyValueFeed {
  async function readHead(): Promise<Head> {
    return decodeHead((await cells.read([keys.feed()]))[0]);
  }

  async function readPiece(piece: number): Promise<readonly Revocation[]> {
    return decodePiece((await cells.read([keys.feed(piece)]))[0]);
  }

  /** Makes the piece after this one the last, unless somebody has. */
  function goOn(from: number): Promise<void> {
    return cells.change(keys.feed(), (text) => {
      const { first, last } = decodeHead(text);
      if (last > from) return kept(undefined);
      return {
        does: "write",
        text: JSON.stringify({ first, last: from + 1 }),
        result: undefined,
      };
    });
  }

  async function addToLast(given: Revocation): Promise<void> {
    for (let { last } = await readHead(); ; last += 1) {
      const isAdded = await cells.change<boolean>(keys.feed(last), (text) => {
        const entries = decodePiece(text);
        if (entries.length >= PIECE) return kept(false);
        return { does: "write", text: JSON.stringify([...entries, given]), result: true };
      });
      if (!isAdded) await goOn(last);
      // Slow ones may have added to a piece that was swept meanwhile.
      else if ((await readHead()).first <= last) return;
    }
  }

  return {
    add: (revocation) => addToLast({ ...revocation }),

    async since(cursor) {
      const now = clock();
      const head = await readHead();
      const [piece = Number.NaN, count = Number.NaN] = (cursor ?? "").split(".").map(Number);
      // A cursor that was never given is no reason to miss anything.
      const isKnown = piece >= head.first && piece <= head.last && count >= 0;
      const first = isKnown ? piece : head.first;
      const last = Math.min(head.last, first + PIECES_IN_A_PAGE - 1);
      const revocations: Revocation[] = [];
      let read = 0;
      for (let at = first; at <= last; at += 1) {
        const entries = await readPiece(at);
        read = entries.length;
        const from = isKnown && at === piece && count <= read ? count : 0;
        revocations.push(...entries.slice(from).filter(({ until }) => until > now));
      }
      return { revocations, cursor: `${last}.${read}`, more: last < head.last };
    },

    async sweep(now) {
      const head = await readHead();
      let { first } = head;
      while (first < head.last && (await readPiece(first)).every(({ until }) => until <= now)) {
        first += 1;
      }
      if (first === head.first) return;
      await cells.change<void>(keys.feed(), (text) => {
        const current = decodeHead(text);
        return {
          does: "write",
          text: JSON.stringify({ first: Math.max(first, current.first), last: current.last }),
          result: undefined,
        };
      });
      for (let piece = head.first; piece < first; piece += 1) {
        await cells.change(keys.feed(piece), () => ({ does: "remove", result: undefined }));
      }
    },
  };
}

function decodeHead(text: string | undefined): Head {
  return text === undefined ? { first: 0, last: 0 } : (JSON.parse(text) as Head);
}

function decodePiece(text: string | undefined): readonly Revocation[] {
  return text === undefined ? [] : (JSON.parse(text) as Revocation[]);
}
