/**
 * Load on a SQL store that tells what it does, line by line, for the ledger of `store-changes.ts`, until the
 * server is killed: a lane does one thing after the other with the sessions of one user.
 *
 * @module
 */

import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Answer, Revocations, SessionStore } from "../../src/stores/contract.ts";
import type { InjectedFault } from "./fault-report.ts";
import { inject, reportFaults } from "./fault-report.ts";
import type { OwnServer } from "./own-server.ts";
import type { Change } from "./store-changes.ts";
import { ledger } from "./store-changes.ts";

interface Lanes {
  /** What was begun and what was acknowledged, in order. */
  readonly lines: readonly string[];
  /** Resolves with the first acknowledgement. */
  readonly begun: Promise<void>;
  /** Resolves when every lane has failed. */
  readonly ended: Promise<unknown>;
}

const DAY = 86_400_000;
const LANES = 8;
const LONGEST_ROUND_MS = 400;

/**
 * Kills a server at any moment of its work, again and again, and looks after each time at everything that was
 * ever acknowledged.
 */
export async function killRounds(
  on: string,
  server: Pick<OwnServer, "start" | "kill">,
  store: SessionStore & Revocations,
  rounds: number,
): Promise<void> {
  const book = ledger();
  const faults: InjectedFault[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const lanes = startLanes(store, `round-${round}`, LANES);
    await lanes.begun;
    await sleep(Math.random() * LONGEST_ROUND_MS);
    faults.push(
      await inject("kill -9 and restart", async () => {
        await server.kill();
        await lanes.ended;
        book.read(lanes.lines);
        await server.start();
      }),
    );
    await book.check(store);
  }
  expect(book.acknowledged).toBeGreaterThan(rounds * LANES);
  const { acknowledged } = book;
  reportFaults({
    ...{ on, faults, acknowledged, failed: rounds * LANES },
    checked: "every session, list, cut-off and revocation is as it was acknowledged",
  });
}

/** @param prefix - sets these lanes' users apart from all others */
function startLanes(store: SessionStore & Revocations, prefix: string, count: number): Lanes {
  const lines: string[] = [];
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  async function change(told: Change, work: () => Promise<boolean | undefined>): Promise<void> {
    lines.push(`begin ${JSON.stringify(told)}`);
    const isDone = await work();
    lines.push(`done ${JSON.stringify(isDone === false ? { ...told, kind: "nothing" } : told)}`);
    begin();
  }

  async function lane(userId: string): Promise<never> {
    const sessions: { id: string; revision: number }[] = [];
    for (let turn = 0; ; turn += 1) {
      const now = Date.now();
      const expiresAt = now + DAY;
      const session = sessions[randomInt(Math.max(1, sessions.length))];
      const kind = randomInt(100);
      const body = `${userId} ${turn} ${"x".repeat(randomInt(3000))}`;
      const next = { body, lastSeenAt: now, expiresAt };
      if (session === undefined || kind < 30) {
        const id = randomBytes(18).toString("base64url");
        await change({ lane: userId, kind: "create", id, userId, body }, async () => {
          const record = { id, userId, ...next, closed: false };
          // Within the millisecond of a cut-off nobody can sign in.
          const isCreated = (await store.create(record, 0, now)) === "created";
          if (isCreated) sessions.push({ id, revision: 1 });
          return isCreated;
        });
      } else if (kind < 85) {
        const close = kind >= 75;
        const { id, revision } = session;
        const told = { lane: userId, id, revision: revision + 1, body };
        await change({ ...told, kind: close ? "close" : "update" }, async () => {
          await must(store.update(id, revision, { ...next, close }, now));
          session.revision += 1;
          if (close) sessions.splice(sessions.indexOf(session), 1);
          return true;
        });
      } else if (kind < 90) {
        await change({ lane: userId, kind: "cut-off", userId }, async () => {
          await store.cutOff(userId, { keepUntil: expiresAt }, now);
          sessions.length = 0;
          return true;
        });
      } else if (kind < 95) {
        const id = `${userId} ${turn}`;
        await change({ lane: userId, kind: "revoke", id }, async () => {
          await store.add({ kind: "session", id, at: now, until: expiresAt });
          return true;
        });
      } else {
        await must(store.touch(session.id, now, expiresAt + turn, now));
        await store.sweep(100, now);
      }
    }
  }

  const refused: unknown[] = [];
  const ended = Promise.all(
    Array.from({ length: count }, (_, number) =>
      lane(`${prefix}-${number}`).catch((error: unknown) => {
        if (error instanceof RefusedError) refused.push(error);
      }),
    ),
  ).then(() => {
    if (refused.length > 0) throw refused[0];
  });
  return { lines, begun, ended };
}

class RefusedError extends Error {}

/** Nobody else writes a lane's sessions, so none of its changes can be refused. */
async function must(answer: Answer<boolean>): Promise<void> {
  if (!(await answer))
    throw new RefusedError("a change that nobody else could have made was refused");
}
