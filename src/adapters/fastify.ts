/**
 * Sessions for Fastify 5.
 *
 * @module
 */

import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Committer } from "../core/handle.ts";
import { commitHead, onFirstUse } from "../core/handle.ts";
import type { Sessions } from "../core/sessions.ts";
import { discard, listenToBody } from "./body.ts";
import { requireSessions } from "./carry.ts";
import { describesEntity } from "./failure.ts";
import type { HeadTarget } from "./head.ts";
import { applyHead } from "./head.ts";
import { holdHead, letThrough, prepareHold } from "./hold.ts";

/** What is known of a request whose session was used. A class, for the reason that `State` gives. */
class Use {
  declare readonly session: Committer;
  /** A commit has failed. */
  failed = false;
  committing = false;

  constructor(session: Committer) {
    this.session = session;
  }
}

/** The headers of a reply. A class, for the same reason. */
class ReplyHead implements HeadTarget {
  declare private readonly reply: FastifyReply;

  constructor(reply: FastifyReply) {
    this.reply = reply;
  }

  getHeaderNames(): readonly string[] {
    return Object.keys(this.reply.getHeaders());
  }

  getHeader(name: string): ReturnType<FastifyReply["getHeader"]> {
    return this.reply.getHeader(name);
  }

  setHeader(name: string, value: string | readonly string[]): void {
    // `header` replaces what is there, but adds to a Set-Cookie.
    if (name === "Set-Cookie" && this.reply.hasHeader(name)) this.reply.removeHeader(name);
    this.reply.header(name, value);
  }
}

const USE: unique symbol = Symbol("coatcheck.use");

/** A request, as far as it is ours: the app says in its own types what its session is. */
interface Carrier {
  session?: unknown;
  [USE]?: Use;
}

/**
 * Gives every request a session, `request.session`, and commits it in `onSend`, before the head is
 * written. A failure reaches Fastify's error handler.
 *
 * A reply that is sent past Fastify, on `reply.raw`, waits for its commit too. It has no error handler:
 * a failure is answered as the node adapter does.
 *
 * When a handler throws, buffered changes are dropped and what acted at once keeps its cookie. A request
 * that was upgraded, to a WebSocket say, has no head: what needs one throws.
 *
 * @example
 * ```ts
 * await app.register(coatcheck(sessions));
 * app.get("/", async (request) => {
 *   const session = await request.session.load();
 *   return { user: session.userId };
 * });
 * ```
 */
export function coatcheck<Data extends object>(sessions: Sessions<Data>): FastifyPluginAsync {
  requireSessions(sessions);
  async function plugin(fastify: FastifyInstance): Promise<void> {
    fastify.decorateRequest("session" as never, undefined as never);

    fastify.addHook("onRequest", function openSession(request, reply, done) {
      const session = sessions.open(request, isUpgrade(request.raw) ? HEAD_SENT : undefined);
      const carrier: Carrier = request as object;
      carrier.session = session;
      prepareHold(reply.raw);
      onFirstUse(session, () => {
        carrier[USE] = new Use(session);
        holdHead(reply.raw, session, sessions.dev);
      });
      done();
    });

    // At once: what the error handler then changes is its own, and goes by the status of its answer.
    fastify.addHook("onError", async function dropChanges(request) {
      await useOf(request)?.session.commit({ failed: true }).catch(ignore);
    });

    fastify.addHook("onSend", function commitSession(request, reply, payload, done) {
      const use = useOf(request);
      if (use === undefined) {
        done(null, payload);
        return;
      }
      // An async handler that sends without returning the reply makes Fastify send again, nothing.
      if (use.committing) return;
      use.committing = true;
      return commitReply(use, reply, payload);
    });
  }
  return Object.assign(plugin, PLUGIN);
}

const HEAD_SENT = { head: "sent" } as const;

/** Whether the app has the socket, as with @fastify/websocket: who gets it answers there, and not with a reply. */
function isUpgrade(raw: FastifyRequest["raw"] & { upgrade?: boolean }): boolean {
  // The request that its `injectWS` makes for tests says so only in its headers.
  return raw.upgrade ?? raw.headers.upgrade === "websocket";
}

function useOf(request: FastifyRequest): Use | undefined {
  return (request as Carrier)[USE];
}

async function commitReply(use: Use, reply: FastifyReply, payload: unknown): Promise<unknown> {
  try {
    const failed = use.failed || reply.statusCode >= 500;
    const { session } = use;
    const answer = commitHead(session, failed);
    if (answer instanceof Promise) listenToBody(payload);
    const changes = answer instanceof Promise ? await answer : answer;
    applyHead(changes, new ReplyHead(reply));
    letThrough(reply.raw);
  } catch (error) {
    use.failed = true;
    discard(payload);
    for (const name of Object.keys(reply.getHeaders())) {
      if (describesEntity(name)) reply.removeHeader(name);
    }
    throw error;
  } finally {
    use.committing = false;
  }
  // Not for the hooks after this one, which would wait for what is broken.
  const { errored } = (payload ?? {}) as Partial<FastifyReply["raw"]>;
  if (errored) throw errored;
  return payload;
}

function ignore(): void {
  // The handle has told whom it concerns.
}

/** What fastify-plugin would add: the hooks are for the whole app, and the version is checked. */
const PLUGIN = {
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "coatcheck",
  [Symbol.for("plugin-meta")]: { name: "coatcheck", fastify: ">=5.0.0" },
};
