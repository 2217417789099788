/**
 * What the parts of one `createSessions` share.
 *
 * @module
 */

import { SessionConflictError } from "../errors.ts";
import type { SessionRecord, SessionStore } from "../stores/contract.ts";
import type { Emitter } from "./events.ts";
import type { RevokedAt } from "./judge.ts";
import type { Memo } from "./memo.ts";
import type { Visit } from "./method.ts";
import type { Mirror } from "./mirror.ts";
import { Content, decodeContent, Kept } from "./record.ts";
import { header } from "./request.ts";
import type { Authentication } from "./session.ts";
import type { Settings } from "./settings.ts";
import type { Shape } from "./shape.ts";
import type { StoreCalls } from "./store-calls.ts";
import { limitsOf } from "./timeouts.ts";
import type { DataTree } from "./tree.ts";

export interface Core {
  readonly settings: Settings;
  readonly calls: StoreCalls;
  /** Absent where no feed of revocations is kept. */
  readonly mirror: Mirror | undefined;
  readonly events: Emitter;
  readonly shape: Shape;
  /** Tells those who watch a session that it has ended. */
  readonly closed: (id: string) => void;
}

/** A core with a store. */
export interface StoredCore extends Core {
  readonly store: SessionStore;
  /** What was decoded before needs not be decoded again. */
  readonly memo: Memo<Content>;
  /** For stored sessions the store is the authority; only "everyone" is told by the feed alone. */
  readonly everyoneAt: RevokedAt;
}

/** What a new session begins with. */
export interface Beginning {
  readonly userId: string | undefined;
  readonly remembered: boolean;
  readonly authentications: readonly Authentication[];
  readonly data: DataTree;
}

/** What a visitor's begins with. */
export function visitorWith(data: DataTree): Beginning {
  return { userId: undefined, remembered: false, authentications: [], data };
}

// Long enough for every browser's, short enough not to fill the store with hostile ones.
const LONGEST = 256;

/**
 * The content of a session that begins now. It has no verifier yet.
 *
 * @param visit - whose device it is to be listed with.
 */
export function beginContent(
  settings: Settings,
  visit: Pick<Visit, "request"> | undefined,
  beginning: Beginning,
  now: number = settings.clock(),
): Content {
  const request = visit?.request;
  const { absolute } = limitsOf(settings.timeouts, beginning.userId, beginning.remembered);
  return new Content({
    createdAt: now,
    endsAt: now + absolute,
    remembered: beginning.remembered,
    authentications: beginning.authentications,
    userAgent: request && header(request, "user-agent")?.slice(0, LONGEST),
    address: request && textOrAbsent(settings.address?.(request)),
    verifiers: { current: "", rotatedAt: now },
    commits: "",
    version: settings.version,
    data: beginning.data,
    successor: undefined,
    head: undefined,
  });
}

function textOrAbsent(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, LONGEST) : undefined;
}

/** A record with its content, `undefined` for a body that is none of ours. */
export function decodeRecord({ memo }: StoredCore, record: SessionRecord): Kept | undefined {
  const { id, body } = record;
  const known = memo.find(id, body);
  if (known !== undefined) return new Kept(record, known);
  const content = decodeContent(body);
  if (content === undefined) return undefined;
  memo.keep(id, body, content);
  return new Kept(record, content);
}

/** The same for one that is to be written. @throws {SessionConflictError} for a body that is none of ours. */
export function readRecord(core: StoredCore, record: SessionRecord): Kept {
  const kept = decodeRecord(core, record);
  if (kept !== undefined) return kept;
  throw new SessionConflictError(`the record of session ${record.id} is not one of this version`);
}
