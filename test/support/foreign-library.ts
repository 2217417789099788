/**
 * A session library that nobody wrote, as the smallest that can be adopted: a signed id in a cookie, a
 * record of JSON in a backend that can be switched off, or all of it in the cookie.
 *
 * @module
 */

import { createHmac, randomUUID } from "node:crypto";
import type { ForeignAttributes, ForeignSession, ForeignSource } from "../../src/interop/source.ts";

interface Kept {
  readonly began?: number;
  /** When it was used last. */
  readonly seen?: number | undefined;
  readonly data: Record<string, unknown>;
}

export interface ForeignLibrary extends ForeignSource {
  /** Signs somebody in there. Returns the `Cookie` header that the browser has from now on. */
  signIn(data: Record<string, unknown>, began?: number): Promise<string>;
  /** What an app of that library sees for a `Cookie` header. */
  read(cookie: string): Promise<Record<string, unknown> | undefined>;
  readonly records: Map<string, string>;
  /** While true, the backend of its records fails. */
  down: boolean;
  /** How often its backend was asked. */
  asked: number;
}

const ATTRIBUTES: ForeignAttributes = { path: "/", secure: false, httpOnly: true };
const NAME = "old.sid";

export function foreignLibrary(kind: "records" | "cookie" = "records"): ForeignLibrary {
  const records = new Map<string, string>();
  const sign = (text: string) => createHmac("sha256", "theirs").update(text).digest("base64url");
  const signed = (text: string) => `${text}.${sign(text)}`;

  async function backend<Result>(run: () => Result): Promise<Result> {
    library.asked += 1;
    if (library.down) throw new Error("the old backend is down");
    return run();
  }

  async function put(id: string, kept: Kept): Promise<string> {
    const text = JSON.stringify(kept);
    if (kind === "cookie") return signed(`${id}~${Buffer.from(text).toString("base64url")}`);
    await backend(() => records.set(id, text));
    return signed(id);
  }

  const cookieFor = (value: string) => ({ name: NAME, value, attributes: ATTRIBUTES });

  const library: ForeignLibrary = {
    name: "old",
    cookieNames: [NAME],
    attributes: ATTRIBUTES,
    reserved: ["_csrf", "user"],
    records,
    down: false,
    asked: 0,
    async open(cookie) {
      const value = cookie(NAME);
      if (value === undefined) return { refused: "absent", problem: "no cookie" };
      const at = value.lastIndexOf(".");
      const text = value.slice(0, at);
      if (at < 0 || sign(text) !== value.slice(at + 1)) {
        return { refused: "forged", problem: "wrong signature" };
      }
      const [id = "", body] = text.split("~");
      const record =
        body === undefined
          ? await backend(() => records.get(id))
          : Buffer.from(body, "base64url").toString();
      if (record === undefined) return { refused: "absent", problem: "no record" };
      const { began, seen, data } = JSON.parse(record) as Kept;
      return {
        data,
        identity: body === undefined ? id : value,
        ...(typeof data["user"] === "string" && { userId: data["user"] }),
        ...(began !== undefined && { createdAt: began }),
        ...(seen !== undefined && { lastSeenAt: seen }),
        cookieNames: [NAME],
        ...(body === undefined && { recordKey: id }),
        origin: { id, began },
      } satisfies ForeignSession;
    },
    async seal({ data, userId, origin }, now) {
      const { id, began } = (origin ?? { id: randomUUID() }) as { id: string; began?: number };
      const value = await put(id, {
        data: { ...data, ...(userId !== undefined && { user: userId }) },
        ...(began !== undefined && { began, seen: now }),
      });
      const identity = kind === "cookie" ? value : id;
      const cookies = [cookieFor(value)];
      return kind === "cookie" ? { cookies, identity } : { cookies, identity, recordKey: id };
    },
    deletion: () => [{ ...cookieFor(""), expiresAt: 0 }],
    ...(kind === "records" && {
      async remove({ recordKey = "" }: ForeignSession) {
        await backend(() => records.delete(recordKey));
      },
    }),
    async signIn(data, began) {
      const value = await put(randomUUID(), {
        data,
        ...(began !== undefined && { began, seen: began }),
      });
      return `${NAME}=${value}`;
    },
    async read(cookie) {
      const value = new RegExp(`${NAME}=([^;]*)`).exec(cookie)?.[1];
      const opened = await library.open(() => value, 0);
      return "refused" in opened ? undefined : opened.data;
    },
  };
  return library;
}
