/**
 * Encrypts what a session holds before a store gets to see it.
 *
 * @module
 */

import { ConfigError, section, UnreadableRecordError } from "../../errors.ts";
import { boundedMap } from "../../lib/bounded-map.ts";
import { dateNow } from "../../lib/clock.ts";
import type { Loaded, SessionRecord } from "../contract.ts";
import type { Owner } from "./encrypted-body.ts";
import { bodyCipher, longestBody } from "./encrypted-body.ts";
import type { AnyStore, Layered } from "./layer.ts";
import { handOn } from "./layer.ts";

export interface EncryptedOptions {
  /**
   * 32 random bytes or more each, as `npx coatcheck secret` prints them. The first one encrypts, every
   * one opens. To rotate: deploy `[old, new]` everywhere, then `[new, old]`; drop the old one after the
   * longest absolute timeout.
   */
  readonly secrets: readonly (string | Uint8Array)[];
  /** Tells the day of a new body, in milliseconds since the epoch. @default Date.now */
  readonly clock?: (() => number) | undefined;
}

// Whose a session is, for those in use: 40,000 of them, as reckoned below.
const OWNERS_BYTES = 8 * 1024 * 1024;
const OWNER_BYTES = 200;

/**
 * Puts encryption at rest before a store: bodies are AES-256-GCM, each bound to its session's id and
 * user, so that nobody who can read the store reads data, and nobody who can write to it moves data
 * from one session to another.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = encrypted(postgresStore({ client }), { secrets: [process.env.STORE_SECRET!] });
 * ```
 */
export function encrypted<Store extends AnyStore>(
  store: Store,
  options: EncryptedOptions,
): Layered<Store> {
  const handed: AnyStore = handOn(store);
  const { secrets, clock = dateNow } = section("options", options, ["secrets", "clock"]);
  if (typeof clock !== "function") throw new ConfigError("clock", "must be a function");
  const cipher = bodyCipher(secrets);
  // An update does not say whose the session is. It never changes, and whoever updates has loaded.
  const owners = boundedMap<Owner>(OWNERS_BYTES);

  function remember({ id, userId }: Owner): void {
    owners.set(id, { id, userId }, OWNER_BYTES + 2 * (userId?.length ?? 0));
  }

  async function opened({ record, cutOff }: Loaded): Promise<Loaded> {
    const result = await cipher.decrypt(record.body, record);
    if (typeof result === "string") {
      throw new UnreadableRecordError(store.name, record.id, result);
    }
    remember(record);
    return { record: { ...record, body: result.body }, cutOff };
  }

  // One bad record must not keep anyone from seeing the others. An empty body is nobody's data.
  async function listed(record: SessionRecord): Promise<SessionRecord> {
    const result = await cipher.decrypt(record.body, record);
    return { ...record, body: typeof result === "string" ? "" : result.body };
  }

  async function ownerOf(id: string): Promise<Owner | undefined> {
    return owners.get(id) ?? (await handed.load(id))?.record;
  }

  const layer: AnyStore = {
    ...handed,
    traits: { ...store.traits, maxBodyBytes: longestBody(store.traits.maxBodyBytes) },

    async load(id) {
      const loaded = await handed.load(id);
      return loaded && opened(loaded);
    },

    async create(record, startedAgo, now) {
      const body = await cipher.encrypt(record.body, record, clock());
      const outcome = await handed.create({ ...record, body }, startedAgo, now);
      if (outcome === "created") remember(record);
      return outcome;
    },

    async update(id, revision, next, now) {
      const owner = await ownerOf(id);
      if (owner === undefined) return false;
      // A closed record has no user any more.
      const userId = next.close === true ? undefined : owner.userId;
      const body = await cipher.encrypt(next.body, { id, userId }, clock());
      return handed.update(id, revision, { ...next, body }, now);
    },

    async list(query, now) {
      const page = await handed.list(query, now);
      return { ...page, records: await Promise.all(page.records.map(listed)) };
    },
  };
  const { refresh, recall } = handed;
  if (refresh !== undefined) {
    layer.refresh = async (id) => {
      const loaded = await refresh(id);
      return loaded && opened(loaded);
    };
  }
  if (recall !== undefined) {
    layer.recall = async (id) => {
      const loaded = await recall(id);
      return loaded && opened(loaded);
    };
  }
  return layer as Layered<Store>;
}
