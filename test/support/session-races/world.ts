/**
 * What one schedule of a race plays in: a person with two devices, somebody else, their cookies, and
 * a clock.
 *
 * @module
 */

import type { HeadChanges, LoadedSession } from "../../../src/index.ts";
import type { TestClock } from "../../../src/testing/clock.ts";
import { expectEqual, expectTrue } from "../../../src/testing/expect.ts";
import type { History, Known } from "./history.ts";
import { contentOf, createHistory } from "./history.ts";
import type { Data, Process } from "./process.ts";
import { direct } from "./process.ts";

/** How things stand with the session that is raced for when the race begins. */
export type Start =
  | "nobody's"
  | "a visitor's"
  | "a user's"
  | "a user's, touch due"
  | "a user's, rotation due"
  | "a user's, just rotated";

/** The cookies of one browser. */
export interface Jar {
  cookie: string | undefined;
}

export interface World {
  readonly clock: TestClock;
  readonly history: History;
  /** The browser whose session is raced for. */
  readonly browser: Jar;
  /** The cookie of before the rotation, if there was one: slow requests still carry it. */
  readonly before: string | undefined;
  /** Another browser of the same person. */
  readonly device: Jar;
  /** The session that is raced for; absent when it is nobody's. */
  readonly main: Known | undefined;
  readonly start: Start;
  readonly beganAt: number;
  /** The session that a cookie was made for. */
  sessionOf(cookie: string | undefined): Known | undefined;
  /** The response arrives: its cookies go into the jar. `replaces`: it may take a good cookie's place. */
  arrive(jar: Jar, head: HeadChanges, session: Known | undefined, replaces: boolean): Promise<void>;
  /** @throws when a promise was broken. */
  check(): Promise<void>;
}

export interface WorldOptions {
  readonly clock: TestClock;
  readonly start: Start;
  /** Sets the scene. */
  readonly desk: Process;
  /** Looks on; a process that has never looked before, where it must not remember. */
  readonly observer: () => Process;
}

const HOUR = 3_600_000;
const OWNER_KEY = "first";

/** Lets people sign in, and time pass. */
export async function openWorld({ clock, start, desk, observer }: WorldOptions): Promise<World> {
  const history = createHistory(clock.now);
  const cookies = new Map<string, Known>();
  desk.connect(direct, history.hear);

  function newJar(): Jar {
    return { cookie: undefined };
  }

  function keep(jar: Jar, head: HeadChanges, session: Known | undefined): void {
    for (const { name, value, attributes } of head.cookies) {
      if (attributes.maxAge === 0) {
        jar.cookie = undefined;
      } else {
        jar.cookie = `${name}=${value}`;
        if (session !== undefined) cookies.set(jar.cookie, session);
      }
    }
  }

  async function begin(jar: Jar, userId: string | undefined): Promise<Known> {
    const handle = desk.sessions.open({ headers: {} });
    const openedAt = clock.now();
    const loaded = await handle.load();
    loaded.set(OWNER_KEY, userId ?? "a visitor");
    if (userId !== undefined) await handle.signIn(userId);
    const head = await handle.commit({ at: "head" });
    const { createdAt, endsAt } = loaded.info;
    const id = loaded.id as string;
    const known = history.know({ id, userId, from: undefined, createdAt, endsAt }, openedAt);
    known.keys.add(OWNER_KEY);
    keep(jar, head, known);
    return known;
  }

  const browser = newJar();
  const device = newJar();
  const stranger = newJar();
  let main: Known | undefined;
  if (start !== "nobody's")
    main = await begin(browser, start === "a visitor's" ? undefined : "ada");
  await begin(device, "ada");
  await begin(stranger, "bob");
  if (start === "a user's, touch due") clock.advance((7 * 24 * HOUR - HOUR) / 1000);
  if (start === "a user's, rotation due") clock.advance("61m");
  const before = browser.cookie;
  if (start === "a user's, just rotated") {
    clock.advance("61m");
    const handle = desk.sessions.open({ headers: headersOf(browser) });
    await handle.load();
    keep(browser, await handle.commit({ at: "head" }), main);
    expectTrue(browser.cookie !== before, "the ticket was rotated");
  }

  async function look(process: Process, cookie: string): Promise<LoadedSession<Data>> {
    process.connect(direct, history.hear);
    const loaded = await process.sessions.open({ headers: { cookie } }).load();
    // Whoever looks with a ticket that was copied ends the session, as anybody would.
    for (const id of process.told.reused) history.find(id).ended = true;
    return loaded;
  }

  async function opens(jar: Jar): Promise<string | undefined> {
    return jar.cookie === undefined ? undefined : (await look(observer(), jar.cookie)).id;
  }

  /** A minute later the browser is served, and what it writes is kept, in its session or a new one. */
  async function goOn(jar: Jar): Promise<void> {
    clock.advance("61s");
    const process = observer();
    process.connect(direct, history.hear);
    const known = world.sessionOf(jar.cookie);
    const isLive = known !== undefined && history.fate(known) === "live";
    const written = process.sessions.open({ headers: headersOf(jar) });
    const loaded = await written.load();
    if (isLive)
      expectEqual(loaded.id, known.id, `P16 the session of the browser: ${loaded.refusal}`);
    loaded.set("later", true);
    keep(jar, await written.commit({ at: "head" }), undefined);
    const again = await process.sessions.open({ headers: headersOf(jar) }).load();
    expectEqual(again.get("later"), true, "what the browser wrote afterwards");
  }

  const world: World = {
    clock,
    history,
    browser,
    before,
    device,
    main,
    start,
    beganAt: clock.now(),
    sessionOf: (cookie) => (cookie === undefined ? undefined : cookies.get(cookie)),

    async arrive(jar, head, session, replaces) {
      if (head.cookies.length === 0) return;
      expectEqual(head.cookies.length, 1, "cookies of one name in a response");
      const before = await opens(jar);
      keep(jar, head, session);
      if (before === undefined || replaces) return;
      expectEqual(await opens(jar), before, "P16 the session that the browser's cookie opens");
    },

    async check() {
      const eyes = observer();
      const listed: string[] = [];
      for await (const { id } of eyes.sessions.list()) listed.push(id);
      const opened = new Set<string>();
      // The newest ticket of a session first: an older one may count as a copy by now.
      for (const [cookie, known] of [...cookies].reverse()) {
        const fate = history.fate(known);
        const loaded = await look(eyes, cookie);
        if (loaded.id === undefined) {
          const isOld = opened.has(known.id);
          expectTrue(fate !== "live" || isOld, `P5 ${nameOf(known)} is live: ${loaded.refusal}`);
          continue;
        }
        expectEqual(loaded.id, known.id, "P6 the session that a ticket opens");
        expectTrue(fate !== "dead", `P5 ${nameOf(known)}, which has ended, stays ended`);
        if (!opened.has(known.id)) checkContent(known, loaded);
        opened.add(known.id);
      }
      expectEqual(listed.sort(), [...opened].sort(), "P6 the list, and what the cookies open");
      for (const id of opened) {
        const { from } = history.find(id);
        if (from === undefined) continue;
        const heirs = [...opened].filter((other) => history.find(other).from === from);
        expectEqual(heirs, [id], `P6 the live successors of ${nameOf(from)}`);
        expectTrue(!opened.has(from.id), `P6 ${nameOf(from)} has ended with its successor`);
      }
      await goOn(browser);
    },
  };
  return world;
}

function headersOf({ cookie }: Jar): Record<string, string> {
  return cookie === undefined ? {} : { cookie };
}

function checkContent(known: Known, loaded: LoadedSession<Data>): void {
  expectEqual(loaded.userId, known.userId, `the user of ${nameOf(known)}`);
  checkOwners(loaded);
  const { keys, count } = contentOf(known);
  const found = loaded.keys().filter((key) => key !== COUNTER);
  expectEqual(found.sort(), [...keys].sort(), `P4 the keys in ${nameOf(known)}`);
  expectEqual(loaded.get(COUNTER) ?? 0, count, `P4 the counter in ${nameOf(known)}`);
}

export const COUNTER = "count";

/** Every value names whose it is. Nobody ever sees somebody else's; a visitor's come along. */
export function checkOwners(loaded: LoadedSession<Data>): void {
  for (const key of loaded.keys()) {
    if (key === COUNTER) continue;
    const owner = loaded.get(key);
    const mine = owner === "a visitor" || owner === loaded.userId;
    expectTrue(mine, `P6 ${loaded.userId ?? "a visitor"} does not see what is ${String(owner)}'s`);
  }
}

function nameOf({ id, userId, from }: Known): string {
  const whose = userId === undefined ? "a visitor's session" : `${userId}'s session`;
  return from === undefined ? `${whose} ${id}` : `${whose} ${id}, after ${from.id}`;
}
