/**
 * Sessions over a memory store that can be switched off, for tests of one framework at a time.
 *
 * @module
 */

import type { Session, Sessions, SessionsOptions } from "../../src/index.ts";
import { createSessions } from "../../src/index.ts";
import type { SessionStore } from "../../src/stores/contract.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Outage } from "../../src/testing/faults.ts";
import { faulty, outage } from "../../src/testing/faults.ts";
import type { Recording } from "../../src/testing/recording.ts";
import { recording } from "../../src/testing/recording.ts";

export type Data = Record<string, unknown>;
export type WithSession = { readonly session: Session<Data> };

export interface TestSessions {
  readonly sessions: Sessions<Data>;
  readonly recorded: Recording<SessionStore>;
  readonly down: Outage;
}

export function testSessions(options: Partial<SessionsOptions<Data>> = {}): TestSessions {
  const down = outage();
  const recorded = recording<SessionStore>(faulty(memoryStore(), down.plan));
  const sessions = createSessions<Data>({
    secrets: ["ck1_tZ0mW3sVvK2yq8hQ5cYb7nJ4xLr1fGd9uPaEoXiTkMw"],
    store: recorded.store,
    cookie: { name: "sid" },
    ...options,
  });
  return { sessions, recorded, down };
}

/** The `Cookie` header that a browser sends after this answer. */
export function cookieOf({ headers }: { readonly headers: Headers }): string {
  return headers
    .getSetCookie()
    .map((field) => field.split(";")[0])
    .join("; ");
}
