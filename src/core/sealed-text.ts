/**
 * The text inside a seal.
 *
 * @module
 */

import type { SessionRecord } from "../stores/contract.ts";
import type { Content } from "./record.ts";
import { decodeContent, encodeContent, Kept } from "./record.ts";

/** The characters of a session id, with which the text begins. */
export const ID_LENGTH = 24;

/** The id, a line of what a store would keep beside the body, the body. */
export function encodeSealed(record: SessionRecord, content: Content): string {
  const { id, mark, lastSeenAt, expiresAt, userId } = record;
  const user = userId === undefined ? "" : `,${JSON.stringify(userId)}`;
  return `${id}[${mark},${lastSeenAt},${expiresAt}${user}]\n${encodeContent(content)}`;
}

/** What it says; `undefined` for a text that is none of ours. */
export function decodeSealed(text: string): Kept | undefined {
  const line = text.indexOf("\n");
  const content = decodeContent(text.slice(line + 1));
  if (line < ID_LENGTH || content === undefined) return undefined;
  const id = text.slice(0, ID_LENGTH);
  const head = JSON.parse(text.slice(ID_LENGTH, line)) as [number, number, number, string?];
  const [mark, lastSeenAt, expiresAt, userId] = head;
  const record = { id, revision: 1, userId, mark, lastSeenAt, expiresAt, closed: false, body: "" };
  return new Kept(record, content);
}
