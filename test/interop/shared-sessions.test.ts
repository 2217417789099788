/**
 * A real Python app and a Node app share one browser's session, in both directions, through random
 * operations. After every step both see the same, and what the operation should have made of it.
 */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { beakerCookie, beakerSession } from "../../src/interop/beaker.ts";
import { djangoCookie, djangoSession } from "../../src/interop/django.ts";
import { flaskCookie, flaskLoginIdentifier, withFlash } from "../../src/interop/flask.ts";
import { flaskSession } from "../../src/interop/flask-session.ts";
import type { ForeignSource } from "../../src/interop/source.ts";
import { describeWith } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import type { NodeOperation, Operation, PythonApp } from "./apps/python-app.ts";
import {
  attributesIn,
  cookieJar,
  operateInNode,
  sessionOf,
  startPythonApp,
  USER_AGENT,
} from "./apps/python-app.ts";
import { coverage } from "./coverage.ts";
import { djangoRows, filesIn, redisKeys } from "./python/backends.ts";
import { describeValue, undescribed } from "./python/describe.ts";
import type { Peer } from "./python/peer.ts";
import { pythonWith, startPeer } from "./python/peer.ts";
import { redisServer, startRedis } from "./python/redis-server.ts";
import { flaskValues, jsonValues } from "./python/values.ts";

type Data = Record<string, unknown>;

const cover = coverage("shared-sessions");
async function coverShared(library: string, what: string): Promise<void> {
  const version = await peer.call<string>("version", { package: library });
  cover({ library, version, what: `${what}, shared`, direction: "both", how: "live" });
}

let peer: Peer;
let folder: string;
let redis: Awaited<ReturnType<typeof startRedis>> | undefined;
beforeAll(async () => {
  peer = startPeer();
  folder = await temporaryFolder("interop-shared");
  if (redisServer !== undefined) redis = await startRedis();
});
afterAll(async () => {
  await peer.stop();
  await redis?.stop();
  await rm(folder, { recursive: true });
});

const keys = fc.constantFrom("cart", "theme", "n", "über", "__proto__");
const common = [
  fc.record({ op: fc.constant("nest"), key: keys, value: fc.integer() }),
  fc.record({ op: fc.constant("pop"), key: keys }),
  fc.constant({ op: "clear" }),
  fc.constant({ op: "read" }),
];

function sets(values: fc.Arbitrary<unknown>): fc.Arbitrary<Operation> {
  // A cookie holds four kilobytes.
  const small = values.map(describeValue).filter((value) => JSON.stringify(value).length < 300);
  return fc.record({ op: fc.constant("set"), key: keys, value: small });
}

/** What an operation makes of the data, here and there. */
function changed(data: Data, { op, key = "", value }: Operation): Data {
  const { [key]: old, ...others } = data;
  switch (op) {
    case "set":
      return { ...data, ...Object.fromEntries([[key, undescribed(value)]]) };
    case "nest": {
      const isRecord = typeof old === "object" && old !== null && Object.hasOwn(data, key);
      const isDict = isRecord && Object.getPrototypeOf(old) === Object.prototype;
      return { ...data, ...Object.fromEntries([[key, { ...(isDict ? old : {}), inner: value }]]) };
    }
    case "pop":
      return others;
    case "clear":
      return {};
    default:
      return data;
  }
}

/** Runs one session through the steps, each in one of the two apps. */
async function share(
  app: PythonApp,
  source: ForeignSource,
  steps: readonly (readonly [Operation, boolean])[],
  change: NodeOperation,
  expected: (data: Data, operation: Operation) => Promise<Data>,
  visible: (data: Data) => Data,
): Promise<void> {
  const jar = cookieJar();
  let data: Data = {};
  for (const [operation, inPython] of steps) {
    if (inPython) {
      const { setCookie } = await app.operate(operation, jar.header());
      jar.take(setCookie);
    } else {
      await operateInNode(source, jar, operation, change);
    }
    data = await expected(data, operation);
    const where = `${operation.op} in ${inPython ? "Python" : "Node"}`;
    const session = await sessionOf(source, jar);
    expect(describeValue(visible({ ...session?.data })), `${where}, seen by Node`).toEqual(
      describeValue(data),
    );
    const seen = await app.operate({ op: "read" }, jar.header());
    jar.take(seen.setCookie);
    expect(
      describeValue(visible(undescribed(seen.session) as Data)),
      `${where}, by Python`,
    ).toEqual(describeValue(data));
  }
}

function walks(operations: readonly fc.Arbitrary<Operation>[], length = 20) {
  return fc.array(fc.tuple(fc.oneof(...operations), fc.boolean()), {
    minLength: 5,
    maxLength: length,
  });
}

const RUNS = { numRuns: Number(process.env["INTEROP_RUNS"] ?? 12) };

describeWith(
  { ...pythonWith("flask", "flask_login", "flask_session"), "redis-server": redisServer },
  "Flask",
  () => {
    const secrets = ["s3cret"];
    const config = { SECRET_KEY: "s3cret", SESSION_PERMANENT: false };
    const kinds = {
      "the session cookie": () => ({
        settings: { config },
        source: flaskCookie({ secrets }),
      }),
      "Flask-Session on Redis": () => {
        const { port } = redis as { port: number };
        const records = redisKeys(peer, port);
        return {
          settings: {
            config: { ...config, SESSION_TYPE: "redis", SESSION_USE_SIGNER: true },
            redis_port: port,
          },
          source: flaskSession({ secrets, records, layout: "redis", format: "pickle" }),
        };
      },
      "Flask-Session in files": () => {
        const path = join(folder, "flask");
        const kind = { SESSION_TYPE: "filesystem", SESSION_FILE_DIR: path };
        return {
          settings: { config: { ...config, ...kind } },
          source: flaskSession({ records: filesIn(path), layout: "cachelib" }),
        };
      },
    };

    describe.each(Object.entries(kinds))("%s", (name, kind) => {
      let app: PythonApp;
      let source: ForeignSource;
      beforeAll(async () => {
        const { settings, source: made } = kind();
        source = made;
        app = await startPythonApp("flask_app.py", settings);
      });
      afterAll(async () => {
        await app.stop();
      });

      const users = fc.constantFrom("ada", "bob");
      const operations: fc.Arbitrary<Operation>[] = [
        ...common,
        // What a pickle of Flask-Session cannot say to us is in live-records.test.ts.
        sets(name === "the session cookie" ? flaskValues : jsonValues),
        fc.record({ op: fc.constant("flash"), key: fc.constantFrom("info"), value: fc.string() }),
        fc.constant({ op: "take" }),
        fc.record({ op: fc.constant("permanent"), value: fc.boolean() }),
        fc.record({ op: fc.constant("sign-in"), value: users }),
        fc.constant({ op: "sign-out" }),
      ];

      it("is one session of both apps", async () => {
        await fc.assert(
          fc.asyncProperty(walks(operations), async (steps) => {
            await share(
              app,
              source,
              steps,
              async (_, session, operation) => ({
                data: await changedInFlask({ ...session?.data }, operation),
                ...(session === undefined ? {} : { origin: session.origin }),
              }),
              changedInFlask,
              (data) => data,
            );
          }),
          RUNS,
        );
        const [library, what] = name.split(/ on | in /);
        if (what === undefined) await coverShared("Flask", "session cookie");
        else await coverShared(library as string, what);
      });

      it("is set and deleted with the same attributes", async () => {
        for (const operation of [
          { op: "set", key: "a", value: 1 },
          { op: "permanent", value: true },
          { op: "clear" },
        ]) {
          const [theirs, ours] = [cookieJar(), cookieJar()];
          for (const jar of [theirs, ours]) {
            jar.take((await app.operate({ op: "set", key: "b", value: 1 }, "")).setCookie);
          }
          const { setCookie } = await app.operate(operation, theirs.header());
          const own = await operateInNode(source, ours, operation, async (_, session, wanted) => ({
            data: await changedInFlask({ ...session?.data }, wanted),
            origin: session?.origin,
          }));
          const isDeletion = operation.op === "clear";
          const theirAttributes = attributesIn(setCookie[0] as string);
          // Flask-Session 0.3 forgets HttpOnly where it deletes.
          const expected =
            isDeletion && name !== "the session cookie"
              ? [...theirAttributes, "httponly"].sort()
              : theirAttributes;
          expect(attributesIn(own[0] as string)).toEqual(expected);
        }
      });
    });

    async function changedInFlask(data: Data, operation: Operation): Promise<Data> {
      const { op, key = "", value } = operation;
      const { _user_id: _, _fresh: __, _id: ___, ...visitor } = data;
      const { _flashes, ...read } = data;
      switch (op) {
        case "flash":
          return withFlash(data, value, key);
        case "take":
          return read;
        case "permanent":
          return { ...data, _permanent: value };
        case "sign-in": {
          const _id = await flaskLoginIdentifier("127.0.0.1", USER_AGENT);
          return { ...data, _user_id: value, _fresh: true, _id };
        }
        case "sign-out":
          return visitor;
        default:
          return changed(data, operation);
      }
    }
  },
);

describeWith(pythonWith("django"), "Django", () => {
  const secrets = ["dj-secret"];
  const passwords = new Map<string, string>();
  const passwordHash = async (userId: string) => passwords.get(userId);

  describe.each(["signed_cookies", "db"])("%s", (engine) => {
    let app: PythonApp;
    let source: ForeignSource;
    beforeAll(async () => {
      const database = join(folder, `${engine}.sqlite3`);
      app = await startPythonApp("django_app.py", { engine, database });
      source =
        engine === "db"
          ? djangoSession({
              secrets,
              passwordHash,
              records: djangoRows(peer, database),
              layout: "db",
            })
          : djangoCookie({ secrets, passwordHash });
      for (const id of ["1", "2"]) {
        const statement = "SELECT password FROM auth_user WHERE id = ?";
        const [password] = await peer.call<[string]>("sql", {
          path: database,
          statement,
          args: [id],
        });
        passwords.set(id, password);
      }
    });
    afterAll(async () => {
      await app.stop();
    });

    const operations: fc.Arbitrary<Operation>[] = [
      ...common,
      sets(jsonValues),
      fc.record({ op: fc.constant("expiry"), value: fc.constantFrom(300, 0) }),
      fc.record({ op: fc.constant("sign-in"), value: fc.constantFrom("1", "2") }),
      fc.constant({ op: "sign-out" }),
    ];

    it("is one session of both apps", async () => {
      await fc.assert(
        fc.asyncProperty(walks(operations), async (steps) => {
          await share(app, source, steps, operate, expected, (data) => {
            // The hash is checked by both sides whenever they open it.
            const { _auth_user_backend: _, _auth_user_hash: __, ...visible } = data;
            return visible;
          });
        }),
        RUNS,
      );
      await coverShared("Django", `sessions, ${engine.replace("_", " ")}`);
    });

    const operate: NodeOperation = async (_, session, operation) => {
      const data = { ...session?.data };
      if (operation.op !== "sign-in") {
        return { data: await expected(data, operation), origin: session?.origin };
      }
      // A new key, as Django's login makes it, and the old row goes.
      if (session !== undefined) await source.remove?.(session);
      const userId = String(operation.value);
      const isOther = session?.userId !== undefined && session.userId !== userId;
      return { data: isOther ? {} : data, userId };
    };

    async function expected(data: Data, operation: Operation): Promise<Data> {
      const { op, value } = operation;
      const { _auth_user_id: user } = data;
      switch (op) {
        case "expiry":
          return { ...data, _session_expiry: value };
        case "sign-in":
          return { ...(user === undefined || user === value ? data : {}), _auth_user_id: value };
        case "sign-out":
          return {};
        default:
          return changed(data, operation);
      }
    }
  });
});

describeWith(
  { ...pythonWith("beaker", "cryptography"), "redis-server": redisServer },
  "Beaker",
  () => {
    const kinds = {
      "a cookie of JSON": () => ({
        settings: { type: "cookie", validate_key: "validate", data_serializer: "json" },
        source: beakerCookie({ validateKeys: ["validate"] }),
      }),
      "an encrypted cookie of pickles": () => ({
        settings: {
          ...{ type: "cookie", validate_key: "validate" },
          ...{ encrypt_key: "encrypt", crypto_type: "cryptography" },
        },
        source: beakerCookie({
          validateKeys: ["validate"],
          serializer: "pickle",
          encryption: { key: "encrypt", module: "cryptography" },
        }),
      }),
      files: () => {
        const path = join(folder, "beaker");
        const records = filesIn(path);
        return {
          settings: { type: "file", data_dir: path, secret: "secret" },
          source: beakerSession({ secrets: ["secret"], records, layout: "file", version: "1.11" }),
        };
      },
      Redis: () => {
        const { port } = redis as { port: number };
        const records = redisKeys(peer, port);
        return {
          settings: { type: "ext:redis", url: `redis://127.0.0.1:${port}`, secret: "secret" },
          source: beakerSession({ secrets: ["secret"], records, layout: "redis", version: "1.11" }),
        };
      },
    };

    describe.each(Object.entries(kinds))("%s", (name, kind) => {
      let app: PythonApp;
      let source: ForeignSource;
      beforeAll(async () => {
        const { settings, source: made } = kind();
        source = made;
        app = await startPythonApp("beaker_app.py", settings);
      });
      afterAll(async () => {
        await app.stop();
      });

      it("is one session of both apps", async () => {
        await fc.assert(
          fc.asyncProperty(walks([...common, sets(jsonValues)]), async (steps) => {
            await share(
              app,
              source,
              steps,
              async (_source, session, operation) => ({
                data: changed(visible({ ...session?.data }), operation),
                origin: session?.origin,
              }),
              async (data, operation) => changed(data, operation),
              visible,
            );
          }),
          RUNS,
        );
        await coverShared("Beaker", name);
      });
    });

    /** Without what Beaker keeps for itself. */
    function visible(data: Data): Data {
      const own = ["_accessed_time", "_creation_time", "_domain", "_path", "_id", "_expires"];
      return Object.fromEntries(Object.entries(data).filter(([key]) => !own.includes(key)));
    }
  },
);
