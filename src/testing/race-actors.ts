/**
 * Who takes part in races: what requests, devices and nodes do with a session, command by command.
 *
 * They follow the protocols of the core: read, write over the revision that was read, read again.
 *
 * @module
 */

import type { Loaded } from "../stores/contract.ts";
import { expectTrue, fail } from "./expect.ts";
import type { Wire } from "./explorer.ts";
import { bodyOf } from "./race-check.ts";
import type { RaceHandle, World } from "./race-world.ts";
import { isLive } from "./store-scene.ts";

/** Everything that can take part in a race. */
export type RaceActorName =
  | "load"
  | "list"
  | "update"
  | "touch"
  | "rotate"
  | "sign-in"
  | "create"
  | "close"
  | "cut-off"
  | "revoke others"
  | "other device revokes others"
  | "expire"
  | "sweep";

/** One part, played with a handle of its own. */
export type RaceActor = (
  world: World,
  handle: RaceHandle,
  /** Who it is in this race, for the changes that it makes. */
  name: string,
  wire: Wire,
) => Promise<void>;

export const RACE_ACTORS: Readonly<Record<RaceActorName, RaceActor>> = {
  async load(world, handle) {
    await world.read(handle, world.main);
    await world.read(handle, world.main);
  },

  async list(world, handle) {
    await world.list(handle);
  },

  async update(world, handle, name) {
    await whileLive(world, handle, async (loaded) => {
      const body = bodyOf(loaded);
      return await world.write(handle, loaded, { ...body, changes: [...body.changes, name] });
    });
  },

  async touch(world, handle) {
    await world.touch(handle);
  },

  async rotate(world, handle, name) {
    await whileLive(world, handle, async (loaded) => {
      const body = bodyOf(loaded);
      // While a rotation is young nobody rotates again.
      if (body.rotatedBy !== undefined) return true;
      return await world.write(handle, loaded, { ...body, rotatedBy: name });
    });
  },

  async "sign-in"(world, handle, name) {
    let successor: Loaded | undefined;
    const done = await whileLive(world, handle, async (loaded) => {
      const body = { changes: [...bodyOf(loaded).changes, name] };
      if (successor === undefined) {
        const id = await world.signIn(handle, body);
        if (id === undefined) return true;
        successor = { record: { ...loaded.record, id, revision: 1 }, cutOff: 0 };
      } else {
        if (!(await world.write(handle, successor, body))) return true;
        successor = nextRevision(successor);
      }
      if (!(await world.write(handle, loaded, { changes: [], successor: successor.record.id }))) {
        return false;
      }
      world.complete(successor.record.id);
      return true;
    });
    if (done || successor === undefined) return;
    // The session before has ended meanwhile: nobody is signed in.
    world.abandon(successor.record.id);
    await world.write(handle, successor, { changes: [], successor: "" });
  },

  async create(world, handle, name) {
    await world.signIn(handle, { changes: [name] });
  },

  async close(world, handle) {
    await whileLive(world, handle, (loaded) =>
      world.write(handle, loaded, { changes: [], successor: "" }),
    );
  },

  async "cut-off"(world, handle) {
    await world.cutOff(handle);
  },

  async "revoke others"(world, handle) {
    await world.cutOff(handle, world.main);
  },

  async "other device revokes others"(world, handle) {
    await world.cutOff(handle, world.device);
  },

  async expire(world, _handle, _name, wire) {
    await wire("the clock", () => world.expire());
  },

  async sweep(world, handle) {
    await world.sweep(handle);
  },
};

/**
 * Reads and tries until the attempt answers true. @returns false when the session ended before that.
 */
async function whileLive(
  world: World,
  handle: RaceHandle,
  attempt: (loaded: Loaded) => Promise<boolean>,
): Promise<boolean> {
  let refused: number | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const loaded = await world.read(handle, world.main);
    if (loaded === undefined || !isLive(loaded, world.now())) return false;
    expectTrue(loaded.record.revision !== refused, "a write is refused only with a reason");
    if (await attempt(loaded)) return true;
    refused = loaded.record.revision;
  }
  fail(`${MOST_TRIES} writes in a row were refused`);
}

// Every refusal is another actor's success, and no race has that many writes.
const MOST_TRIES = 12;

function nextRevision({ record, cutOff }: Loaded): Loaded {
  return { record: { ...record, revision: record.revision + 1 }, cutOff };
}
