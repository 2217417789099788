// @ts-check
/**
 * What parallel requests of one client do to its session.
 *
 * Lost updates: 50 requests go out at once with the same cookie, and each sets a field of its own. How
 * many of the 50 fields are missing afterwards? And when each adds one to a counter, how much does it
 * lack? Comebacks: a request is under way, the client signs out and is told so, and then the request
 * ends. Does the old cookie work again? With a sign-in in its place: is the browser still signed in as
 * the new user, and does the cookie from before open anything?
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../harness/child.mjs";
import { cookieHeader } from "../harness/cookies.mjs";
import { begin, client, good } from "../harness/http-client.mjs";
import { median } from "../harness/statistics.mjs";
import { library, RACING } from "../libraries/index.mjs";

export const PARALLEL = 50;
const SLOW_MS = 120;
const ACROSS_AFTER_MS = 40;

/**
 * @typedef {{ median: number, least: number, most: number }} Lost
 * @typedef {{ ended: number, slowWrite: number, slowRead: number, untouched: number, browser: number }} Comebacks how often of the repetitions: the old cookie works right after the sign-out, then after the slow request; `browser`: it is signed in again by its own jar after the slow write
 * @typedef {{ undone: number, oldWorks: number }} SignIns after a slow write: the browser is not signed in as the new user any more; the old cookie opens a session
 * @typedef {{ library: string, name: string, keeps: string, framework: string, oneByOne: number, atOnce: Lost, after10ms: Lost, counter: Lost, comebacks: Comebacks, signIns: SignIns }} Row
 * @typedef {{ rows: Row[], parallel: number, repetitions: number }} Races
 */

/** @returns {Promise<Races>} */
export async function measureRaces(
  /** @type {{ quick: boolean, libraries: readonly string[] | undefined, log: (line: string) => void }} */ {
    quick,
    libraries,
    log,
  },
) {
  const repetitions = quick ? 2 : 10;
  const rows = [];
  for (const id of libraries ?? RACING) {
    const definition = await library(id);
    // Outcomes do not depend on the framework; the first is where the library is at home.
    const framework = definition.on[0];
    const row = await race(definition, framework, repetitions);
    log(
      `races ${id}: lost ${row.atOnce.median}, ${row.after10ms.median}, counter ${row.counter.median}, back ${row.comebacks.slowWrite}/${row.comebacks.slowRead}/${row.comebacks.untouched} , sign-in undone ${row.signIns.undone}, old works ${row.signIns.oldWorks} of ${repetitions}`,
    );
    rows.push(row);
  }
  return { rows, parallel: PARALLEL, repetitions };
}

/** @returns {Promise<Row>} */
export async function race(
  /** @type {any} */ definition,
  /** @type {string} */ framework,
  /** @type {number} */ repetitions,
  /** @type {number | string | undefined} */ at = undefined,
) {
  const server = await startServer("server", { library: definition.id, framework, at });
  const browser = client(server.ready.library);
  try {
    const { id, name, keeps } = definition;
    const lost = async (/** @type {(cookie: string) => Promise<number>} */ once) => {
      const counts = [];
      for (let n = 0; n < repetitions; n++) counts.push(await once(await begin(browser.ask)));
      return { median: median(counts), least: Math.min(...counts), most: Math.max(...counts) };
    };
    await inParallel(browser.ask, () => "/untouched", "");
    return {
      library: id,
      name,
      keeps,
      framework,
      oneByOne: await lostOneByOne(browser.ask),
      atOnce: await lost((cookie) => lostFields(browser.ask, cookie, 0)),
      after10ms: await lost((cookie) => lostFields(browser.ask, cookie, 10)),
      counter: await lost((cookie) => lostCounts(browser.ask, cookie)),
      comebacks: await comebacks(browser.ask, repetitions),
      signIns: await signIns(browser.ask, repetitions),
    };
  } finally {
    browser.close();
    await server.stop();
  }
}

/** @typedef {import("../harness/http-client.mjs").Ask} Ask */

/** The control: with one request after the other nothing may be lost, or the handlers are wrong. */
async function lostOneByOne(/** @type {Ask} */ ask) {
  let jar = await begin(ask);
  for (let n = 0; n < PARALLEL; n++) {
    const { setCookie } = await good(ask, `/race/field?n=${n}&wait=0`, jar);
    jar = cookieHeader(setCookie, jar);
  }
  const lost = PARALLEL - (await fields(ask, jar));
  if (lost !== 0) throw new Error(`${lost} changes lost one by one`);
  return lost;
}

async function lostFields(
  /** @type {Ask} */ ask,
  /** @type {string} */ cookie,
  /** @type {number} */ waitMs,
) {
  const jar = await inParallel(ask, (n) => `/race/field?n=${n}&wait=${waitMs}`, cookie);
  return PARALLEL - (await fields(ask, jar));
}

async function lostCounts(/** @type {Ask} */ ask, /** @type {string} */ cookie) {
  const jar = await inParallel(ask, () => "/race/count?wait=10", cookie);
  return PARALLEL - Number((await good(ask, "/race/counted", jar)).text);
}

/** Sends everything at once. @returns the browser's jar: whatever response comes last has the last word */
async function inParallel(
  /** @type {Ask} */ ask,
  /** @type {(n: number) => string} */ path,
  /** @type {string} */ cookie,
) {
  let jar = cookie;
  const sent = Array.from({ length: PARALLEL }, async (_, n) => {
    const { setCookie } = await good(ask, path(n), cookie);
    jar = cookieHeader(setCookie, jar);
  });
  await Promise.all(sent);
  return jar;
}

/** @returns {Promise<Comebacks>} */
async function comebacks(/** @type {Ask} */ ask, /** @type {number} */ repetitions) {
  const result = { ended: 0, slowWrite: 0, slowRead: 0, untouched: 0, browser: 0 };
  const kinds = /** @type {const} */ ([
    ["slowWrite", "/race/slow-write"],
    ["slowRead", "/race/slow-read"],
    ["untouched", "/race/slow-untouched"],
  ]);
  for (let n = 0; n < repetitions; n++) {
    for (const [kind, path] of kinds) {
      const { cookie, jar, between } = await across(ask, path, "/race/end");
      if (kind === "slowWrite") result.ended += between;
      result[kind] += await signedIn(ask, cookie);
      if (kind === "slowWrite") result.browser += await signedIn(ask, jar);
    }
  }
  return result;
}

/** @returns {Promise<SignIns>} */
async function signIns(/** @type {Ask} */ ask, /** @type {number} */ repetitions) {
  const result = { undone: 0, oldWorks: 0 };
  for (let n = 0; n < repetitions; n++) {
    const { cookie, jar } = await across(ask, "/race/slow-write", "/race/sign-in");
    if ((await me(ask, jar)) !== "grace") result.undone += 1;
    result.oldWorks += await signedIn(ask, cookie);
  }
  return result;
}

/** A slow request with another one across it. `between`: the old cookie worked after the other one. */
async function across(
  /** @type {Ask} */ ask,
  /** @type {string} */ slowPath,
  /** @type {string} */ path,
) {
  const cookie = await begin(ask);
  let jar = cookie;
  // A library may refuse the late write: that is an answer too.
  const slow = ask(`${slowPath}?wait=${SLOW_MS}`, cookie).then(({ setCookie }) => {
    jar = cookieHeader(setCookie, jar);
  });
  await sleep(ACROSS_AFTER_MS);
  const { setCookie } = await good(ask, path, cookie);
  jar = cookieHeader(setCookie, jar);
  const between = await signedIn(ask, cookie);
  await slow;
  return { cookie, jar, between };
}

async function signedIn(/** @type {Ask} */ ask, /** @type {string} */ cookie) {
  return (await me(ask, cookie)) === "nobody" ? 0 : 1;
}

async function me(/** @type {Ask} */ ask, /** @type {string} */ cookie) {
  return (await good(ask, "/race/me", cookie)).text;
}

async function fields(/** @type {Ask} */ ask, /** @type {string} */ cookie) {
  return Number((await good(ask, `/race/fields?n=${PARALLEL}`, cookie)).text);
}
