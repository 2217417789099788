/**
 * An app that adopts, and what nobody has signed in with: for every format the visitor is a visitor like any
 * other, the operator hears why, and nothing fails.
 */

import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { authJsSession } from "../../src/interop/auth-js.ts";
import { beakerCookie, beakerSession } from "../../src/interop/beaker.ts";
import type { BetterAuthAdapter } from "../../src/interop/better-auth.ts";
import { betterAuthSession } from "../../src/interop/better-auth.ts";
import { cookieSession } from "../../src/interop/cookie-session.ts";
import { djangoCookie, djangoSession } from "../../src/interop/django.ts";
import { connectRedis, expressSession, inBackend } from "../../src/interop/express-session.ts";
import { fastifySecureSession } from "../../src/interop/fastify-secure-session.ts";
import { fastifySession } from "../../src/interop/fastify-session.ts";
import { flaskCookie } from "../../src/interop/flask.ts";
import { flaskKvSession } from "../../src/interop/flask-kvsession.ts";
import { flaskSession } from "../../src/interop/flask-session.ts";
import { h3Session } from "../../src/interop/h3.ts";
import { ironSession, userAt } from "../../src/interop/iron-session.ts";
import { koaSession } from "../../src/interop/koa-session.ts";
import { railsSession } from "../../src/interop/rails.ts";
import { reactRouterSession } from "../../src/interop/react-router.ts";
import type { ForeignSource } from "../../src/interop/source.ts";
import { memoryApp } from "../support/ways.ts";
import { recordsInMemory } from "./records.ts";

const SECRET = "a secret of the old app, 32 characters or more";
const OTHER = "a secret of another app, 32 characters or more";
const user = userAt("user");

/** One of each, new, with a backend of its own where it has one. */
function sources(secret: string): readonly ForeignSource[] {
  const secrets = [secret];
  const records = recordsInMemory({});
  const store = inBackend(connectRedis(), records);
  return [
    authJsSession({ secret }),
    beakerCookie({ validateKeys: secrets, userKey: "user" }),
    beakerSession({ secrets, records, layout: "redis", userKey: "user" }),
    betterAuthSession({ secret, adapter: betterAuthRows() }),
    cookieSession({ keys: secret }),
    djangoCookie({ secrets }),
    djangoSession({ secrets, records, layout: "db" }),
    expressSession({ secret, store }),
    fastifySecureSession({ key: Buffer.alloc(32, secret) }),
    fastifySession({ secret, store }),
    flaskCookie({ secrets }),
    flaskKvSession({ secrets, records }),
    flaskSession({ secrets, records, layout: "redis" }),
    h3Session({ password: secret, user }),
    ironSession({ cookieName: "app", password: secret, user }),
    koaSession({ keys: secret }),
    railsSession({ name: "_app", secretKeyBase: secret, user }),
    reactRouterSession({ secrets, user }),
  ];
}

function betterAuthRows(): BetterAuthAdapter {
  const rows = new Map<string, Record<string, unknown>>();
  return {
    async findSession(token) {
      const session = rows.get(token);
      return session === undefined ? null : { session, user: {} };
    },
    async createSession(userId) {
      const token = randomUUID().replaceAll("-", "");
      const expiresAt = new Date(Date.now() + 1e9);
      rows.set(token, { token, userId, expiresAt });
      return { token };
    },
    updateSession: async (token, change) => void Object.assign(rows.get(token) ?? {}, change),
    deleteSession: async (token) => void rows.delete(token),
  };
}

type Jar = readonly (readonly [name: string, value: string])[];

async function signedIn(source: ForeignSource, now: number): Promise<Jar> {
  const { cookies } = await source.seal({ data: {}, userId: "7" }, now);
  return cookies
    .filter(({ expiresAt }) => expiresAt !== 0)
    .map(({ name, value }) => [name, value] as const);
}

const header = (jar: Jar): string => jar.map(([name, value]) => `${name}=${value}`).join("; ");

/** The same jar with other values, one for each of its cookies. */
function changed(jar: Jar, change: (value: string) => string): Jar {
  return jar.map(([name, value]) => [name, change(value)] as const);
}

describe.each(sources(SECRET).map(({ name }, at) => ({ name, at })))("$name #$at", ({ at }) => {
  const sourceOf = (secret: string) => sources(secret)[at] as ForeignSource;

  it("P3 P13 lets in who is signed in, nobody else, and tells only the operator", async () => {
    const old = sourceOf(SECRET);
    const app = memoryApp({ adopt: [{ from: old, writeBack: true }] });
    const now = app.clock.now();
    const genuine = await signedIn(old, now);
    const visitor = await app.browser().visit((session) => session.load());
    const [, second] = await Promise.all([0, 1].map(() => signedIn(old, now)));

    const hostile: Record<string, Jar> = {
      "of another app with another secret": await signedIn(sourceOf(OTHER), now),
      "with its last character changed": changed(genuine, (value) => {
        const last = value.at(-1) === "A" ? "B" : "A";
        return value.slice(0, -1) + last;
      }),
      "cut short": changed(genuine, (value) => value.slice(0, value.length / 2)),
      "with more behind it": changed(genuine, (value) => `${value}${value}`),
      "a megabyte long": changed(genuine, () => "A".repeat(1_000_000)),
      "made of __proto__": changed(genuine, () => btoa('{"__proto__":{"userId":"7"}}')),
      "made of a pickle": changed(genuine, () => "gASVIQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU"),
      "with odd escapes": changed(genuine, (value) => `%E0%A4%A${value}%00`),
      empty: changed(genuine, () => ""),
    };
    for (const other of sources(SECRET)) {
      if (other.name === old.name) continue;
      const [[, value] = ["", ""]] = await signedIn(other, now);
      hostile[`of ${other.name}`] = changed(genuine, () => value);
    }

    for (const [what, jar] of Object.entries(hostile)) {
      const mallory = app.browser();
      mallory.plant(header(jar));
      const { head, result } = await mallory.visit((session) => session.load());
      expect([result.userId, result.all()], what).toEqual([undefined, {}]);
      expect(head, what).toEqual(visitor.head);
    }
    for (const told of app.told("adoptionRefused") as { problem: string }[]) {
      const text = JSON.stringify(told);
      for (const [, value] of genuine) expect(text).not.toContain(value);
      expect(text).not.toContain(SECRET);
    }
    expect(app.told("adoptionRefused").length).toBeGreaterThan(3);
    expect(app.told("adopted")).toEqual([]);

    const ada = app.browser();
    ada.plant(header(second as Jar));
    expect((await ada.read()).userId).toBe("7");
  });
});
