/**
 * `coatcheck copy`: moves every session from one store to another.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ConfigError, UnreadableRecordError } from "../../errors.ts";
import type { SessionRecord, SessionStore } from "../../stores/contract.ts";
import { encrypted } from "../../stores/layers/encrypted.ts";
import { isEncrypted } from "../../stores/layers/encrypted-body.ts";
import { isPending } from "../../stores/layers/move.ts";
import { moving } from "../../stores/layers/moving.ts";
import { copyFeed } from "../../stores/layers/moving-feed.ts";
import type { Command, CommandIo } from "../command.ts";
import { orReason } from "../command.ts";
import { ADDRESSES, openStore, requireThere } from "../open-store.ts";

const PAGE = 250;

export const copy: Command = {
  name: "copy",
  summary: "Move every session from one store to another.",
  usage: "coatcheck copy --from <store> --to <store> --yes",
  details: `Each session moves in one piece: at any moment it is in one of the two, and what is
signed in or out meanwhile is right in both. Stop it and run it again as you
like: it goes on with what has not moved.

An app that runs meanwhile must use both stores, or its people are signed out:

  store: moving({ from, to })               first, everywhere
  store: moving({ from, to, move: true })   then, everywhere; now run this
  store: to                                 when nothing is left to move

  --from <store>           Where the sessions are.
  --to <store>             Where they are to be.
  --from-secret <secret>   Where the app puts \`encrypted\` around a store: each of
  --to-secret <secret>     its secrets, in their order.
  --yes                    The app uses \`moving\`, or is stopped.

A store is ${ADDRESSES}.
Of Redis it is one server, and no cluster.
Where the app gives it another namespace, schema (PostgreSQL) or prefix (MySQL),
so does the address, as in postgres://db.example/shop?schema=sessions

Passwords and secrets are better given in the environment, which no list of
processes shows: FROM_STORE, TO_STORE, FROM_STORE_SECRET, TO_STORE_SECRET.`,

  async run(args, io) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        from: { type: "string" },
        to: { type: "string" },
        "from-secret": { type: "string", multiple: true },
        "to-secret": { type: "string", multiple: true },
        yes: { type: "boolean", default: false },
      },
    });
    const from = values.from ?? process.env["FROM_STORE"];
    const to = values.to ?? process.env["TO_STORE"];
    if (from === undefined) throw new ConfigError("--from", "must be given");
    if (to === undefined) throw new ConfigError("--to", "must be given");
    if (from === to) throw new ConfigError("--to", "must be another store than `--from`");
    if (!values.yes) {
      const mend = "says that the app uses `moving`, or is stopped: see --help";
      throw new ConfigError("--yes", `${mend}. Without that its people would be signed out`);
    }
    requireThere("--from", from);
    const fromSecrets = values["from-secret"] ?? secretsIn("FROM_STORE_SECRET");
    const toSecrets = values["to-secret"] ?? secretsIn("TO_STORE_SECRET");
    return await orReason("copy", io, async () => {
      const source = await openStore("--from", from);
      try {
        const target = await openStore("--to", to);
        try {
          const all = await opened(source.store, "--from-secret", fromSecrets);
          const moved = await opened(target.store, "--to-secret", toSecrets);
          await copyFeed(source.store, target.store);
          await sweepAll(target.store);
          await moveAll(all, moved, io);
        } finally {
          await target.close();
        }
      } finally {
        await source.close();
      }
    });
  },
};

function secretsIn(name: string): readonly string[] {
  const secret = process.env[name];
  return secret ? [secret] : [];
}

/** The store as the app has it. What is encrypted there cannot be moved, or joined, as plain. */
async function opened(
  store: SessionStore,
  option: string,
  secrets: readonly string[],
): Promise<SessionStore> {
  if (secrets.length > 0) return encrypted(store, { secrets });
  for await (const records of pages(store)) {
    if (records.some(({ body }) => isEncrypted(body))) {
      throw new ConfigError(option, "must be given: the sessions there are encrypted");
    }
    // A page with nothing on it tells nothing, as where all that it came by is over.
    if (records.length > 0) break;
  }
  return store;
}

/** What an earlier run was about to move, and is over there since, keeps its place until it is swept. */
async function sweepAll(store: SessionStore): Promise<void> {
  while ((await store.sweep(PAGE, Date.now())) >= PAGE);
}

/** Moves what is there, and what comes meanwhile, until there is nothing left. */
async function moveAll(from: SessionStore, to: SessionStore, { stdout }: CommandIo): Promise<void> {
  const total = await count(from);
  const kept = new Set<string>();
  const both = moving({ from, to, move: true });
  const show = progress(stdout, total);
  let moved = 0;
  for (let left = true; left; ) {
    left = false;
    for await (const records of pages(from)) {
      const open = records.filter(({ id }) => !kept.has(id));
      await Promise.all(open.map(({ id }) => tryLoad(both, id)));
      for (const { id } of open) {
        // Still in its place: the new store cannot take it under this id.
        if (await isThere(from, id)) kept.add(id);
        else moved += 1;
      }
      left ||= open.length > 0;
      show(moved + kept.size);
    }
  }
  // Whoever was stopped before the last step has left one that the old store does not list any more.
  for await (const records of pages(to)) {
    await Promise.all(records.filter(isPending).map(({ id }) => tryLoad(both, id)));
  }
  stdout.write(
    `\n${moved} moved. ${kept.size === 0 ? "Nothing is left to move." : stay(kept.size)}\n`,
  );
}

function stay(count: number): string {
  return (
    `${count} stay: their ids were not made for the new store, they are too long for it, or they\n` +
    "cannot be read. They move when their people sign in again; keep `moving` until they have ended."
  );
}

async function isThere(from: SessionStore, id: string): Promise<boolean> {
  try {
    return (await from.load(id))?.record.closed === false;
  } catch (error) {
    unlessUnreadable(error);
    return true;
  }
}

// One that nobody can open, as when its secret is gone, must not keep the others.
async function tryLoad(store: SessionStore, id: string): Promise<void> {
  try {
    await store.load(id);
  } catch (error) {
    unlessUnreadable(error);
  }
}

function unlessUnreadable(error: unknown): void {
  if (!(error instanceof UnreadableRecordError)) throw error;
}

async function count(store: SessionStore): Promise<number> {
  let total = 0;
  for await (const records of pages(store)) total += records.length;
  return total;
}

async function* pages(store: SessionStore): AsyncGenerator<readonly SessionRecord[]> {
  let cursor: string | undefined;
  do {
    const page = await store.list({ cursor, limit: PAGE }, Date.now());
    yield page.records;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** A bar that is drawn over itself, ten times a second at most. */
function progress(stdout: CommandIo["stdout"], total: number): (done: number) => void {
  const began = performance.now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  return (done) => {
    const now = performance.now();
    if (now - drawnAt < 100 && done < total) return;
    drawnAt = now;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const bar = "█".repeat(Math.round(share * 30)).padEnd(30, "░");
    const pace = Math.round((done * 1000) / Math.max(1, now - began));
    stdout.write(`\r${bar} ${Math.floor(share * 100)} %  ${done} of ${total}, ${pace} a second `);
  };
}
