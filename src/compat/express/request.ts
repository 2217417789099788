/**
 * One request of express-session's API: what is written when its response begins, and which cookie.
 *
 * The head of the response is held back until the store has taken the session. What an app changes
 * after the first byte, while it streams, is written before the last one.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import { holdHead, prepareHold } from "../../adapters/hold.ts";
import type { NodeResponse } from "../../adapters/node-response.ts";
import type { SessionCookie } from "../../cookie/write.ts";
import type { HeadChanges } from "../../core/session.ts";
import { isCoatcheckError } from "../../errors.ts";
import type { HmacKey } from "../../lib/sha256.ts";
import { cookieText, signedValue } from "./cookie-text.ts";
import { followSession } from "./follow.ts";
import { isSecure } from "./incoming.ts";
import { askStore, hasEnded, markEnded } from "./origins.ts";
import type { CookieInside, GeneratingStore, Session, SessionRequest } from "./types.ts";

type Next = (error?: unknown) => void;

/** The options of `session()`, with every default. */
export interface Settings {
  readonly name: string;
  readonly store: GeneratingStore;
  readonly proxy: boolean | undefined;
  readonly resave: boolean;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly unsetDestroy: boolean;
  /** A failure of this store is the answer to the request, instead of an error after the answer. */
  readonly isOurs: boolean;
}

/** What a request brought along. */
export interface Arrival {
  /** The session id in its cookie, if a secret of ours has signed it. */
  readonly sid: string | undefined;
  /** Signs. */
  readonly key: HmacKey;
}

/** What is watched of one request. */
export interface Watch {
  /** Begins with a session that is new. */
  generated(isFollowed: boolean): void;
  /** Begins with a session that was read. */
  read(): void;
  /** Watches one more session of the same request. */
  follow(session: Session): void;
}

const NOTHING: HeadChanges = {
  cookies: [],
  vary: false,
  cacheControl: undefined,
  clearSiteData: undefined,
};

/** Installs itself on the response. */
export function watchRequest(
  req: SessionRequest,
  res: ServerResponse,
  next: Next,
  settings: Settings,
  arrival: Arrival,
): Watch {
  const { store, name, resave, rolling, saveUninitialized, unsetDestroy } = settings;
  const { sid: cookieId, key } = arrival;
  let originalId: unknown;
  let originalPrint: string | undefined;
  let saved: { readonly id: unknown; readonly print: string } | undefined;
  let straggler: unknown;
  let touched = false;
  let prolonged = false;
  let head: Promise<HeadChanges> | undefined;
  /** The session as it was when the head was settled. */
  let settled: { readonly session: unknown; readonly print: string | undefined } | undefined;
  let isEnding = false;
  /** What the app has asked the store for by itself. */
  const asked: Promise<unknown>[] = [];

  const hasId = (): boolean => typeof req.sessionID === "string";
  const isModified = (session: Session): boolean =>
    originalId !== session.id || originalPrint !== printOf(session);
  const isSaved = (session: Session): boolean =>
    saved !== undefined && saved.id === session.id && saved.print === printOf(session);
  const shouldDestroy = (): boolean => unsetDestroy && Boolean(req.sessionID) && !req.session;

  function shouldSave(session: Session): boolean {
    if (!hasId()) return false;
    const isUninitialized = !saveUninitialized && saved === undefined && cookieId !== req.sessionID;
    return isUninitialized ? isModified(session) : !isSaved(session);
  }

  function shouldSetCookie(session: Session): boolean {
    if (!hasId()) return false;
    if (cookieId !== req.sessionID) return saveUninitialized || isModified(session);
    const { expires } = session.cookie;
    return rolling || (expires !== null && expires !== undefined && isModified(session));
  }

  /** What nobody was told of fails the answer, as what the answer itself asks for does. */
  async function answers(): Promise<void> {
    const failures = await Promise.all(asked.splice(0));
    const failure = failures.find(Boolean);
    if (failure !== undefined && settings.isOurs) throw failure;
  }

  async function settle(): Promise<void> {
    if (asked.length > 0) await answers();
    const session = req.session as Session | undefined;
    if (shouldDestroy()) await done((tell) => store.destroy(req.sessionID as string, tell));
    if (!session) return;
    if (!touched) session.touch();
    touched = true;
    if (session === straggler) {
      // It would take the cookie of the session that followed from the browser.
      if (isModified(session)) store.emit("dropped", { keys: keysOf(session) });
      markEnded(session, store, session.id);
    } else if (shouldSave(session)) {
      await done((tell) => session.save(tell));
    } else if (store.touch && !prolonged && hasId() && cookieId === req.sessionID) {
      prolonged = true;
      await done((tell) => store.touch?.(req.sessionID as string, session as never, tell));
    }
  }

  async function settleHead(): Promise<HeadChanges> {
    const session = req.session as Session | undefined;
    settled = { session, print: session && printOf(session) };
    try {
      const wanted = session !== undefined && session !== null && shouldSetCookie(session);
      if (wanted) askStore(session);
      await settle();
      if (!wanted || hasEnded(session, store, session.id)) return NOTHING;
      if (session.cookie.secure && !isSecure(req, settings.proxy)) return NOTHING;
      const cookie = cookieOf(name, signedValue(req.sessionID as string, key), session);
      return { ...NOTHING, cookies: [cookie], cacheControl: "private" };
    } catch (error) {
      if (settings.isOurs && isCoatcheckError(error)) throw error;
      setImmediate(next, error);
      return NOTHING;
    }
  }

  /** Whether the app has changed something since the head was settled. */
  function owesMore(): boolean {
    const session = req.session as Session | undefined;
    if (session !== settled?.session) return true;
    return session !== undefined && session !== null && printOf(session) !== settled?.print;
  }

  // A failure is told once: asked again, there is nothing to set.
  function commit(): Promise<HeadChanges> {
    if (head !== undefined) return Promise.resolve(NOTHING);
    head = settleHead();
    return head;
  }

  function endLate(end: (...args: unknown[]) => unknown, args: unknown[]): void {
    // What has failed with the head has been answered already.
    const failed = (error: unknown): void => void setImmediate(next, error);
    Promise.resolve(head)
      .then(() => settle().catch(failed), ignore)
      .then(() => end.apply(res, args))
      .catch(failed);
  }

  // engine.io's response of an upgrade does not say, and sends its head without waiting for anything.
  if (res.headersSent === false) {
    prepareHold(res as NodeResponse);
    holdHead(res as NodeResponse, { commit }, false);
  }
  const end = res.end as (...args: unknown[]) => unknown;
  res.end = function endWithSession(this: ServerResponse, ...args: unknown[]): ServerResponse {
    if (isEnding) return this;
    if ((head === undefined && !res.headersSent) || !owesMore()) end.apply(this, args);
    else {
      isEnding = true;
      endLate(end, args);
    }
    return this;
  } as typeof res.end;

  function follow(session: Session): void {
    followSession(session, store, {
      asked: (answer) => void asked.push(answer),
      saving(given) {
        saved = { id: given.id, print: printOf(given) };
      },
      reloaded(before) {
        if (req.session && req.session !== before) follow(req.session as Session);
      },
    });
  }

  function begin(): void {
    const session = req.session as Session;
    originalId = req.sessionID;
    originalPrint = printOf(session);
    follow(session);
  }

  return {
    generated(isFollowed) {
      begin();
      if (isFollowed) straggler = req.session;
    },
    read() {
      begin();
      if (!resave) saved = { id: originalId, print: originalPrint as string };
    },
    follow,
  };
}

/** Everything but the cookie. */
function printOf(session: object): string {
  return JSON.stringify(session, function (this: unknown, key: string, value: unknown) {
    return this === session && key === "cookie" ? undefined : value;
  });
}

function keysOf(session: object): readonly string[] {
  return Object.keys(session).filter((key) => key !== "cookie");
}

function done(call: (tell: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}

/** In the form that a head takes: it replaces others of its name, and no console shows its value. */
function cookieOf(name: string, value: string, { cookie }: Session): SessionCookie {
  // An app may have put an object of its own there: it has no settings, and its session is kept all the same.
  const text = cookieText(name, value, (cookie as Partial<CookieInside>).data ?? {});
  const plain = { name, toString: () => text, toJSON: () => ({ name, value: "[hidden]" }) };
  return plain as unknown as SessionCookie;
}

function ignore(): void {
  // Whom it concerns has been told.
}
