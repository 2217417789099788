// @ts-check
/**
 * What the app under test does, by path: the same for every library and framework.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import { sessionData } from "./fixture.mjs";

/**
 * A library, put to use the way its own documentation says. `ctx` and `res` are whatever the framework
 * hands to a handler: `(req, res)`, `(request, reply)`, `(ctx)`, `(c)` or `(event)`.
 *
 * @typedef {object} Installed
 * @property {any} [plug] what the framework's own way of plugging in takes
 * @property {(listener: any) => any} [wrap] instead of `plug` on node:http: makes one listener of another
 * @property {(ctx: any, res: any) => string | undefined | Promise<string | undefined>} read reads `theme`
 * @property {(ctx: any, res: any, n: number) => unknown} change sets `views`
 * @property {(ctx: any, res: any, data: Record<string, unknown>) => unknown} start begins a session with this data
 * @property {(key: string, ctx: any, res: any) => unknown} [get] for the check and the races
 * @property {(key: string, value: unknown, ctx: any, res: any) => unknown} [set] for the races
 * @property {(key: string, ctx: any, res: any) => unknown} [increment] where the library has a way that holds; else a `get` and a `set`
 * @property {(user: string, ctx: any, res: any) => unknown} [signIn] with a new id, where the library has one
 * @property {(ctx: any, res: any) => unknown} [end] signs out
 * @property {() => unknown} [close] ends timers
 * @property {unknown} [inspect] for whoever counts
 */

/** @typedef {(query: () => URLSearchParams, ctx: any, res: any) => string | Promise<string>} Handler */

/** @returns {Map<string, Handler>} */
export function handlersOf(/** @type {Installed} */ library) {
  let changes = 0;
  return new Map(
    /** @type {[string, Handler][]} */ ([
      ["/untouched", () => "ok"],
      ["/read", (_query, ctx, res) => textOf(library.read(ctx, res))],
      [
        "/change",
        (_query, ctx, res) => {
          changes += 1;
          const done = library.change(ctx, res, changes);
          return done instanceof Promise ? done.then(ok) : "ok";
        },
      ],
      [
        "/start",
        async (query, ctx, res) => {
          await library.start(ctx, res, sessionData(Number(query().get("n"))));
          return "ok";
        },
      ],
      ...(library.get === undefined ? [] : check(library)),
      ...(library.end === undefined ? [] : races(library)),
    ]),
  );
}

function textOf(/** @type {string | undefined | Promise<string | undefined>} */ value) {
  if (value instanceof Promise) return value.then(orNone);
  return value ?? "none";
}

const ok = () => "ok";
const orNone = (/** @type {string | undefined} */ value) => value ?? "none";

/**
 * Whether a change was kept: asked before anything is measured.
 *
 * @returns {[string, Handler][]}
 */
function check(/** @type {Installed} */ library) {
  const { get } = /** @type {Required<Installed>} */ (library);
  return [["/views", async (_query, ctx, res) => String(await get("views", ctx, res))]];
}

/** @returns {[string, Handler][]} */
function races(/** @type {Installed} */ library) {
  const { get, set, signIn, end } = /** @type {Required<Installed>} */ (library);
  const pause = async (/** @type {URLSearchParams} */ query) => {
    const ms = Number(query.get("wait"));
    if (ms > 0) await sleep(ms);
  };
  return [
    [
      "/race/field",
      async (query, ctx, res) => {
        await get("user", ctx, res);
        await pause(query());
        await set(`field-${query().get("n")}`, 1, ctx, res);
        return "ok";
      },
    ],
    [
      "/race/fields",
      async (query, ctx, res) => {
        let there = 0;
        for (let n = 0; n < Number(query().get("n")); n++) {
          if ((await get(`field-${n}`, ctx, res)) === 1) there += 1;
        }
        return String(there);
      },
    ],
    [
      "/race/count",
      async (query, ctx, res) => {
        const count = Number((await get("count", ctx, res)) ?? 0);
        await pause(query());
        if (library.increment !== undefined) await library.increment("count", ctx, res);
        else await set("count", count + 1, ctx, res);
        return "ok";
      },
    ],
    ["/race/counted", async (_query, ctx, res) => String((await get("count", ctx, res)) ?? 0)],
    ["/race/me", async (_query, ctx, res) => String((await get("user", ctx, res)) ?? "nobody")],
    [
      "/race/slow-write",
      async (query, ctx, res) => {
        await get("user", ctx, res);
        await pause(query());
        await set("lastSeen", Date.now(), ctx, res);
        return "ok";
      },
    ],
    [
      "/race/slow-read",
      async (query, ctx, res) => {
        await get("user", ctx, res);
        await pause(query());
        return "ok";
      },
    ],
    [
      "/race/slow-untouched",
      async (query) => {
        await pause(query());
        return "ok";
      },
    ],
    [
      "/race/sign-in",
      async (_query, ctx, res) => {
        await signIn("grace", ctx, res);
        return "ok";
      },
    ],
    [
      "/race/end",
      async (_query, ctx, res) => {
        await end(ctx, res);
        return "ok";
      },
    ],
  ];
}
