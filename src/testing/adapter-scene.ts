/**
 * What one test of an adapter plays in: an app with one route, its store, and browsers.
 *
 * @module
 */

import type { SessionEvent, SessionEvents } from "../core/events.ts";
import type { SessionsOptions } from "../core/options.ts";
import type { Sessions } from "../core/sessions.ts";
import { createSessions } from "../core/sessions.ts";
import { encodeBase64url } from "../lib/base64url.ts";
import { randomBytes } from "../lib/random.ts";
import type { SessionStore } from "../stores/contract.ts";
import type { Answer, Client, ClientRequest, Exchange } from "./adapter-client.ts";
import { createClient } from "./adapter-client.ts";
import type {
  AdapterLack,
  AdapterMethod,
  AdapterSuiteOptions,
  Route,
  SuiteData,
} from "./adapter-fixture.ts";
import { fail } from "./expect.ts";
import type { Fault, FaultPlan, Outage } from "./faults.ts";
import { faulty, outage } from "./faults.ts";
import { allOf, ended } from "./handles.ts";
import type { Recording } from "./recording.ts";
import { recording } from "./recording.ts";
import type { Verb } from "./verbs.ts";

/** The name of the session cookie: without a prefix, so that it is the same in development. */
export const COOKIE = "sid";

export interface AdapterScene {
  readonly method: AdapterMethod;
  readonly sessions: Sessions<SuiteData>;
  readonly recorded: Recording<SessionStore>;
  /** While it lasts the store fails every call. */
  readonly outage: Outage;
  /** From now on calls of this verb get this fault; `undefined` ends that. */
  trouble(verb: Verb, fault: Fault | undefined): void;
  /** Moves the clock of the sessions forward. It goes on from there. */
  advance(milliseconds: number): void;
  /** What `sessions.on` has told, in order. */
  told<Name extends SessionEvent>(name: Name): readonly SessionEvents[Name][];
  /** Starts the app. */
  serve(route: Route, connections?: number): Promise<App>;
  dispose(): Promise<void>;
}

// Long for a machine under load; only an adapter that never does a thing waits so long.
const PATIENCE = 10_000;

/** Waits until something is so, or fails with what was awaited. `turn` is what may happen meanwhile. */
export async function until(
  what: string,
  isSo: () => boolean,
  turn: () => Promise<unknown> = nextTurn,
): Promise<void> {
  const due = Date.now() + PATIENCE;
  while (!isSo()) {
    if (Date.now() > due) fail(`it never happened: ${what}`);
    await turn();
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The calls that are about sessions: the feed of revocations is read on its own time. */
export function sessionCalls({ recorded }: AdapterScene): readonly Verb[] {
  return recorded.calls.flatMap(({ verb }) => (verb === "since" ? [] : [verb]));
}

/** What only one of the two methods has. */
export type MethodTrait =
  /** What a commit writes is in the store: it waits for that, and fails with it. */
  | "records"
  /** Changes of one session by several requests at once are all kept. */
  | "merging"
  /** What a commit writes goes out with the answer, in up to four cookies. */
  | "chunks";

/** A test of the suite, before it is known what the adapter and the method lack. */
export interface AdapterSceneTest {
  readonly name: string;
  readonly needs?: readonly (AdapterLack | MethodTrait)[];
  /** Options of `createSessions` besides the store. */
  readonly options?: Partial<SessionsOptions<SuiteData>>;
  run(scene: AdapterScene): Promise<void>;
}

export interface App {
  readonly origin: string | undefined;
  browser(): Browser;
}

/** Keeps the cookies of its session, as a browser does. */
export interface Browser {
  /** The `Cookie` header of the next request; `undefined` for none. */
  cookie(): string | undefined;
  /** Another browser with a copy of the cookies. */
  copy(): Browser;
  begin(path?: string, method?: string, body?: ClientRequest["body"]): Exchange;
  /** A whole request. */
  visit(path?: string, method?: string, body?: ClientRequest["body"]): Promise<Answer>;
}

export async function openAdapterScene(
  method: AdapterMethod,
  options: AdapterSuiteOptions,
  overrides: Partial<SessionsOptions<SuiteData>> = {},
): Promise<AdapterScene> {
  const lasting = outage();
  const faults = new Map<Verb, Fault>();
  const plan: FaultPlan = (call) => lasting.plan(call) ?? faults.get(call.verb);
  const recorded = recording(faulty(await options.store(), plan));
  let ahead = 0;
  const sessions = createSessions<SuiteData>({
    secrets: [`ck1_${encodeBase64url(randomBytes(32))}`],
    method,
    store: recorded.store,
    cookie: { name: COOKIE },
    clock: () => Date.now() + ahead,
    ...(method === "sealed" && { sealed: { update: "accept-lost-updates" } }),
    ...overrides,
  });
  const events: [name: SessionEvent, event: unknown][] = [];
  for (const name of ["lateChange", "dropped", "signedIn", "signedOut"] as const) {
    sessions.on(name, (event) => void events.push([name, event]));
  }
  const closing: (() => Promise<void>)[] = [() => sessions.close()];

  return {
    method,
    sessions,
    recorded,
    outage: lasting,
    trouble(verb, fault) {
      if (fault === undefined) faults.delete(verb);
      else faults.set(verb, fault);
    },
    advance(milliseconds) {
      ahead += milliseconds;
    },
    told: <Name extends SessionEvent>(name: Name) =>
      events.flatMap(([each, event]) => (each === name ? [event as SessionEvents[Name]] : [])),
    async serve(route, connections = 64) {
      const starting = Promise.resolve(options.start(sessions, route));
      const server = await ended(starting, "`start` of the adapter");
      closing.push(
        async () => await ended(Promise.resolve(server.close()), "`close` of the server"),
      );
      const client = createClient(server.target, options.http2 ?? false, connections);
      closing.push(async () => client.close());
      return {
        origin: typeof server.target === "string" ? server.target : undefined,
        browser: () => createBrowser(client),
      };
    },
    async dispose() {
      await allOf(closing.splice(0).reverse());
    },
  };
}

function createBrowser(client: Client, copied?: ReadonlyMap<string, string>): Browser {
  const kept = new Map(copied);

  function cookie(): string | undefined {
    if (kept.size === 0) return undefined;
    return Array.from(kept, ([name, value]) => `${name}=${value}`).join("; ");
  }

  function requestOf(path: string, method: string, body: ClientRequest["body"]): ClientRequest {
    const now = cookie();
    return {
      path,
      method,
      ...(now === undefined ? {} : { cookie: now }),
      ...(body === undefined ? {} : { body }),
    };
  }

  function keep(answer: { readonly cookies: readonly string[] }): void {
    for (const field of sessionCookies(answer)) {
      const { name, value, isDeleted } = readField(field);
      if (isDeleted) kept.delete(name);
      else kept.set(name, value);
    }
  }

  return {
    cookie,
    copy: () => createBrowser(client, kept),
    begin(path = "/", method = "GET", body) {
      const exchange = client.send(requestOf(path, method, body));
      exchange.head.then(keep).catch(() => undefined);
      return exchange;
    },
    async visit(path = "/", method = "GET", body) {
      const { answer } = client.send(requestOf(path, method, body));
      const received = await answer;
      keep(received);
      return received;
    },
  };
}

/** A `Set-Cookie` field. */
export interface CookieField {
  readonly name: string;
  readonly value: string;
  /** From the first `;` on. */
  readonly attributes: string;
  readonly isDeleted: boolean;
}

export function readField(field: string): CookieField {
  const at = field.indexOf("=");
  const end = field.indexOf(";");
  const pairEnd = end === -1 ? field.length : end;
  const attributes = field.slice(pairEnd);
  return {
    name: field.slice(0, at),
    value: field.slice(at + 1, pairEnd),
    attributes,
    isDeleted: /; Max-Age=0(;|$)/.test(attributes),
  };
}

/** The fields that set or delete a cookie of the session: the one of its name, and those after it. */
export function sessionCookies({ cookies }: { readonly cookies: readonly string[] }): string[] {
  return cookies.filter((field) => {
    const { name } = readField(field);
    return name === COOKIE || name.startsWith(`${COOKIE}-`);
  });
}

/** A text of so many characters in which no part is like another. */
export function longText(length: number): string {
  let text = "";
  for (let number = 0; text.length < length; number += 1) text += `${number} `;
  return text.slice(0, length);
}
