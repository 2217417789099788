/**
 * Real Python apps and a Node app with `method: "shared"` behind one proxy, and one browser: whatever one
 * of them does to the session, both see the same after it.
 */

import { rm } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { describeWith } from "../support/needs.ts";
import type { ReverseProxy } from "../support/proxy.ts";
import { nginx, startRouter } from "../support/proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { SECRET } from "../support/ways.ts";
import type { Kind } from "./apps/kinds.ts";
import { KINDS, PYTHON_APPS } from "./apps/kinds.ts";
import type { NodeApp } from "./apps/node-app.ts";
import { startNodeApp } from "./apps/node-app.ts";
import type { CookieJar, Operation, PythonApp } from "./apps/python-app.ts";
import { cookieJar, startPythonApp } from "./apps/python-app.ts";
import { coverage } from "./coverage.ts";
import { describeValue, undescribed } from "./python/describe.ts";
import type { Peer } from "./python/peer.ts";
import { startPeer } from "./python/peer.ts";
import { startRedis } from "./python/redis-server.ts";

type Data = Record<string, unknown>;

const cover = coverage("shared-python");

/** What a test expects of the session, whoever looks. */
interface Expected {
  readonly user?: string | undefined;
  readonly data: Data;
  /** What only the Python library looks at, by its key. */
  readonly theirs: Data;
}

const NOBODY: Expected = { data: {}, theirs: {} };

const values = fc.oneof(
  ...[fc.constant(null), fc.boolean(), fc.integer(), fc.constant(2n ** 60n)],
  fc.constantFrom("", "tea", "✓ über", '"\\;,'),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.constant({ a: [{ b: null }], c: "d" }),
);
const keys = fc.constantFrom("cart", "theme", "n", "über", "__proto__");

function operations({ library, users }: Kind): fc.Arbitrary<readonly [Operation, boolean]> {
  const both: fc.Arbitrary<Operation>[] = [
    fc.record({ op: fc.constant("set"), key: keys, value: values.map(describeValue) }),
    fc.record({ op: fc.constant("nest"), key: keys, value: fc.integer() }),
    fc.record({ op: fc.constant("pop"), key: keys }),
    fc.constant({ op: "clear" }),
    fc.constant({ op: "read" }),
    fc.record({ op: fc.constant("sign-in"), value: fc.constantFrom(...users) }),
    fc.constant({ op: "sign-out" }),
  ];
  const flask: fc.Arbitrary<Operation>[] = [
    fc.record({ op: fc.constant("flash"), key: fc.constant("info"), value: fc.string() }),
    fc.constant({ op: "take" }),
    fc.record({ op: fc.constant("permanent"), value: fc.boolean() }),
  ];
  const django: fc.Arbitrary<Operation>[] = [
    fc.record({ op: fc.constant("expiry"), value: fc.constantFrom(300, 0) }),
  ];
  const own = library === "Beaker" ? [] : library === "Django" ? django : flask;
  return fc.oneof(
    { weight: 7, arbitrary: fc.tuple(fc.oneof(...both), fc.boolean()) },
    ...own.map((each) => fc.tuple(each, fc.constant(true))),
  );
}

/** What an operation makes of the session. */
function changed(kind: Kind, before: Expected, operation: Operation, inPython: boolean): Expected {
  const { op, key = "", value } = operation;
  const { data, theirs, user } = before;
  const { [key]: old, ...others } = data;
  const put = (item: unknown): Expected => ({
    ...before,
    data: { ...data, ...Object.fromEntries([[key, item]]) },
  });
  switch (op) {
    case "set":
      return put(undescribed(value));
    case "nest": {
      const isDict =
        Object.hasOwn(data, key) && Object.prototype.toString.call(old) === "[object Object]";
      return put({ ...(isDict ? (old as Data) : {}), inner: value });
    }
    case "pop":
      return { ...before, data: others };
    case "clear":
      // Python's takes what its libraries keep with it; ours takes what is ours.
      return inPython ? NOBODY : { ...before, data: {} };
    case "sign-in": {
      const isOther = user !== undefined && user !== value;
      // Ours begins a new one. It is remembered where the same user's was.
      if (!inPython) {
        const isSame = user === value;
        const begun = {
          "flask_app.py": isSame && theirs["_permanent"] === true ? { _permanent: true } : {},
          "django_app.py": isSame && theirs["_session_expiry"] !== 0 ? {} : { _session_expiry: 0 },
        }[kind.program];
        return { user: String(value), data: isOther ? {} : data, theirs: begun ?? {} };
      }
      if (kind.library === "Django" && isOther) return { ...NOBODY, user: String(value) };
      return { ...before, user: String(value) };
    }
    case "sign-out":
      return inPython && kind.library !== "Django" ? { data, theirs } : NOBODY;
    case "flash": {
      const { _flashes: flashes = [] } = theirs;
      const next = [...(flashes as unknown[]), [key, value]];
      return { ...before, theirs: { ...theirs, _flashes: next } };
    }
    case "take": {
      const { _flashes: _, ...rest } = theirs;
      return { ...before, theirs: rest };
    }
    case "permanent":
      return { ...before, theirs: { ...theirs, _permanent: value } };
    case "expiry":
      return { ...before, theirs: { ...theirs, _session_expiry: value } };
    default:
      return before;
  }
}

/** What Python sees, without what differs from one moment to the next. */
function seenByPython({ userKey }: Kind, described: unknown): unknown {
  const session = undescribed(described) as Data;
  const theirs: Data = {};
  const data: Data = {};
  const { [userKey]: user } = session;
  for (const [key, value] of Object.entries(session)) {
    // Flashes are tuples there.
    if (key === "_flashes") theirs[key] = (value as string[][]).map((flash) => [...flash]);
    else if (key === "_permanent" || key === "_session_expiry") theirs[key] = value;
    else if (key === userKey || key.startsWith("_fresh") || BOOKKEEPING.includes(key)) continue;
    else Object.defineProperty(data, key, { value, enumerable: true, configurable: true });
  }
  return plain({ user: user as string | undefined, data, theirs });
}

const BOOKKEEPING = [
  ...["_coatcheck", "_id", "_auth_user_backend", "_auth_user_hash"],
  ...["_accessed_time", "_creation_time", "_domain", "_path", "_expires"],
];

/** To compare: `_permanent` that is false or absent is the same to Flask. */
function plain({ user, data, theirs }: Expected): unknown {
  const { _permanent: permanent, ...rest } = theirs;
  const kept = permanent === true ? { ...rest, _permanent: true } : rest;
  return { user, data: describeValue(data), theirs: describeValue(kept) };
}

describeWith({ ...PYTHON_APPS, nginx }, "a session shared with a Python app", () => {
  let peer: Peer;
  let folder: string;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    peer = startPeer();
    folder = await temporaryFolder("shared-python");
    redis = await startRedis();
  });
  afterAll(async () => {
    await peer.stop();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  describe.each(Object.entries(KINDS))("%s", (_, kind) => {
    let python: PythonApp;
    let node: NodeApp;
    let proxy: ReverseProxy;
    beforeAll(async () => {
      const { settings, source } = kind.open({ peer, folder, port: redis.port });
      python = await startPythonApp(kind.program, settings);
      const sessions = createSessions<Data>({
        ...{ secrets: [SECRET], store: memoryStore(), dev: true },
        ...{ method: "shared", share: source, sealed: { update: "accept-lost-updates" } },
      });
      node = await startNodeApp(sessions, kind.program === "flask_app.py");
      proxy = await startRouter({ "/python/": python.port, "/node/": node.port });
    });
    afterAll(async () => {
      await proxy.stop();
      await python.stop();
      await node.stop();
    });

    async function inPython(operation: Operation, jar: CookieJar): Promise<unknown> {
      const { op, value } = operation;
      const { session, setCookie } = await python.operate(
        translated(operation, op, value),
        jar.header(),
        `${proxy.url}/python/`,
      );
      jar.take(setCookie);
      return seenByPython(kind, session);
    }

    /** Beaker knows no users: its app keeps one under a key of its own. */
    function translated(operation: Operation, op: string, value: unknown): Operation {
      if (kind.library !== "Beaker") return operation;
      if (op === "sign-in") return { op: "set", key: kind.userKey, value };
      if (op === "sign-out") return { op: "pop", key: kind.userKey };
      return operation;
    }

    async function inNode(operation: Operation, jar: CookieJar) {
      const { user, session, setCookie } = await node.operate(
        operation,
        jar.header(),
        `${proxy.url}/node/`,
      );
      jar.take(setCookie);
      const { [kind.userKey]: _, _id: __, ...data } = undescribed(session) as Data;
      return { user, data: describeValue(data) };
    }

    it("is one session of both, through whatever each does to it", async () => {
      let walk = 0;
      const walks = fc.array(operations(kind), { minLength: 5, maxLength: 10 });
      await fc.assert(
        fc.asyncProperty(walks, async (steps) => {
          walk += 1;
          const jar = cookieJar();
          let expected = NOBODY;
          let count = 0;
          for (const [operation, isPython] of steps) {
            // Cookies of the same second with the same content are the same, also to whoever ends one.
            if (!Object.hasOwn(expected.data, "id")) {
              count += 1;
              const begin = { op: "set", key: "id", value: `${walk}-${count}` };
              await inPython(begin, jar);
              expected = changed(kind, expected, begin, true);
            }
            await (isPython ? inPython : inNode)(operation, jar);
            expected = changed(kind, expected, operation, isPython);
            const { user, data } = expected;
            const where = `after ${operation.op} in ${isPython ? "Python" : "Node"}`;
            expect(await inNode({ op: "read" }, jar), `Node ${where}`).toEqual({
              user,
              data: describeValue(data),
            });
            expect(await inPython({ op: "read" }, jar), `Python ${where}`).toEqual(plain(expected));
          }
        }),
        { numRuns: Number(process.env["INTEROP_RUNS"] ?? 8) },
      );
      const version = await peer.call<string>("version", { package: kind.library });
      const what = `${kind.what}, shared`;
      cover({ library: kind.library, version, what, direction: "both", how: "live" });
    });

    it("P5 opens nothing here from a copy of its cookie, after a sign-out here", async () => {
      const jar = cookieJar();
      await inPython({ op: "sign-in", value: kind.users[0] }, jar);
      const copy = jar.copy();
      expect(await inNode({ op: "read" }, copy)).toMatchObject({ user: kind.users[0] });
      await inNode({ op: "sign-out" }, jar);
      expect(jar.header()).toBe("");
      expect(await inNode({ op: "read" }, copy)).toEqual({
        user: undefined,
        data: describeValue({}),
      });
    });
  });
});
