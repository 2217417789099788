/**
 * Opens a store by its address.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { ConfigError } from "../errors.ts";
import type { Revocations, SessionStore } from "../stores/contract.ts";
import { fileStore } from "../stores/file.ts";
import { mysqlStore } from "../stores/mysql.ts";
import { postgresStore } from "../stores/postgres.ts";
import { redisStore } from "../stores/redis.ts";
import { sqliteStore } from "../stores/sqlite.ts";
import type { Connected } from "./clients.ts";
import { connectMysql, connectPostgres, connectRedis, installed } from "./clients.ts";

/** A store that somebody has to close, with its client. */
export interface OpenedStore {
  readonly store: SessionStore & Revocations;
  close(): Promise<void>;
}

/** What an address may look like, for `--help`. */
export const ADDRESSES = `lmdb:<folder>, sqlite:<file>, file:<folder>,
redis://…, postgres://… or mysql://…`;

/**
 * Opens the store of an address.
 *
 * @throws {ConfigError} for an address of no kind that is known, or a client that is not installed.
 */
export async function openStore(option: string, address: string): Promise<OpenedStore> {
  const [, kind = "", rest = ""] = /^([a-z]+):(.*)$/s.exec(address) ?? [];
  if (kind === "lmdb") {
    await installed(option, "lmdb");
    const { path, named } = folderOf(option, rest);
    // Only now: the other commands work without it.
    const { lmdbStore } = await import("../stores/lmdb.ts");
    return embedded(lmdbStore({ path, ...named }));
  }
  if (kind === "sqlite" || kind === "file") {
    const { path, named } = folderOf(option, rest);
    return embedded((kind === "sqlite" ? sqliteStore : fileStore)({ path, ...named }));
  }
  if (/^rediss?$/.test(kind)) {
    const { path: url, named } = ownPlace(option, address, "namespace");
    return onServer(await connectRedis(option, url), (client) => redisStore({ client, ...named }));
  }
  if (/^postgres(ql)?$/.test(kind)) {
    const { path: url, named } = ownPlace(option, address, "namespace", "schema");
    const connected = await connectPostgres(option, url);
    return onServer(connected, (client) => postgresStore({ client, ...named }));
  }
  if (/^(mysql|mariadb)$/.test(kind)) {
    const { path: url, named } = ownPlace(option, address, "namespace", "prefix");
    const connected = await connectMysql(option, url);
    return onServer(connected, (client) => mysqlStore({ client, ...named }));
  }
  throw new ConfigError(option, `must be one of ${ADDRESSES}`);
}

/**
 * Opened, an embedded store would be made, and a misspelt path would look like one that is empty.
 *
 * @throws {ConfigError} where there is nothing at the path of an embedded store.
 */
export function requireThere(option: string, address: string): void {
  const [, place] = /^(?:lmdb|sqlite|file):(.+)$/s.exec(address) ?? [];
  if (place === undefined) return;
  const { path } = folderOf(option, place);
  if (!existsSync(path)) throw new ConfigError(option, `must be there: nothing is at ${path}`);
}

/** Takes the store's own options out of an address's query: the rest is the client's. */
export function placeOf<Name extends string>(
  address: string,
  ...names: readonly Name[]
): { readonly path: string; readonly named: { readonly [Key in Name]?: string } } {
  const [path = "", query = ""] = address.split("?");
  const parameters = new URLSearchParams(query);
  const named: { [Key in Name]?: string } = {};
  for (const name of names) {
    const value = parameters.get(name);
    if (value !== null) named[name] = value;
    parameters.delete(name);
  }
  const left = parameters.toString();
  return { path: left === "" ? path : `${path}?${left}`, named };
}

const NAMES = ["namespace", "schema", "prefix"] as const;

/** The same, without what only other stores have: sessions would go to where nobody looks. */
function ownPlace<Name extends (typeof NAMES)[number]>(
  option: string,
  address: string,
  ...names: readonly Name[]
): ReturnType<typeof placeOf<Name>> {
  const { named } = placeOf(address, ...NAMES);
  const other = NAMES.find(
    (name) => named[name] !== undefined && !(names as readonly string[]).includes(name),
  );
  if (other === undefined) return placeOf(address, ...names);
  throw new ConfigError(
    option,
    `takes no \`${other}\` there; such a store has ${names.join(", ")}`,
  );
}

/** The place of an embedded store. No client takes what is left: a misspelt name would be part of the path. */
function folderOf(option: string, address: string): ReturnType<typeof placeOf<"namespace">> {
  const place = placeOf(address, "namespace");
  if (!place.path.includes("?")) return place;
  throw new ConfigError(option, "takes nothing but a namespace behind the `?`");
}

function embedded(store: SessionStore & Revocations): OpenedStore {
  return { store, close: () => store.close() };
}

async function onServer<Client>(
  { client, end }: Connected<Client>,
  open: (client: Client) => SessionStore & Revocations,
): Promise<OpenedStore> {
  try {
    const store = open(client);
    return {
      store,
      async close() {
        await store.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
