/**
 * Which races of sessions are run: every pair, and triples that are known to be hard; on a store that takes
 * its time a choice of them.
 *
 * @module
 */

import type { ActorName } from "./actors.ts";
import type { SessionRace } from "./run.ts";
import type { Start } from "./world.ts";

const USERS: readonly ActorName[] = [
  "read",
  "write",
  "update",
  "sign-in",
  "sign-in as bob",
  "elevate",
  "sign-out",
  "revoke",
  "revokeUser",
  "revokeOthers",
  "device's revokeOthers",
  "revokeEveryone",
  "expire",
  "sweep",
];

const VISITORS: readonly ActorName[] = [
  "read",
  "write",
  "update",
  "sign-in",
  "sign-in as bob",
  "sign-out",
  "revoke",
  "revokeUser",
  "revokeEveryone",
  "expire",
  "sweep",
];

const NOBODYS: readonly ActorName[] = ["read", "write", "update", "sign-in", "sign-in as bob"];

/** Reading touches, rotates or confirms where that is due: every request does. */
export const PAIRS: readonly SessionRace[] = [
  ...pairs("a user's", USERS),
  ...pairs("a visitor's", VISITORS),
  ...pairs("nobody's", NOBODYS),
  ...against("a user's, touch due", "read", USERS),
  ...against("a user's, touch due", "write", USERS),
  ...against("a user's, rotation due", "read", USERS),
  ...against("a user's, rotation due", "update", USERS),
  ...against("a user's, rotation due", "lost update", [...USERS, "lost update"]),
  ...against("a user's, just rotated", "read", [...USERS, "late read", "late write"]),
  ...against("a user's, just rotated", "late write", [...USERS, "late read", "late write"]),
];

export const TRIPLES: readonly SessionRace[] = [
  ...triples("a user's", [
    ["write", "sign-in", "sign-out"],
    ["write", "sign-in as bob", "sign-out"],
    ["write", "sign-in", "revoke"],
    ["write", "sign-in", "expire"],
    ["write", "sign-in", "sweep"],
    ["write", "write", "revoke"],
    ["write", "expire", "sweep"],
    ["update", "update", "update"],
    ["update", "update", "sign-in"],
    ["update", "revoke", "sweep"],
    ["read", "sign-in", "revokeUser"],
    ["read", "elevate", "revokeOthers"],
    ["elevate", "elevate", "sign-out"],
  ]),
  ...triples("a visitor's", [
    ["write", "sign-in", "sign-out"],
    ["sign-in", "sign-in", "revokeUser"],
    ["update", "sign-in", "sweep"],
  ]),
  ...triples("nobody's", [["write", "write", "sign-in"]]),
  ...triples("a user's, touch due", [
    ["read", "sign-out", "sweep"],
    ["read", "expire", "sweep"],
    ["read", "read", "expire"],
    ["read", "write", "sign-out"],
  ]),
  ...triples("a user's, rotation due", [
    ["read", "read", "read"],
    ["read", "update", "sign-out"],
    ["read", "update", "revoke"],
    ["read", "update", "lost update"],
    ["read", "write", "sign-in"],
  ]),
  ...triples("a user's, just rotated", [
    ["update", "read", "late write"],
    ["late read", "read", "sign-in"],
    ["late write", "read", "sign-out"],
    ["late write", "late read", "sweep"],
  ]),
];

/** One of each kind. */
export const CHOICE: readonly SessionRace[] = [
  { actors: ["update", "update"], start: "a user's" },
  { actors: ["write", "sign-out"], start: "a user's" },
  { actors: ["write", "sign-in"], start: "a visitor's" },
  { actors: ["sign-in", "sign-in"], start: "a visitor's" },
  { actors: ["sign-in as bob", "update"], start: "a user's" },
  { actors: ["elevate", "revokeUser"], start: "a user's" },
  { actors: ["read", "revokeOthers"], start: "a user's" },
  { actors: ["update", "revokeEveryone"], start: "a user's" },
  { actors: ["read", "expire", "sweep"], start: "a user's, touch due" },
  { actors: ["read", "sign-out", "sweep"], start: "a user's, touch due" },
  { actors: ["read", "update"], start: "a user's, rotation due" },
  { actors: ["read", "late write"], start: "a user's, just rotated" },
];

/** Every two, each with itself too. */
function pairs(start: Start, names: readonly ActorName[]): SessionRace[] {
  return names.flatMap((name, index) => against(start, name, names.slice(index)));
}

function against(start: Start, name: ActorName, others: readonly ActorName[]): SessionRace[] {
  return others.map((other) => ({ actors: [name, other], start }));
}

function triples(
  start: Start,
  actors: readonly (readonly [ActorName, ActorName, ActorName])[],
): SessionRace[] {
  return actors.map((three) => ({ actors: three, start }));
}
