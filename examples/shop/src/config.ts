/**
 * What the environment says about how the shop is served.
 *
 * @module
 */

import { isIP } from "node:net";
import { resolve } from "node:path";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Served over TLS by a proxy on this machine: production cookies. */
  readonly secure: boolean;
  /** Where the secret is kept, and the sessions unless `store` says otherwise. */
  readonly dataPath: string;
  /** The address of the store. */
  readonly store: string | undefined;
  /** The secrets from the environment; empty when the shop should keep one of its own. */
  readonly secrets: readonly string[];
}

/** What `STORE` may begin with. */
const STORES = ["redis", "rediss", "postgres", "mysql", "sqlite", "file"] as const;

/** The environment asks for something that cannot be. */
export class ConfigProblem extends Error {}

/** @throws {ConfigProblem} naming the variable and what it may be. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  shopPath: string,
): Config {
  const { PORT = "3000", HOST = "127.0.0.1", SECURE = "", SESSION_SECRET = "", SHOP_DATA } = env;
  const { STORE = "" } = env;

  if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65535) {
    throw new ConfigProblem(`PORT must be a number from 0 to 65535, not ${quoted(PORT)}.`);
  }
  if (isIP(HOST) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(HOST)) {
    throw new ConfigProblem(`HOST must be an address or the name of a host, not ${quoted(HOST)}.`);
  }
  if (!["", "0", "1"].includes(SECURE)) {
    throw new ConfigProblem(
      `SECURE must be 1 (behind a TLS proxy) or 0 (plain http), not ${quoted(SECURE)}.`,
    );
  }

  if (STORE !== "" && !STORES.some((kind) => STORE.startsWith(`${kind}:`))) {
    throw new ConfigProblem(
      `STORE must begin with one of ${STORES.map((kind) => `${kind}:`).join(", ")}.`,
    );
  }

  return {
    host: HOST,
    port: Number(PORT),
    secure: SECURE === "1",
    dataPath: resolve(SHOP_DATA || resolve(shopPath, "data")),
    store: STORE === "" ? undefined : STORE,
    secrets: SESSION_SECRET.split(",").filter((secret) => secret !== ""),
  };
}

function quoted(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}
