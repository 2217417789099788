import { describe, expect, it } from "vitest";
import type { SessionRecord, SessionStore } from "../../../src/stores/contract.ts";
import { testClock } from "../../../src/testing/clock.ts";
import type { ScheduleError } from "../../../src/testing/explorer.ts";
import type { ModelState } from "../../../src/testing/model.ts";
import { modelState, modelStore } from "../../../src/testing/model.ts";
import type { SessionRace } from "../../support/session-races/run.ts";
import { runSessionRace } from "../../support/session-races/run.ts";

interface Mistake {
  readonly mistake: string;
  /** A race that must find it. */
  readonly race: SessionRace;
  /** What the race says. */
  readonly says: RegExp;
  readonly patch: (right: SessionStore, state: ModelState) => Partial<SessionStore>;
}

const users = (...actors: SessionRace["actors"]): SessionRace => ({ actors, start: "a user's" });
const ADA = "ada";

const MISTAKES: readonly Mistake[] = [
  {
    mistake: "update ignores the revision",
    race: users("update", "update"),
    says: /P4 the counter/,
    patch: (right, { records }) => ({
      update: (id, _revision, next, now) =>
        right.update(id, records.get(id)?.revision ?? 0, next, now),
    }),
  },
  {
    mistake: "update ignores the revision, and a write races with a sign-in",
    race: { actors: ["write", "sign-in"], start: "a visitor's" },
    says: /P4 the keys/,
    patch: (right, { records }) => ({
      update: (id, _revision, next, now) =>
        right.update(id, records.get(id)?.revision ?? 0, next, now),
    }),
  },
  {
    mistake: "update brings a closed record back",
    race: users("write", "sign-out"),
    says: /P5/,
    patch: (right, { records }) => ({
      async update(id, revision, next, now) {
        const record = records.get(id);
        if (record?.closed === true) {
          records.set(id, { ...record, userId: ADA, closed: false, revision });
        }
        return await right.update(id, revision, next, now);
      },
    }),
  },
  {
    mistake: "update writes what has expired",
    race: { actors: ["write", "expire"], start: "a user's, touch due" },
    says: /P5/,
    patch: (right, { records }) => ({
      async update(id, revision, next) {
        return await right.update(id, revision, next, (records.get(id)?.expiresAt ?? 1) - 1);
      },
    }),
  },
  {
    mistake: "touch writes back the record that it has read",
    race: { actors: ["read", "sign-out"], start: "a user's, touch due" },
    says: /P5/,
    patch: (right, { records }) => {
      const read = new Map<string, SessionRecord>();
      return {
        async load(id) {
          const loaded = await right.load(id);
          if (loaded !== undefined && !read.has(id)) read.set(id, loaded.record);
          return loaded;
        },
        async touch(id, lastSeenAt, expiresAt) {
          records.set(id, { ...(read.get(id) as SessionRecord), lastSeenAt, expiresAt });
          return true;
        },
      };
    },
  },
  {
    mistake: "a cut-off is forgotten",
    race: users("sign-in", "revokeUser"),
    says: /P5/,
    patch: () => ({ cutOff: async (_userId, _options, now) => now }),
  },
  {
    mistake: "load does not tell the cut-off",
    race: users("elevate", "revokeUser"),
    says: /P5/,
    patch: (right) => ({
      async load(id) {
        const loaded = await right.load(id);
        return loaded && { ...loaded, cutOff: 0 };
      },
    }),
  },
  {
    mistake: "a cut-off ends the excepted session too",
    race: users("read", "revokeOthers"),
    says: /P16|P5/,
    patch: (right) => ({
      cutOff: (userId, { keepUntil }, now) => right.cutOff(userId, { keepUntil }, now),
    }),
  },
  {
    mistake: "close deletes the record",
    race: users("write", "sign-in"),
    says: /P16/,
    patch: (right, { records }) => ({
      async update(id, revision, next, now) {
        const done = await right.update(id, revision, next, now);
        if (done && next.close === true) records.delete(id);
        return done;
      },
    }),
  },
  {
    mistake: "list gives what was closed",
    race: users("read", "sign-out"),
    says: /list/,
    patch: (right, { records }) => ({
      async list(query, now) {
        const page = await right.list(query, now);
        const closed = [...records.values()].filter((record) => record.closed);
        const reopened = closed.map((record) => ({ ...record, closed: false, userId: ADA }));
        return { ...page, records: [...page.records, ...reopened] };
      },
    }),
  },
  {
    mistake: "a refused update is reported as done",
    race: users("write", "write"),
    says: /P4 the keys/,
    patch: (right) => ({
      async update(...args) {
        await right.update(...args);
        return true;
      },
    }),
  },
  {
    mistake: "load answers from a replica that is one write behind",
    race: users("read", "revoke"),
    says: /P5/,
    patch: (right, { records }) => {
      const before = new Map<string, SessionRecord>();
      return {
        async update(id, revision, next, now) {
          const record = records.get(id);
          if (record !== undefined) before.set(id, record);
          return await right.update(id, revision, next, now);
        },
        async load(id) {
          const loaded = await right.load(id);
          const old = before.get(id);
          return loaded && old ? { ...loaded, record: old } : loaded;
        },
      };
    },
  },
];

describe("races of sessions find a store where", () => {
  it.each(MISTAKES)("$mistake", async ({ race, says, patch }) => {
    const clock = testClock();
    const state = modelState();
    const right = modelStore({ state, clock: clock.now });
    const store = { ...right, ...patch(right, state) };
    const run = runSessionRace({ clock, store, another: () => store }, race);
    const error = await run.then(
      () => undefined,
      (reason: ScheduleError) => reason,
    );
    expect(error?.name).toBe("ScheduleError");
    expect(error?.message).toMatch(says);
    expect(error?.schedule.length).toBeGreaterThan(1);
  });
});
