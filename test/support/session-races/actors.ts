/**
 * Who takes part in races of sessions: requests of a browser, other devices, admins, time.
 *
 * @module
 */

import { expectEqual, expectTrue } from "../../../src/testing/expect.ts";
import type { Known } from "./history.ts";
import type { Part, Visit } from "./visit.ts";
import { visit } from "./visit.ts";
import type { Jar, World } from "./world.ts";
import { COUNTER } from "./world.ts";

export type ActorName =
  | "read"
  | "late read"
  | "write"
  | "late write"
  | "update"
  | "lost update"
  | "sign-in"
  | "sign-in as bob"
  | "elevate"
  | "sign-out"
  | "revoke"
  | "revokeUser"
  | "revokeOthers"
  | "device's revokeOthers"
  | "revokeEveryone"
  | "expire"
  | "sweep";

export const ACTORS: Readonly<Record<ActorName, (part: Part) => Promise<void>>> = {
  read: (part) => read(part, part.world.browser),
  "late read": (part) => read(part, part.world.browser, true),
  write: (part) => write(part, part.world.browser),
  "late write": (part) => write(part, part.world.browser, true),

  update: (part) => update(part, part.world.browser),
  // The answer does not arrive.
  "lost update": (part) => update(part, { ...part.world.browser }),

  "sign-in": (part) => signIn(part, "ada"),
  "sign-in as bob": (part) => signIn(part, "bob"),

  async elevate(part) {
    const { browser } = part.world;
    const request = await visit(part, browser);
    const { found } = request;
    const code = found?.userId === undefined ? "ERR_SIGN_IN_REQUIRED" : "ERR_SIGN_IN_REFUSED";
    const kept = await request.attempt(code, () => request.session.elevate("totp"));
    if (kept) succeed(request);
    await answer(part, browser, request, { refused: !kept, signsIn: kept });
  },

  async "sign-out"(part) {
    const { browser } = part.world;
    const request = await visit(part, browser);
    const { found, session, loaded } = request;
    await session.signOut();
    if (found !== undefined) found.ended = true;
    expectEqual(loaded.id, undefined, "the session after a sign-out");
    await answer(part, browser, request, { signsOut: true });
  },

  async revoke({ world: { main }, process }) {
    if (main === undefined) return;
    await process.sessions.revoke(main.id);
    main.ended = true;
  },

  async revokeUser({ world, process }) {
    await ends(world, ofUser(world, "ada"), () => process.sessions.revokeUser("ada"));
  },

  revokeOthers: (part) => revokeOthers(part, part.world.browser),
  "device's revokeOthers": (part) => revokeOthers(part, part.world.device),

  async revokeEveryone({ world, process }) {
    await ends(world, world.history.known, () => process.sessions.revokeEveryone());
  },

  async expire({ world: { clock, start }, wire }) {
    const time = start === "a user's, touch due" ? "2h" : "31d";
    await wire("time passes", async () => clock.advance(time));
  },

  async sweep({ world, process, wire }) {
    // What was closed is remembered for a minute.
    await wire("a minute passes", async () => world.clock.advance("61s"));
    await process.sessions.sweep();
  },
};

async function read(part: Part, jar: Jar, isLate = false): Promise<void> {
  await answer(part, jar, await visit(part, jar, isLate), {});
}

async function write(part: Part, jar: Jar, isLate = false): Promise<void> {
  const { name, process } = part;
  const request = await visit(part, jar, isLate);
  const { loaded } = request;
  const kept = await request.attempt("ERR_SESSION_CLOSED", () =>
    loaded.set(name, loaded.userId ?? "a visitor"),
  );
  await answer(part, jar, request, { refused: !kept });
  if (kept && !process.told.dropped.has(name)) (request.now() as Known).keys.add(name);
}

async function update(part: Part, jar: Jar): Promise<void> {
  const request = await visit(part, jar);
  const kept = await request.attempt("ERR_SESSION_CLOSED", () =>
    request.session.update(COUNTER, (count) => ((count as number | undefined) ?? 0) + 1),
  );
  if (kept) (request.now() as Known).count += 1;
  await answer(part, jar, request, { refused: !kept });
}

async function signIn(part: Part, userId: string): Promise<void> {
  const { name, world } = part;
  const request = await visit(part, world.browser);
  const { found, loaded, session } = request;
  // What is buffered comes along, unless the session was somebody else's.
  if (found !== undefined) loaded.set(name, found.userId ?? "a visitor");
  const kept = await request.attempt("ERR_SIGN_IN_REFUSED", () => session.signIn(userId));
  if (kept) {
    const made = succeed(request);
    const isOwn = found?.userId === undefined || found.userId === userId;
    if (found !== undefined && isOwn) made.keys.add(name);
  }
  await answer(part, world.browser, request, { refused: !kept, signsIn: kept });
}

/** A new session has taken the place of the one that was found. */
function succeed(request: Visit): Known {
  const { found } = request;
  const made = request.now(found) as Known;
  expectTrue(made !== found, "P6 a sign-in makes a new session");
  if (found !== undefined) found.ended = true;
  return made;
}

async function revokeOthers(part: Part, jar: Jar): Promise<void> {
  const { world } = part;
  const request = await visit(part, jar);
  const others = ofUser(world, request.loaded.userId).filter((known) => known !== request.found);
  const revoke = (): Promise<void> => request.session.revokeOthers();
  const kept = await request.attempt("ERR_SIGN_IN_REQUIRED", () => ends(world, others, revoke));
  await answer(part, jar, request, { refused: !kept });
}

function ofUser({ history }: World, userId: string | undefined): readonly Known[] {
  return history.known.filter((known) => known.userId === userId);
}

/** Whoever was told that these sessions are over must be right. */
async function ends(
  { history }: World,
  sessions: readonly Known[],
  run: () => Promise<void>,
): Promise<void> {
  await run();
  for (const known of sessions) {
    expectTrue(history.fate(known) !== "live", `P5 session ${known.id} has ended`);
  }
}

interface Deed {
  readonly refused?: boolean;
  readonly signsIn?: boolean;
  readonly signsOut?: boolean;
}

/** Answers, with no cookie but those that the deed needs. */
async function answer(
  { world, process }: Part,
  jar: Jar,
  request: Visit,
  { refused = false, signsIn = false, signsOut = false }: Deed,
): Promise<void> {
  const head = await request.answer(refused);
  const { found, startsAfresh } = request;
  const now = request.now();
  const begins = found === undefined && now !== undefined;
  if (!signsOut) {
    const wanted = signsIn || begins ? 1 : request.isLate ? 0 : process.told.rotations;
    expectEqual(head.cookies.length, wanted, "P16 the cookies of a response");
  }
  const replaces = startsAfresh || (signsIn && found === undefined);
  await world.arrive(jar, head, now ?? found, replaces);
}
