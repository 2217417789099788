/**
 * The three people who can sign in. Their passwords are no secret: the shop prints them.
 *
 * Hashed with Argon2id, OWASP's first choice, by `@node-rs/argon2`: it comes built for every platform
 * (nothing compiles at install, as with `argon2`), works off the event loop, writes its parameters
 * into the hash, and its defaults are OWASP's. `bcrypt` cuts a password at 72 bytes; `crypto.scrypt`
 * would leave the format of the hash and its parameters to us.
 *
 * @module
 */

import { hash, verify } from "@node-rs/argon2";

export interface Person {
  /** What the session is bound to. */
  readonly id: string;
  readonly name: string;
  /** What the payment page shows, and nobody without a fresh proof should see. */
  readonly card: { readonly brand: string; readonly last4: string; readonly expires: string };
  readonly address: readonly string[];
}

/** Knows the people and their passwords. */
export interface People {
  find(id: string): Person | undefined;
  /** The person, when the name and the password belong together. Takes as long when they do not. */
  check(name: string, password: string): Promise<Person | undefined>;
}

/** Who there is, and with which password, for the lines that the shop prints at its start. */
export const seeds: readonly (Person & { readonly password: string })[] = [
  {
    id: "ada",
    name: "Ada Lovelace",
    password: "poetical science",
    card: { brand: "Analytical Express", last4: "1843", expires: "12/29" },
    address: ["12 St James’s Square", "London"],
  },
  {
    id: "grace",
    name: "Grace Hopper",
    password: "a moth in the relay",
    card: { brand: "Navy Federal", last4: "1947", expires: "09/28" },
    address: ["1 Flow-Matic Street", "Arlington, Virginia"],
  },
  {
    id: "alan",
    name: "Alan Turing",
    password: "halting problems",
    card: { brand: "Bombe & Sons", last4: "1936", expires: "06/30" },
    address: ["Hut 8", "Bletchley Park"],
  },
];

/** Longer ones are refused before they cost anything. Argon2 itself has no limit to speak of. */
export const LONGEST_PASSWORD = 256;

/** Hashes the passwords of the three people, once. */
export async function openPeople(): Promise<People> {
  const hashes = new Map<string, string>();
  for (const seed of seeds) hashes.set(seed.id, await hash(seed.password));
  // Compared with when there is no such person, so that the time tells nobody who has an account.
  const nobody = await hash(crypto.randomUUID());

  function find(id: string): Person | undefined {
    const seed = seeds.find((person) => person.id === id);
    if (seed === undefined) return undefined;
    const { password: _, ...person } = seed;
    return person;
  }

  return {
    find,
    async check(name, password) {
      const id = name.trim().toLowerCase();
      if (password.length > LONGEST_PASSWORD) return undefined;
      const matches = await verify(hashes.get(id) ?? nobody, password.normalize("NFKC"));
      return matches ? find(id) : undefined;
    },
  };
}
