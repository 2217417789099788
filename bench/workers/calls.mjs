// @ts-check
/**
 * What one request of each case does besides taking time: store calls and cookies, counted.
 *
 * @module
 */

import { CASES } from "../fixture.mjs";
import { handlersOf } from "../handlers.mjs";
import { sessionCookies } from "../harness/clients.mjs";
import { forged } from "../harness/cookies.mjs";
import { ask, prepare } from "../harness/in-process.mjs";
import { built } from "../libraries/built.mjs";
import { coatcheckWith } from "../libraries/coatcheck.mjs";
import { framework } from "../libraries/index.mjs";

const REQUESTS = 100;

const { memoryStore } = await built("stores/memory");

/** @type {Record<string, { calls: Record<string, number>, cookies: number, cookieBytes: number }>} */
const results = {};
for (const method of ["stored", "sealed"]) {
  /** @type {Record<string, number>} */
  let calls = {};
  const store = counted(memoryStore(), (verb) => {
    calls[verb] = (calls[verb] ?? 0) + 1;
  });
  const installed = await coatcheckWith({ method, store })("node");
  const listener = await (await framework("node"))(installed, handlersOf(installed));
  const [valid = ""] = await sessionCookies(1, (url, cookie) =>
    ask(listener, prepare(url, cookie)),
  );
  const cookies = { none: undefined, valid, forged: forged(valid) };
  for (const { id, path, cookie } of CASES) {
    calls = {};
    let sent = 0;
    for (let n = 0; n < REQUESTS; n++) {
      const { setCookie } = await ask(listener, prepare(path, cookies[cookie]));
      sent += setCookie.length;
    }
    const perRequest = Object.entries(calls).map(([verb, n]) => [verb, n / REQUESTS]);
    results[`${method} ${id}`] = {
      calls: Object.fromEntries(perRequest),
      cookies: sent / REQUESTS,
      cookieBytes: valid.length,
    };
  }
}
process.send?.(results);
process.exit();

/** @template {object} Store @returns {Store} */
function counted(/** @type {Store} */ store, /** @type {(verb: string) => void} */ count) {
  return new Proxy(store, {
    get(target, name, receiver) {
      const member = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return (/** @type {unknown[]} */ ...args) => {
        count(String(name));
        return member.apply(target, args);
      };
    },
  });
}
