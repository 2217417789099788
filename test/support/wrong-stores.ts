/**
 * Stores with one mistake each, of the kinds that real session stores have had: what the suite must
 * turn red on.
 *
 * @module
 */

import type { NewRecord, SessionRecord, SessionStore } from "../../src/stores/contract.ts";
import type { Wire } from "../../src/testing/explorer.ts";
import type { ModelState } from "../../src/testing/model.ts";
import { modelState, modelStore } from "../../src/testing/model.ts";
import type { StoreFixture } from "../../src/testing/store-fixture.ts";

export interface WrongStore {
  readonly mistake: string;
  /** Names the tests that must find it. */
  readonly red: RegExp;
  open(): StoreFixture;
}

type Model = ReturnType<typeof modelStore>;
type Overrides = Partial<Model>;

/** Every verb is one command. */
function wrong(
  mistake: string,
  red: RegExp,
  overrides: (state: ModelState, right: Model) => Overrides,
): WrongStore {
  return {
    mistake,
    red,
    open() {
      const state = modelState();
      const handle = (): Model => {
        const right = modelStore({ state });
        return { ...right, ...overrides(state, right) };
      };
      return { store: handle(), another: async () => handle() };
    },
  };
}

/** Some verb takes several commands, each over the wire. */
function wrongOverWire(
  mistake: string,
  red: RegExp,
  overrides: (state: ModelState, right: Model, wire: Wire) => Overrides,
): WrongStore {
  return {
    mistake,
    red,
    open() {
      const state = modelState();
      const handle = (wire: Wire): Model => {
        const right = modelStore({ state });
        const verbs: Overrides = {
          load: (...args) => wire("load", async () => right.load(...args)),
          create: (...args) => wire("create", () => right.create(...args)),
          update: (...args) => wire("update", async () => right.update(...args)),
          touch: (...args) => wire("touch", () => right.touch(...args)),
          cutOff: (...args) => wire("cutOff", () => right.cutOff(...args)),
          list: (...args) => wire("list", () => right.list(...args)),
          sweep: (...args) => wire("sweep", () => right.sweep(...args)),
        };
        return { ...right, ...verbs, ...overrides(state, right, wire) };
      };
      const direct: Wire = (_command, send) => send();
      return { store: handle(direct), wired: async (wire) => handle(wire) };
    },
  };
}

const isLive = (record: SessionRecord | undefined, now: number): record is SessionRecord =>
  record !== undefined && !record.closed && record.expiresAt > now;

/** The `set` of most session stores: read, change, write back, whatever lies there by then. */
export const upsertStore: WrongStore = wrongOverWire(
  "update is a read and an upsert",
  /race: update × close/,
  ({ records }, _right, wire) => ({
    async update(id, revision, next, now) {
      const record = await wire("get", async () => records.get(id));
      if (!isLive(record, now) || record.revision !== revision) return false;
      const { close = false, ...written } = next;
      const userId = close ? undefined : record.userId;
      const saved = { ...record, ...written, userId, closed: close, revision: revision + 1 };
      await wire("set", async () => records.set(id, saved));
      return true;
    },
  }),
);

export const WRONG_STORES: readonly WrongStore[] = [
  upsertStore,
  wrong("update ignores the revision", /race: update × update/, ({ records }, right) => ({
    update: (id, _revision, next, now) =>
      right.update(id, records.get(id)?.revision ?? 0, next, now),
  })),
  wrong("update brings a closed record back", /race: update × close/, ({ records }, right) => ({
    async update(id, revision, next, now) {
      const record = records.get(id);
      if (record?.closed === true) records.set(id, { ...record, closed: false, revision });
      return await right.update(id, revision, next, now);
    },
  })),
  wrong("update writes an expired record", /race: update × expire/, ({ records }, right) => ({
    update: (id, revision, next) =>
      right.update(id, revision, next, (records.get(id)?.expiresAt ?? 1) - 1),
  })),
  wrong("update moves lastSeenAt back", /update: the later of two lastSeenAt/, (state, right) => ({
    async update(id, revision, next, now) {
      const done = await right.update(id, revision, next, now);
      const record = state.records.get(id);
      if (done && record) state.records.set(id, { ...record, lastSeenAt: next.lastSeenAt });
      return done;
    },
  })),
  wrong("update never shortens a life", /update: the later of two lastSeenAt/, (state, right) => ({
    update(id, revision, next, now) {
      const expiresAt = Math.max(next.expiresAt, state.records.get(id)?.expiresAt ?? 0);
      return right.update(id, revision, { ...next, expiresAt }, now);
    },
  })),
  wrong(
    "touch revives a closed record",
    /race: touch × close|race: close × touch|race: touch/,
    (state, right) => ({
      async touch(id, lastSeenAt, expiresAt, now) {
        const record = state.records.get(id);
        if (record !== undefined) state.records.set(id, { ...record, closed: false });
        return await right.touch(id, lastSeenAt, expiresAt, now);
      },
    }),
  ),
  wrong("touch counts as a write", /touch: moves both times/, (state, right) => ({
    async touch(id, lastSeenAt, expiresAt, now) {
      const done = await right.touch(id, lastSeenAt, expiresAt, now);
      const record = state.records.get(id);
      if (done && record) state.records.set(id, { ...record, revision: record.revision + 1 });
      return done;
    },
  })),
  wrong("touch moves times back", /touch: moves each of the two times/, (state, right) => ({
    async touch(id, lastSeenAt, expiresAt, now) {
      const done = await right.touch(id, lastSeenAt, expiresAt, now);
      const record = state.records.get(id);
      if (done && record) state.records.set(id, { ...record, lastSeenAt, expiresAt });
      return done;
    },
  })),
  wrongOverWire(
    "touch writes the whole record back",
    /race: update × touch/,
    ({ records }, _right, wire) => ({
      async touch(id, lastSeenAt, expiresAt, now) {
        const record = await wire("get", async () => records.get(id));
        if (!isLive(record, now)) return false;
        await wire("set", async () => records.set(id, { ...record, lastSeenAt, expiresAt }));
        return true;
      },
    }),
  ),
  wrong("close keeps the user", /race: update × close/, ({ records }, right) => ({
    async update(id, revision, next, now) {
      const userId = records.get(id)?.userId;
      const done = await right.update(id, revision, next, now);
      const record = records.get(id);
      if (done && record) records.set(id, { ...record, userId });
      return done;
    },
  })),
  wrong("close leaves the entry in the lists", /race: list × close/, ({ records }, right) => {
    const owners = new Map<string, string | undefined>();
    return {
      async create(record, startedAgo, now) {
        owners.set(record.id, record.userId);
        return await right.create(record, startedAgo, now);
      },
      async list({ userId, cursor = "", limit }, now) {
        const left = [...records.values()]
          .filter(({ id, expiresAt }) => expiresAt > now && id > cursor)
          .filter(({ id }) => userId === undefined || owners.get(id) === userId)
          .sort((a, b) => (a.id < b.id ? -1 : 1));
        const page = left.slice(0, limit);
        return left.length > limit ? { records: page, cursor: page.at(-1)?.id } : { records: page };
      },
    };
  }),
  wrong("close deletes the record", /update: close drops the user/, ({ records }, right) => ({
    async update(id, revision, next, now) {
      const done = await right.update(id, revision, next, now);
      if (done && next.close) records.delete(id);
      return done;
    },
  })),
  wrong(
    "create overwrites a closed record",
    /create: the id of a closed record/,
    ({ records }, right) => ({
      async create(record, startedAgo, now) {
        if (records.get(record.id)?.closed) records.delete(record.id);
        return await right.create(record, startedAgo, now);
      },
    }),
  ),
  wrong(
    "create overwrites an expired record",
    /create: the id of an expired record/,
    ({ records }, right) => ({
      async create(record, startedAgo, now) {
        if ((records.get(record.id)?.expiresAt ?? now) < now) records.delete(record.id);
        return await right.create(record, startedAgo, now);
      },
    }),
  ),
  wrong(
    "create goes by the end of a sign-in, not by its begin",
    /race: create × cut-off/,
    (_state, right) => ({
      create: (record, _startedAgo, now) => right.create(record, 0, now + 1),
    }),
  ),
  wrong(
    "create reports a cut-off and creates all the same",
    /create: a sign-in that began before/,
    ({ records, cutOffs }, right) => ({
      async create(record, startedAgo, now) {
        const answer = await right.create(record, startedAgo, now);
        if (answer === "cut-off") {
          const mark = (cutOffs.get(record.userId ?? "")?.at ?? 0) + 1;
          records.set(record.id, { ...record, revision: 1, mark });
        }
        return answer;
      },
    }),
  ),
  wrongOverWire(
    "create checks the cut-off in a command of its own",
    /race: create × cut-off/,
    ({ records, cutOffs }, _right, wire) => ({
      async create(record, _startedAgo, now) {
        // The mark is taken from the check, so what comes between is not seen.
        const cutOff = await wire("get cut-off", async () => cutOffs.get(record.userId ?? "")?.at);
        if (cutOff !== undefined) return "cut-off";
        return await wire("set", async () => {
          if (records.has(record.id)) return "taken";
          records.set(record.id, { ...record, revision: 1, mark: now + 1 });
          return "created";
        });
      },
    }),
  ),
  wrongOverWire(
    "the cut-off lifts the excepted session in a second command",
    /race: revoke others × other device|race: cut-off × revoke others/,
    ({ records }, right, wire) => ({
      async cutOff(userId, { except, keepUntil }, now) {
        const at = await wire("cut off", () => right.cutOff(userId, { keepUntil }, now));
        await wire("lift", async () => {
          const record = except === undefined ? undefined : records.get(except);
          if (!isLive(record, now) || record.userId !== userId) return;
          records.set(record.id, { ...record, mark: at + 1 });
        });
        return at;
      },
    }),
  ),
  wrong(
    "a cut-off brings back whom it excepts",
    /race: cut-off × revoke others/,
    ({ records }, right) => ({
      async cutOff(userId, options, now) {
        const at = await right.cutOff(userId, options, now);
        const record = options.except === undefined ? undefined : records.get(options.except);
        if (isLive(record, now) && record.userId === userId) {
          records.set(record.id, { ...record, mark: Math.max(record.mark, at + 1) });
        }
        return at;
      },
    }),
  ),
  wrong(
    "a cut-off lifts the excepted session far above itself",
    /cutOff: the next one ends/,
    ({ records }, right) => ({
      async cutOff(userId, options, now) {
        const at = await right.cutOff(userId, options, now);
        const record = options.except === undefined ? undefined : records.get(options.except);
        if (record !== undefined && record.mark > at)
          records.set(record.id, { ...record, mark: at + 1000 });
        return at;
      },
    }),
  ),
  wrong("a cut-off does not except anybody", /race: load × revoke others/, (_state, right) => ({
    cutOff: (userId, { keepUntil }, now) => right.cutOff(userId, { keepUntil }, now),
  })),
  wrong("a cut-off goes back with the clock", /cutOff: is the later of/, ({ cutOffs }, right) => ({
    async cutOff(userId, options, now) {
      await right.cutOff(userId, options, now);
      cutOffs.set(userId, { at: now, keepUntil: options.keepUntil });
      return now;
    },
  })),
  wrong(
    "a later cut-off shortens the memory of an earlier one",
    /cutOff: is remembered until/,
    ({ cutOffs }, right) => ({
      async cutOff(userId, options, now) {
        const at = await right.cutOff(userId, options, now);
        cutOffs.set(userId, { at, keepUntil: options.keepUntil });
        return at;
      },
    }),
  ),
  wrong(
    "a cut-off ends only the sessions it finds",
    /cutOff: ends every session|cutOff: of a user without/,
    ({ records, cutOffs }, right) => ({
      async cutOff(userId, options, now) {
        const found = [...records.values()].some((record) => record.userId === userId);
        const at = await right.cutOff(userId, options, now);
        if (!found) cutOffs.delete(userId);
        return at;
      },
    }),
  ),
  wrong(
    "list counts its way through",
    /list: (goes on where|what was there all along)/,
    ({ records }, right) => ({
      async list({ userId, cursor = "0", limit }, now) {
        const { records: all } = await right.list({ userId, limit: records.size + 1 }, now);
        const end = Number(cursor) + limit;
        const page = all.slice(Number(cursor), end);
        return all.length > end ? { records: page, cursor: `${end}` } : { records: page };
      },
    }),
  ),
  wrong("list is in the order of last use", /list: keeps one order/, ({ records }) => ({
    async list({ userId, cursor = "", limit }, now) {
      const place = ({ lastSeenAt, id }: SessionRecord): string => `${lastSeenAt} ${id}`;
      const left = [...records.values()]
        .filter((record) => isLive(record, now) && place(record) > cursor)
        .filter((record) => userId === undefined || record.userId === userId)
        .sort((a, b) => (place(a) < place(b) ? -1 : 1));
      const page = left.slice(0, limit);
      const last = page.at(-1);
      return left.length > limit && last
        ? { records: page, cursor: place(last) }
        : { records: page };
    },
  })),
  wrong("list shows who was cut off", /race: list × cut-off/, ({ records }) => ({
    async list({ userId, cursor = "", limit }, now) {
      const left = [...records.values()]
        .filter((record) => isLive(record, now) && record.id > cursor)
        .filter((record) => userId === undefined || record.userId === userId)
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      const page = left.slice(0, limit);
      const last = page.at(-1);
      return left.length > limit && last ? { records: page, cursor: last.id } : { records: page };
    },
  })),
  wrong("list leaves visitors out", /list: gives one user's records/, (_state, right) => ({
    async list(query, now) {
      const page = await right.list(query, now);
      return { ...page, records: page.records.filter(({ userId }) => userId !== undefined) };
    },
  })),
  wrong(
    "list goes by prefixes of user ids",
    /user ids: every text names one user/,
    (_state, right) => ({
      async list({ userId, ...query }, now) {
        const page = await right.list(query, now);
        const mine = page.records.filter((record) => record.userId?.startsWith(userId ?? ""));
        return userId === undefined ? page : { ...page, records: mine };
      },
    }),
  ),
  wrong(
    "list shows expired records",
    /list: leaves out what is closed or expired/,
    (_state, right) => ({
      list: (query) => right.list(query, 0),
    }),
  ),
  wrong(
    "sweep takes closed records at once",
    /update: close drops the user/,
    ({ records }, right) => ({
      async sweep(limit, now) {
        for (const { id, closed } of records.values()) if (closed) records.delete(id);
        return await right.sweep(limit, now);
      },
    }),
  ),
  wrong("sweep takes more than it may", /sweep: removes at most/, (_state, right) => ({
    sweep: (_limit, now) => right.sweep(1_000_000, now),
  })),
  wrong("sweep leaves closed records", /sweep: removes expired records/, ({ records }, right) => ({
    async sweep(limit, now) {
      const closed = [...records.values()].filter((record) => record.closed);
      const removed = await right.sweep(limit, now);
      for (const record of closed) records.set(record.id, record);
      return [...closed].length > 0 ? 0 : removed;
    },
  })),
  wrong("sweep forgets cut-offs at once", /sweep: forgets a cut-off/, ({ cutOffs }, right) => ({
    async sweep(limit, now) {
      cutOffs.clear();
      return await right.sweep(limit, now);
    },
  })),
  wrongOverWire(
    "sweep looks first and removes later",
    /race: touch × sweep/,
    ({ records }, right, wire) => ({
      async sweep(limit, now) {
        const expired = await wire("find", async () =>
          [...records.values()].filter(({ expiresAt }) => expiresAt <= now).slice(0, limit),
        );
        for (const { id } of expired) await wire("remove", async () => records.delete(id));
        return expired.length > 0 ? expired.length : await right.sweep(limit, now);
      },
    }),
  ),
  wrong("load hands out the record itself", /load: what it hands out/, ({ records, cutOffs }) => ({
    async load(id) {
      const record = records.get(id);
      return record && { record, cutOff: cutOffs.get(record.userId ?? "")?.at ?? 0 };
    },
  })),
  wrong("load forgets the cut-off", /race: load × cut-off/, (_state, right) => ({
    async load(id) {
      const loaded = await right.load(id);
      return loaded && { ...loaded, cutOff: 0 };
    },
  })),
  wrong(
    "load reads the cut-off of every user",
    /load: tells the cut-off/,
    ({ cutOffs }, right) => ({
      async load(id) {
        const loaded = await right.load(id);
        const cutOff = Math.max(0, ...[...cutOffs.values()].map(({ at }) => at));
        return loaded && { ...loaded, cutOff };
      },
    }),
  ),
  wrongOverWire(
    "load reads the cut-off before the record",
    /load: the cut-off is read/,
    ({ records, cutOffs }, _right, wire) => ({
      async load(id) {
        const userId = records.get(id)?.userId ?? "";
        const cutOff = (await wire("get cut-off", async () => cutOffs.get(userId)?.at)) ?? 0;
        const record = await wire("get", async () => records.get(id));
        return record && { record: { ...record }, cutOff };
      },
    }),
  ),
  wrong(
    "a handle goes on reading its old snapshot",
    /load: every handle sees at once/,
    (_state, right) => {
      const seen = new Map<string, Awaited<ReturnType<SessionStore["load"]>>>();
      return {
        async load(id) {
          if (!seen.has(id)) seen.set(id, await right.load(id));
          return seen.get(id);
        },
      };
    },
  ),
  wrong("ids are compared without their case", /ids: two that differ/, (_state, right) => ({
    load: (id) => right.load(id.toLowerCase()),
    create: (record, startedAgo, now) =>
      right.create({ ...record, id: record.id.toLowerCase() }, startedAgo, now),
  })),
  wrong("user ids end with their first NUL", /user ids: /, (_state, right) => ({
    create: (record, startedAgo, now) =>
      right.create({ ...record, userId: record.userId?.split("\0")[0] }, startedAgo, now),
  })),
  wrong("bodies are cut where a column ends", /bodies: of maxBodyBytes/, (_state, right) => ({
    create: (record, startedAgo, now) =>
      right.create({ ...record, body: record.body.slice(0, 65_535) }, startedAgo, now),
  })),
  wrong("bodies are trimmed", /bodies: come back letter by letter/, (_state, right) => ({
    create: (record, startedAgo, now) =>
      right.create({ ...record, body: record.body.trim() }, startedAgo, now),
  })),
  wrong("the feed goes by the clock", /revocations: a reader/, ({ feed }, right) => ({
    async since(cursor) {
      const { revocations } = await right.since(undefined);
      const newest = Math.max(0, ...feed.map(({ at }) => at));
      return {
        revocations: revocations.filter(({ at }) => at > Number(cursor ?? 0)),
        cursor: `${newest}`,
      };
    },
  })),
  wrong(
    "the feed gives a page",
    /revocations: who goes on while there is more/,
    (_state, right) => ({
      async since(cursor) {
        const { revocations } = await right.since(cursor);
        return { revocations: revocations.slice(0, 1000), cursor: `${Number(cursor ?? 0) + 1000}` };
      },
    }),
  ),
  wrong(
    "the feed goes on from its end after a page",
    /revocations: who goes on while there is more/,
    (_state, right) => ({
      async since(cursor) {
        const page = await right.since(cursor);
        return {
          ...page,
          revocations: page.revocations.slice(0, 1000),
          more: cursor === undefined,
        };
      },
    }),
  ),
  wrong(
    "the feed always has more",
    /revocations: who goes on while there is more/,
    (_state, right) => ({
      since: async (cursor) => ({ ...(await right.since(cursor)), more: true }),
    }),
  ),
  wrong("the feed gives what is over", /revocations: one whose time is over/, ({ feed }) => ({
    since: async (cursor = "0") => ({
      revocations: feed.slice(Number(cursor)),
      cursor: `${feed.length}`,
    }),
  })),
  wrong("the feed loses the exception", /revocations: entries of every kind/, (_state, right) => ({
    add: ({ except: _, ...revocation }) => right.add(revocation),
  })),
  wrong("watch tells nothing of cut-offs", /watch: tells/, (_state, right) => ({
    watch: (listener) =>
      right.watch?.((change) => {
        if (change.kind !== "user") listener(change);
      }) ?? (() => undefined),
  })),
  wrong("watch lets listeners throw", /watch: what a listener throws/, ({ listeners }, right) => ({
    async update(id, ...args) {
      const isDone = await right.update(id, ...args);
      for (const listener of listeners) listener({ kind: "session", id });
      return isDone;
    },
  })),
  wrong("watch can't be ended", /watch: whoever has ended it/, (_state, right) => ({
    watch(listener) {
      right.watch?.(listener);
      return () => undefined;
    },
  })),
  wrong("a home is another one for every handle", /home: 8 base64url/, () => {
    const letter = String.fromCharCode(97 + (handles++ % 26));
    return { home: async (userId) => `${letter}${userId.length}`.padEnd(8, "h") };
  }),
  wrong(
    "claims to keep everything over a restart",
    /close: what was acknowledged/,
    ({ records }, right) => ({
      traits: { ...right.traits, forgets: [] },
      close: async () => records.clear(),
    }),
  ),
  wrongOverWire(
    "create writes the record, and the index in a second command",
    /trouble: create/,
    ({ records }, right, wire) => {
      return {
        async create(record, startedAgo, now) {
          const answer = await wire("set", () =>
            right.create({ ...record, expiresAt: now + 1 }, startedAgo, now),
          );
          if (answer !== "created") return answer;
          await wire("index", async () => {
            const created = records.get(record.id);
            if (created !== undefined)
              records.set(record.id, { ...created, expiresAt: record.expiresAt });
          });
          return "created";
        },
      };
    },
  ),
  wrongOverWire(
    "update is acknowledged by a client that swallows errors",
    /trouble: update/,
    (_state, right, wire) => ({
      async update(...args) {
        try {
          return await wire("set", async () => right.update(...args));
        } catch {
          return true;
        }
      },
    }),
  ),
  // In one process no command is seen between these two halves, so only real concurrency shows them.
  ...[/storm: many compare/, /storm: of many that close/, /update: of a hundred/].map((red) =>
    wrong("update looks, waits and writes", red, ({ records }, right) => ({
      async update(id, revision, next, now) {
        const record = records.get(id);
        if (!isLive(record, now) || record.revision !== revision) return false;
        await pause();
        records.set(id, record);
        return await right.update(id, revision, next, now);
      },
    })),
  ),
  wrong("touch looks, waits and writes", /storm: increments, touches/, ({ records }, right) => ({
    async touch(id, lastSeenAt, expiresAt, now) {
      const record = records.get(id);
      if (!isLive(record, now)) return false;
      await pause();
      records.set(id, record);
      return await right.touch(id, lastSeenAt, expiresAt, now);
    },
  })),
  wrong("create looks, waits and writes", /create: of a hundred at once/, ({ records }) => ({
    async create(record, startedAgo, now) {
      if (records.has(record.id)) return "taken";
      await pause();
      records.set(record.id, { ...record, revision: 1, mark: now - startedAgo });
      return "created";
    },
  })),
  wrong("create looks for a cut-off, waits and writes", /storm: no sign-in/, (state, right) => ({
    async create(record, startedAgo, now) {
      const userId = record.userId ?? "";
      const before = state.cutOffs.get(userId)?.at ?? 0;
      if (now - startedAgo <= before) return "cut-off";
      await pause();
      state.records.set(record.id, { ...record, revision: 1, mark: now + 10 });
      return (await right.load(record.id)) === undefined ? "taken" : "created";
    },
  })),
  wrong("cutOff looks, waits and writes", /cutOff: a hundred at once/, ({ cutOffs }) => ({
    async cutOff(userId, { keepUntil }, now) {
      const at = Math.max(now, (cutOffs.get(userId)?.at ?? 0) + 1);
      await pause();
      cutOffs.set(userId, { at, keepUntil });
      return at;
    },
  })),
  wrong("sweep looks, waits and removes", /storm: a sweep takes/, ({ records }) => ({
    async sweep(limit, now) {
      const over = [...records.values()].filter(({ expiresAt }) => expiresAt <= now);
      await pause();
      for (const { id } of over.slice(0, limit)) records.delete(id);
      return Math.min(over.length, limit);
    },
  })),
  wrong("sweep counts what others remove", /sweep: several at once/, ({ records }) => ({
    async sweep(limit, now) {
      const over = [...records.values()].filter(({ expiresAt }) => expiresAt <= now);
      await pause();
      for (const { id } of over.slice(0, limit)) records.delete(id);
      return Math.min(over.length, limit);
    },
  })),
  wrong(
    "a cut-off is remembered as long as the first one asked for",
    /cutOff: is remembered longer/,
    ({ cutOffs }, right) => ({
      async cutOff(userId, options, now) {
        const keepUntil = cutOffs.get(userId)?.keepUntil ?? options.keepUntil;
        const at = await right.cutOff(userId, options, now);
        cutOffs.set(userId, { at, keepUntil });
        return at;
      },
    }),
  ),
  ...(["create", "update", "touch"] as const).map((verb) =>
    wrong(
      `a timer of 31 bits removes what ${verb} has written`,
      /more than a month/,
      (state, right) => {
        const soon = (id: string, expiresAt: number, now: number): void => {
          if (expiresAt - now >= 2 ** 31) state.records.delete(id);
        };
        const verbs: Overrides = {
          async create(record, startedAgo, now) {
            const answer = await right.create(record, startedAgo, now);
            soon(record.id, record.expiresAt, now);
            return answer;
          },
          async update(id, revision, next, now) {
            const done = await right.update(id, revision, next, now);
            soon(id, next.expiresAt, now);
            return done;
          },
          async touch(id, lastSeenAt, expiresAt, now) {
            const done = await right.touch(id, lastSeenAt, expiresAt, now);
            soon(id, expiresAt, now);
            return done;
          },
        };
        return { [verb]: verbs[verb] };
      },
    ),
  ),
  wrong("a cut-off is forgotten after 30 days", /more than a month/, (_state, right) => ({
    cutOff: (userId, { except, keepUntil }, now) =>
      right.cutOff(userId, { except, keepUntil: Math.min(keepUntil, now + MONTH) }, now),
  })),
  wrong("list ends with the first page of the backend", /list: of many/, (_state, right) => ({
    async list(query, now) {
      const { records } = await right.list({ ...query, limit: Math.min(query.limit, 100) }, now);
      const cursor = records.length < query.limit ? undefined : records.at(-1)?.id;
      return { records, cursor };
    },
  })),
  wrong("sweep takes every cut-off and counts none", /sweep: cut-offs count/, (state, right) => ({
    async sweep(limit, now) {
      for (const [userId, { keepUntil }] of state.cutOffs) {
        if (keepUntil <= now) state.cutOffs.delete(userId);
      }
      return await right.sweep(limit, now);
    },
  })),
  wrong("user ids are cut at 1000 characters", /user ids: /, (_state, right) => ({
    create: (record, startedAgo, now) =>
      right.create({ ...record, userId: record.userId?.slice(0, 1000) }, startedAgo, now),
    list: (query, now) => right.list({ ...query, userId: query.userId?.slice(0, 1000) }, now),
  })),
  wrong("user ids are indexed up to 3000 bytes", /user ids: /, (_state, right) => ({
    async create(record, startedAgo, now) {
      if (Buffer.byteLength(record.userId ?? "") > 3000) throw new Error("too long for the index");
      return await right.create(record, startedAgo, now);
    },
  })),
  ...(
    [
      ["normalized", (body: string): string => body.normalize()],
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is lost.
      ["cleaned", (body: string): string => body.replace(/[\u0001-\u0008\u007F]/g, "")],
      ["kept without noncharacters", (body: string): string => body.replace(/[\uFFFE\uFFFF]/g, "")],
    ] as const
  ).map(([how, change]) =>
    wrong(`bodies are ${how}`, /bodies: come back letter by letter/, (_state, right) => ({
      create: (record, startedAgo, now) =>
        right.create({ ...record, body: change(record.body) }, startedAgo, now),
    })),
  ),
  wrong("wide bodies are cut at create", /bodies: of maxBodyBytes/, (_state, right) => ({
    create: (record, startedAgo, now) => {
      const bytes = Buffer.from(record.body).subarray(0, 1024 * 1024 - 4);
      const body = record.body.startsWith("🧥") ? bytes.toString() : record.body;
      return right.create({ ...record, body }, startedAgo, now);
    },
  })),
  wrong("the feed trims user ids", /revocations: entries of every kind/, (_state, right) => ({
    add: (entry) => right.add({ ...entry, ...(entry.id !== undefined && { id: entry.id.trim() }) }),
  })),
  ...(
    [
      ["load", undefined, /trouble: what is read/],
      ["list", { records: [] }, /trouble: what is read/],
      ["create", "taken", /trouble: create/],
      ["update", false, /trouble: (update|close)/],
      ["touch", false, /trouble: touch/],
      ["add", undefined, /trouble: a revocation/],
      ["since", { revocations: [], cursor: "0" }, /trouble: a revocation/],
    ] as const
  ).map(([verb, answer, red]) =>
    wrongOverWire(
      `${verb} answers as if there were nothing when it fails`,
      red,
      (_s, right, wire) => ({
        [verb]: async (...args: unknown[]): Promise<unknown> => {
          const method = right[verb] as (...args: unknown[]) => Promise<unknown>;
          return await wire(verb, async () => await method(...args)).catch(() => answer);
        },
      }),
    ),
  ),
  wrong(
    "the feed is forgotten at a restart",
    /revocations: all of them are there/,
    (state, right) => ({
      traits: { ...right.traits, forgets: [] },
      close: async () => {
        state.feed.length = 0;
      },
    }),
  ),
  ...(
    [
      ["what ends a key", (userId: string): string => userId.split(/[#?|,@$~\t]/)[0] || userId],
      ["what a path does with dots", (userId: string): string => userId.replace(/^\.+$/, "")],
      ["what a query makes of plus", (userId: string): string => userId.replaceAll("+", " ")],
      ["what decodes a path twice", (userId: string): string => userId.replaceAll("%61", "a")],
      ["numbers", (userId: string): string => (/^[\d.]+$/.test(userId) ? `${+userId}` : userId)],
      ["narrow letters", (userId: string): string => userId.replaceAll("ａ", "a")],
    ] as const
  ).map(([what, change]) =>
    wrong(`user ids are told apart as ${what}`, /user ids: /, (_state, right) => ({
      create: (record, startedAgo, now) => {
        const userId = record.userId === undefined ? undefined : change(record.userId);
        return right.create({ ...record, userId }, startedAgo, now);
      },
      cutOff: (userId, options, now) => right.cutOff(change(userId), options, now),
    })),
  ),
  wrong("cut-offs of other users are mixed up", /P5 user ids: /, (_state, right) => ({
    cutOff: (userId, options, now) => right.cutOff(userId.split("#")[0] ?? "", options, now),
  })),
  wrong("bodies are templates", /bodies: come back letter by letter/, (_state, right) => ({
    create: (record, startedAgo, now) =>
      right.create({ ...record, body: "body".replace("body", record.body) }, startedAgo, now),
  })),
  wrong("a sign-in began no later than now", /create: the mark is/, (_state, right) => ({
    create: (record, startedAgo, now) => right.create(record, Math.max(startedAgo, 0), now),
  })),
  wrong(
    "a cut-off brings back who ended on its very millisecond",
    /cutOff: excepting a session that/,
    ({ records, cutOffs }, right) => ({
      async cutOff(userId, options, now) {
        const before = cutOffs.get(userId)?.at;
        const at = await right.cutOff(userId, options, now);
        const record = records.get(options.except ?? "");
        if (isLive(record, now) && record.mark === before) {
          records.set(record.id, { ...record, mark: at + 1 });
        }
        return at;
      },
    }),
  ),
  wrong(
    "a user's cut-off goes with the last session",
    /cutOff: of a user without sessions, or with none left/,
    ({ records, cutOffs }, right) => ({
      async update(id, ...args) {
        const userId = records.get(id)?.userId ?? "";
        const done = await right.update(id, ...args);
        if (![...records.values()].some((record) => record.userId === userId)) {
          cutOffs.delete(userId);
        }
        return done;
      },
    }),
  ),
  wrong("list ends with a megabyte", /list: of large records/, (_state, right) => ({
    async list(query, now) {
      const page = await right.list(query, now);
      const bytes = page.records.reduce((sum, { body }) => sum + body.length, 0);
      return bytes > 1e6 ? { records: page.records.slice(0, 4) } : page;
    },
  })),
  wrong("sweep goes on in small batches", /sweep: removes at most/, (_state, right) => ({
    sweep: (limit, now) => right.sweep(Math.min(limit, 25), now),
  })),
  wrong("sweep takes what was created closed", /sweep: removes nothing/, ({ records }, right) => ({
    async sweep(limit, now) {
      for (const { id, closed, revision } of records.values()) {
        if (closed && revision === 1) records.delete(id);
      }
      return await right.sweep(limit, now);
    },
  })),
  ...(
    [
      ["is that of its beginning", ["create"], 1],
      ["is not made later by a touch", ["create", "update"], 1],
      ["is cut to whole seconds", ["create", "update", "touch"], 1000],
    ] as const
  ).map(([how, verbs, unit]) =>
    wrong(`a record's own expiry ${how}`, /expiry: /, ({ records }, right) => {
      const expiry = timers();
      const setting = verbs.map((verb) => [
        verb,
        async (first: never, ...rest: never[]): Promise<unknown> => {
          const answer = await (right[verb] as (...args: never[]) => unknown)(first, ...rest);
          const id = verb === "create" ? (first as NewRecord).id : (first as string);
          const { expiresAt = 0 } = records.get(id) ?? {};
          const ms = expiresAt - (rest.at(-1) ?? 0);
          expiry(id, Math.floor(ms / unit) * unit, () => records.delete(id));
          return answer;
        },
      ]);
      return Object.fromEntries(setting) as Overrides;
    }),
  ),
  ...(["first", "last"] as const).map((which) =>
    wrong(`a cut-off's own expiry is that of the ${which}`, /expiry: /, ({ cutOffs }, right) => {
      const expiry = timers();
      return {
        async cutOff(userId, options, now) {
          const isFirst = !cutOffs.has(userId);
          const at = await right.cutOff(userId, options, now);
          const forget = () => cutOffs.delete(userId);
          if (isFirst || which === "last") expiry(userId, options.keepUntil - now, forget);
          return at;
        },
      };
    }),
  ),
  wrong("a user's list expires with the latest session", /expiry: /, ({ records }, right) => {
    const expiry = timers();
    return {
      async create(record, startedAgo, now) {
        const answer = await right.create(record, startedAgo, now);
        const forget = (): void => {
          for (const each of records.values()) {
            if (each.userId === record.userId) records.set(each.id, { ...each, userId: undefined });
          }
        };
        expiry(record.userId ?? "", record.expiresAt - now, forget);
        return answer;
      },
    };
  }),
  wrong("the feed expires with its latest entry", /expiry: /, ({ feed }, right) => {
    const expiry = timers();
    return {
      async add(revocation) {
        await right.add(revocation);
        expiry("", revocation.until - Date.now(), () => feed.splice(0));
      },
    };
  }),
  wrong("the feed has one entry for each user", /of one user, one session/, ({ feed }, right) => ({
    async add(revocation) {
      const { kind, id } = revocation;
      if (!feed.some((known) => known.kind === kind && known.id === id)) {
        await right.add(revocation);
      }
    },
  })),
  wrong("the feed counts before it writes", /revocations: a reader misses none/, ({ feed }) => ({
    async add(revocation) {
      const at = feed.push({ ...revocation, until: 0 }) - 1;
      await pause();
      feed[at] = revocation;
    },
  })),
  wrong("watch tells a part of the user id", /watch: names each user/, (_state, right) => ({
    watch: (listener) =>
      right.watch?.(({ kind, id }) => listener({ kind, id: id?.split(":")[0] })) ??
      (() => undefined),
  })),
  wrong("watch ends for all", /watch: names each user/, ({ listeners }, right) => ({
    watch(listener) {
      right.watch?.(listener);
      return () => listeners.clear();
    },
  })),
  {
    mistake: "namespaces share their cut-offs",
    red: /namespaces: /,
    open() {
      const state = modelState();
      const elsewhere = { ...modelState(), cutOffs: state.cutOffs };
      return {
        store: modelStore({ state }),
        elsewhere: async () => modelStore({ state: elsewhere }),
      };
    },
  },
  {
    mistake: "namespaces share their feed",
    red: /namespaces: no entry/,
    open() {
      const state = modelState();
      const elsewhere = { ...modelState(), feed: state.feed };
      return {
        store: modelStore({ state }),
        elsewhere: async () => modelStore({ state: elsewhere }),
      };
    },
  },
  {
    mistake: "the whole list is of every namespace",
    red: /namespaces: nothing of one/,
    open() {
      const right = modelStore();
      const other = modelStore();
      const list: Model["list"] = async (query, now) => {
        const page = await right.list(query, now);
        if (query.userId !== undefined) return page;
        return { records: [...page.records, ...(await other.list({ limit: 100 }, now)).records] };
      };
      return { store: { ...right, list }, elsewhere: async () => other };
    },
  },
  {
    mistake: "a sweep takes the cut-offs of every namespace",
    red: /namespaces: nothing of one/,
    open() {
      const state = modelState();
      const other = modelStore();
      const sweep: Model["sweep"] = async (limit, now) => {
        for (const [userId, { keepUntil }] of state.cutOffs) {
          if (keepUntil <= now) state.cutOffs.delete(userId);
        }
        return await other.sweep(limit, now);
      };
      return { store: modelStore({ state }), elsewhere: async () => ({ ...other, sweep }) };
    },
  },
  {
    mistake: "marks come from the core's clock though the store says it has its own",
    red: /create: the mark is the store's own now/,
    open() {
      const right = modelStore();
      return { store: { ...right, traits: { ...right.traits, ownClock: true } } };
    },
  },
];

const MONTH = 30 * 86_400_000;

let handles = 0;

/** What removes a key when its time is over: the one that was set last. */
function timers(): (key: string, ms: number, remove: () => unknown) => void {
  const running = new Map<string, ReturnType<typeof setTimeout>>();
  return (key, ms, remove) => {
    clearTimeout(running.get(key));
    // A longer one would be over at once.
    if (ms < 2 ** 31) running.set(key, setTimeout(remove, ms).unref());
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
