/**
 * Starts the shop, says where it is and what to try, and closes it when asked to.
 *
 * @module
 */

import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isIPv6 } from "node:net";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { ConfigError } from "coatcheck";
import { createShop } from "./app.ts";
import type { Config } from "./config.ts";
import { ConfigProblem, readConfig } from "./config.ts";
import { openPeople, seeds } from "./people.ts";
import { ownSecret } from "./secret.ts";
import type { ShopSessions } from "./sessions.ts";
import { openSessions } from "./sessions.ts";
import { openShopStore } from "./stores.ts";

/** Removes expired sessions this often, in milliseconds. */
const SWEEP_EVERY = 60 * 60 * 1000;

/** How long open connections may take to finish when the shop closes, in milliseconds. */
const PATIENCE = 5000;

try {
  await start(readConfig(process.env, fileURLToPath(new URL("..", import.meta.url))));
} catch (error) {
  process.exitCode = error instanceof ConfigProblem || error instanceof ConfigError ? 2 : 1;
  console.error(`The shop stays closed: ${wordsFor(error)}`);
}

async function start(config: Config): Promise<void> {
  const { dataPath, secure, host, port, store: address } = config;
  const secrets = config.secrets.length > 0 ? config.secrets : [await ownSecret(dataPath)];
  const { store, close } = await openShopStore(address, dataPath);
  const sessions = openSessions({ secrets, store, secure });
  try {
    const app = createShop({ sessions, people: await openPeople(), secure, log: console.error });
    const server = createServer(app).listen(port, host);
    await once(server, "listening");
    closeOnSignal(server, async () => {
      await sessions.close();
      await close();
    });
    sweepNowAndThen(sessions);
    greet(config, (server.address() as AddressInfo).port);
  } catch (error) {
    await sessions.close();
    await close();
    throw error;
  }
}

function closeOnSignal(server: Server, closeSessions: () => Promise<void>): void {
  let closing = false;
  async function close(): Promise<void> {
    // The second time somebody is in a hurry.
    if (closing) process.exit(1);
    closing = true;
    const gone = once(server, "close");
    server.close();
    // A connection that is busy now is kept alive after its answer, unless somebody looks.
    const looking = setInterval(() => server.closeIdleConnections(), 50);
    setTimeout(() => server.closeAllConnections(), PATIENCE).unref();
    await gone;
    clearInterval(looking);
    await closeSessions();
    process.exit();
  }
  process.on("SIGINT", close).on("SIGTERM", close);
}

function sweepNowAndThen(sessions: ShopSessions): void {
  const sweep = () => sessions.sweep().catch(console.error);
  setInterval(sweep, SWEEP_EVERY).unref();
  void sweep();
}

function greet({ host, dataPath, secure, store }: Config, port: number): void {
  const people = seeds.map(({ id, password }) => `    ${id.padEnd(8)}${password}`).join("\n");
  // An address may hold a password.
  const place = store === undefined ? dataPath : `the ${store.split(":")[0]} store`;
  const open = secure || ["127.0.0.1", "::1", "localhost"].includes(host);
  console.log(`
  Drizzle is open:  http://${isIPv6(host) ? `[${host}]` : host}:${port}
${open ? "" : "\n  Careful: anybody on this network can read the cookies. Use SECURE=1 behind a TLS proxy.\n"}
  Sign in as        with the password
${people}

  What to try
    · Put something in the cart, then sign in: the cart comes along.
    · Sign in again in a private window, then look at “Your devices” and sign it out from there.
    · Open “Payment details”: they ask for the password once more.
    · Look at “Your session” before and after each of these: the id changes.
    · Sign out and go back: there is nothing to see.
    · Stop the shop, start it again: you are still signed in.

  Sessions lie in ${place}. Ctrl+C closes the shop.
`);
}

function wordsFor(error: unknown): string {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number };
  if (code === "EADDRINUSE")
    return `port ${port} is taken. Choose another one: PORT=3001 npm start`;
  if (code === "EACCES" && port !== undefined)
    return `port ${port} is not for everybody. Choose one above 1023.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return "HOST is no address of this machine.";
  // What has a code comes from the system and says enough; the rest is a mistake of ours.
  return code === undefined && !(error instanceof ConfigProblem) ? inspect(error) : message;
}
