/**
 * A process that keeps changing sessions in an embedded store until it is killed. It writes a line before
 * each change and one after it was acknowledged.
 *
 *     node embedded-writer.js <kind> <path> <prefix> <lanes>
 *
 * A lane does one thing after the other with the sessions of one user; all lanes run at once, so that
 * their changes go together into transactions.
 *
 * @module
 */

import { randomBytes, randomInt } from "node:crypto";
import { writeSync } from "node:fs";
import type { Answer } from "../../src/stores/contract.ts";
import { openEmbedded } from "./embedded-store.ts";
import type { Change } from "./store-changes.ts";

const [kind = "", path = "", prefix = "", lanes = "1"] = process.argv.slice(2);
const store = await openEmbedded(kind, path);
const DAY = 86_400_000;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

// Straight to the pipe: what was written is read, also when the process is killed right after.
function tell(word: "begin" | "done", change: Change): void {
  const line = `${word} ${JSON.stringify(change)}\n`;
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      // The reader is slower than we are. Lines of this length are written as a whole or not at all.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}

async function lane(number: number): Promise<never> {
  const userId = `${prefix}-${number}`;
  const sessions: { id: string; revision: number }[] = [];
  for (let turn = 0; ; turn += 1) {
    const now = Date.now();
    const expiresAt = now + DAY;
    const session = sessions[randomInt(Math.max(1, sessions.length))];
    const kind = randomInt(100);
    const body = `${userId} ${turn} ${"x".repeat(randomInt(3000))}`;
    if (session === undefined || kind < 30) {
      const id = randomBytes(18).toString("base64url");
      const change: Change = { lane: userId, kind: "create", id, userId, body };
      tell("begin", change);
      const record = { id, userId, lastSeenAt: now, expiresAt, closed: false, body };
      const answer = await store.create(record, 0, now);
      // Within the millisecond of a cut-off nobody can sign in.
      if (answer === "created") sessions.push({ id, revision: 1 });
      tell("done", answer === "created" ? change : { lane: userId, kind: "nothing" });
    } else if (kind < 75) {
      const { id, revision } = session;
      const change: Change = { lane: userId, kind: "update", id, revision: revision + 1, body };
      tell("begin", change);
      await must(
        id,
        revision,
        store.update(id, revision, { body, lastSeenAt: now, expiresAt }, now),
      );
      session.revision += 1;
      tell("done", change);
    } else if (kind < 85) {
      const { id, revision } = session;
      const change: Change = { lane: userId, kind: "close", id, revision: revision + 1, body: "" };
      tell("begin", change);
      const next = { body: "", lastSeenAt: now, expiresAt, close: true };
      await must(id, revision, store.update(id, revision, next, now));
      sessions.splice(sessions.indexOf(session), 1);
      tell("done", change);
    } else if (kind < 90) {
      const change: Change = { lane: userId, kind: "cut-off", userId };
      tell("begin", change);
      await store.cutOff(userId, { keepUntil: expiresAt }, now);
      sessions.length = 0;
      tell("done", change);
    } else if (kind < 95) {
      const change: Change = { lane: userId, kind: "revoke", id: `${userId} ${turn}` };
      tell("begin", change);
      await store.add({ kind: "session", id: `${userId} ${turn}`, at: now, until: expiresAt });
      tell("done", change);
    } else {
      const change: Change = { lane: userId, kind: "nothing" };
      tell("begin", change);
      const { id, revision } = session;
      await must(id, revision, store.touch(id, now, expiresAt + turn, now));
      await store.sweep(100, now);
      tell("done", change);
    }
  }
}

/** Nobody else writes a lane's sessions, so none of its changes can be refused. */
async function must(id: string, revision: number, answer: Answer<boolean>): Promise<void> {
  if (await answer) return;
  const { record, cutOff } = (await store.load(id)) ?? {};
  const found = JSON.stringify({ ...record, body: record?.body.length, cutOff });
  throw new Error(`a change of ${id} at revision ${revision} was refused, which is ${found}`);
}

for (let number = 0; number < Number(lanes); number += 1) void lane(number);
