/**
 * The kinds of Python apps whose sessions are shared and adopted: how each is started, and its source.
 *
 * @module
 */

import { join } from "node:path";
import { beakerCookie, beakerSession } from "../../../src/interop/beaker.ts";
import { djangoCookie, djangoSession } from "../../../src/interop/django.ts";
import { flaskCookie } from "../../../src/interop/flask.ts";
import { flaskSession } from "../../../src/interop/flask-session.ts";
import type { ForeignSource } from "../../../src/interop/source.ts";
import { djangoRows, filesIn, redisKeys } from "../python/backends.ts";
import type { Peer } from "../python/peer.ts";
import { pythonWith } from "../python/peer.ts";
import { redisServer } from "../python/redis-server.ts";

/** What the tests of one file have in common. */
export interface Place {
  readonly peer: Peer;
  readonly folder: string;
  /** Of a Redis server. */
  readonly port: number;
}

export interface Kind {
  readonly library: "Flask" | "Flask-Session" | "Django" | "Beaker";
  /** What of it, as the table of coverage says. */
  readonly what: string;
  /** Of `test/interop/apps`. */
  readonly program: string;
  open(place: Place): { readonly settings: object; readonly source: ForeignSource };
  /** Where the app says whose a session is. */
  readonly userKey: string;
  /** Whom it knows. */
  readonly users: readonly [string, string];
}

/** For `describeWith`. */
export const PYTHON_APPS: Readonly<Record<string, string | undefined>> = {
  ...pythonWith("flask", "flask_login", "flask_session", "django", "beaker", "cryptography"),
  "redis-server": redisServer,
};

const flask = { program: "flask_app.py", userKey: "_user_id", users: ["ada", "bob"] } as const;
const django = { program: "django_app.py", userKey: "_auth_user_id", users: ["1", "2"] } as const;
const beaker = { program: "beaker_app.py", userKey: "user", users: ["ada", "bob"] } as const;
const config = { SECRET_KEY: "s3cret", SESSION_PERMANENT: false };
const secrets = ["s3cret"];

export const KINDS: Readonly<Record<string, Kind>> = {
  "Flask's cookie": {
    ...flask,
    library: "Flask",
    what: "session cookie",
    open: () => ({ settings: { config }, source: flaskCookie({ secrets }) }),
  },
  "Flask-Session on Redis": {
    ...flask,
    library: "Flask-Session",
    what: "Redis",
    open: ({ peer, port }) => ({
      settings: {
        config: { ...config, SESSION_TYPE: "redis", SESSION_USE_SIGNER: true },
        redis_port: port,
      },
      source: flaskSession({
        ...{ secrets, layout: "redis", format: "pickle" },
        records: redisKeys(peer, port),
      }),
    }),
  },
  "Django's signed cookies": {
    ...django,
    library: "Django",
    what: "sessions, signed cookies",
    open: (place) => djangoKind(place, "signed_cookies"),
  },
  "Django's database": {
    ...django,
    library: "Django",
    what: "sessions, db",
    open: (place) => djangoKind(place, "db"),
  },
  "Beaker's cookie": {
    ...beaker,
    library: "Beaker",
    what: "a cookie of JSON",
    open: () => ({
      settings: { type: "cookie", validate_key: "validate", data_serializer: "json" },
      source: beakerCookie({ validateKeys: ["validate"], userKey: "user" }),
    }),
  },
  "Beaker in files": {
    ...beaker,
    library: "Beaker",
    what: "files",
    open({ folder }) {
      const path = join(folder, "beaker");
      return {
        settings: { type: "file", data_dir: path, secret: "secret" },
        source: beakerSession({
          ...{ secrets: ["secret"], layout: "file", version: "1.11", userKey: "user" },
          records: filesIn(path),
        }),
      };
    },
  },
};

function djangoKind({ peer, folder }: Place, engine: "signed_cookies" | "db") {
  const path = join(folder, `${engine}.sqlite3`);
  const options = {
    secrets: ["dj-secret"],
    async passwordHash(userId: string) {
      const statement = "SELECT password FROM auth_user WHERE id = ?";
      return (await peer.call<[string] | null>("sql", { path, statement, args: [userId] }))?.[0];
    },
  };
  const source =
    engine === "db"
      ? djangoSession({ ...options, records: djangoRows(peer, path), layout: "db" })
      : djangoCookie(options);
  return { settings: { engine, database: path }, source };
}
