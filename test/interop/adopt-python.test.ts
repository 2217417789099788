/**
 * Real Python apps give way to a Node app: their sessions become ours, for a while in both forms.
 */

import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSessions } from "../../src/core/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { describeWith } from "../support/needs.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { SECRET } from "../support/ways.ts";
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

const cover = coverage("adopt-python");

describeWith(PYTHON_APPS, "a Python app that moves here", () => {
  let peer: Peer;
  let folder: string;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    peer = startPeer();
    folder = await temporaryFolder("adopt-python");
    redis = await startRedis();
  });
  afterAll(async () => {
    await peer.stop();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  describe.each(Object.entries(KINDS))("%s", (_, kind) => {
    const [ada, bob] = kind.users;
    const [theirs] = kind.open({ peer: undefined as never, folder: "", port: 0 }).source
      .cookieNames;
    let python: PythonApp;
    let dual: NodeApp;
    let alone: NodeApp;
    let isCookie: boolean;
    const failed: unknown[] = [];
    let count = 0;
    beforeAll(async () => {
      const { settings, source } = kind.open({ peer, folder, port: redis.port });
      isCookie = source.remove === undefined;
      python = await startPythonApp(kind.program, settings);
      const store = memoryStore();
      const start = (writeBack: boolean): Promise<NodeApp> => {
        const adopt = [{ from: source, writeBack, grace: "1s" as const }];
        const sessions = createSessions<Data>({ secrets: [SECRET], store, dev: true, adopt });
        sessions.on("foreignFailed", (event) => failed.push(event));
        sessions.on("adoptionRefused", (event) => failed.push(event));
        return startNodeApp(sessions, kind.program === "flask_app.py");
      };
      dual = await start(true);
      alone = await start(false);
    });
    afterAll(async () => {
      await python.stop();
      await dual.stop();
      await alone.stop();
    });

    async function inPython(operation: Operation, jar: CookieJar) {
      const { session, setCookie } = await python.operate(operation, jar.header());
      jar.take(setCookie);
      const data = undescribed(session) as Data;
      return { user: data[kind.userKey], cart: data["cart"] };
    }

    async function inNode(app: NodeApp, operation: Operation, jar: CookieJar) {
      const { user, session, setCookie } = await app.operate(operation, jar.header());
      jar.take(setCookie);
      return { user, cart: (undescribed(session) as Data)["cart"] };
    }

    async function signedIn(): Promise<CookieJar> {
      const jar = cookieJar();
      count += 1;
      // Cookies of the same second with the same content would be one session.
      await inPython({ op: "set", key: "id", value: count }, jar);
      await inPython({ op: "set", key: "cart", value: ["tea"] }, jar);
      // Beaker knows no users: its app keeps one under a key of its own.
      const signIn =
        kind.library === "Beaker"
          ? { op: "set", key: kind.userKey, value: ada }
          : { op: "sign-in", value: ada };
      expect(await inPython(signIn, jar)).toEqual({ user: ada, cart: ["tea"] });
      return jar;
    }

    const read = { op: "read" };
    const milk = { op: "set", key: "cart", value: describeValue(["tea", "milk"]) };

    it("is adopted: user, data, a ticket of ours, and its own cookie and record gone", async () => {
      const jar = await signedIn();
      const copy = jar.copy();
      expect(await inNode(alone, read, jar)).toEqual({ user: ada, cart: ["tea"] });
      expect([jar.get("sid"), jar.get(theirs as string)]).toEqual([expect.any(String), undefined]);
      await inNode(alone, { op: "sign-out" }, jar);
      expect(jar.header()).toBe("");
      expect(await inNode(alone, read, copy.copy())).toEqual({ user: undefined, cart: undefined });
      // Nobody can take back a cookie that is the session; a record is gone after the grace time.
      if (!isCookie) {
        const left = async (): Promise<unknown> => (await inPython(read, copy.copy())).user;
        await expect.poll(left, { timeout: 10_000, interval: 200 }).toBeUndefined();
      }
      expect(failed).toEqual([]);
      const version = await peer.call<string>("version", { package: kind.library });
      const { library, what } = kind;
      cover({ library, version, what: `${what}, adopted`, direction: "read", how: "live" });
    });

    it("goes on there during the dual run: changes, sign-ins and sign-outs from here", async () => {
      const jar = await signedIn();
      await inNode(dual, milk, jar);
      const after = { user: ada, cart: ["tea", "milk"] };
      expect(await inPython(read, jar)).toEqual(after);
      // Back, and here again.
      expect(await inNode(dual, read, jar)).toEqual(after);
      await inNode(dual, { op: "sign-in", value: bob }, jar);
      expect(await inPython(read, jar)).toEqual({ user: bob, cart: undefined });
      const copy = jar.copy();
      await inNode(dual, { op: "sign-out" }, jar);
      expect(jar.header()).toBe("");
      expect((await inNode(dual, read, copy)).user).toBeUndefined();
      expect((await inPython(read, jar)).user).toBeUndefined();
      expect(failed).toEqual([]);
      const version = await peer.call<string>("version", { package: kind.library });
      const { library, what } = kind;
      cover({
        library,
        version,
        what: `${what}, adopted and written back`,
        direction: "both",
        how: "live",
      });
    });

    // Flask-Session keeps whatever can be pickled.
    if (kind.library === "Flask-Session") {
      it("P16 keeps a session that only Python can read, until its user signs in or out here", async () => {
        const jar = await signedIn();
        await python.operate({ op: "owe", value: "1.10" }, jar.header());
        const owes = async (): Promise<unknown> =>
          (await python.operate({ op: "owes" }, jar.header())).session;
        const before = jar.get(theirs as string);
        expect(await inNode(dual, read, jar)).toEqual({ user: undefined, cart: undefined });
        expect(failed.splice(0)).toEqual([
          {
            source: "flask-session",
            reason: "unsupported",
            problem: "is a pickle with the global decimal.Decimal, which is never called",
          },
        ]);
        await inNode(dual, milk, jar);
        await inNode(dual, milk, jar);
        expect(jar.get(theirs as string)).toBe(before);
        expect(await owes()).toEqual([ada, "1.10"]);
        failed.length = 0;
        await inNode(dual, { op: "sign-out" }, jar);
        expect(jar.header()).toBe("");
      });
    }

    it("is told from another cookie of its name as it is there", async () => {
      const visitor = cookieJar();
      count += 1;
      await inPython({ op: "set", key: "id", value: count }, visitor);
      for (const isFirst of [true, false]) {
        const jar = await signedIn();
        const header = (isFirst ? [jar, visitor] : [visitor, jar]).map((each) => each.header());
        const both: CookieJar = { ...cookieJar(), header: () => header.join("; ") };
        const there = await inPython(read, both);
        expect((await inNode(dual, read, both)).user, `first: ${isFirst}`).toBe(there.user);
      }
    });

    it("P6 is signed in here without a session of theirs before, and signed in there", async () => {
      const jar = cookieJar();
      await inNode(dual, { op: "sign-in", value: bob }, jar);
      await inNode(dual, milk, jar);
      expect(await inPython(read, jar)).toEqual({ user: bob, cart: ["tea", "milk"] });
    });
  });
});
