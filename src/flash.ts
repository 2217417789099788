/**
 * Flash messages: added by one request, shown by another, at most once.
 *
 * Two functions over `session.update`, so that two pages that load at the same time never show one
 * message twice.
 *
 * @module
 */

import type { Session } from "./core/session.ts";

/** A message for the next page. */
export interface FlashMessage {
  /** The app's own word: `"notice"`, `"error"`. */
  readonly kind: string;
  readonly text: string;
}

/** What flash messages add to the data of a session. */
export interface FlashData {
  flash: FlashMessage[];
}

// The oldest go: a page that never shows its messages must not fill the session.
const MOST = 20;

/** Adds a message, now. @throws what `update` throws. */
export async function addFlash<Data extends object>(
  session: Session<Data>,
  kind: string,
  text: string,
): Promise<void> {
  const flashes = session as unknown as Session<FlashData>;
  await flashes.update("flash", (kept) => [...messagesIn(kept), { kind, text }].slice(-MOST));
}

/** Takes all messages, in the order in which they were added. Writes nothing when there are none. */
export async function takeFlash<Data extends object>(
  session: Session<Data>,
): Promise<FlashMessage[]> {
  const flashes = session as unknown as Session<FlashData>;
  if (messagesIn((await flashes.load()).get("flash")).length === 0) return [];
  let taken: FlashMessage[] = [];
  await flashes.update("flash", (kept) => {
    taken = messagesIn(kept);
    return taken.length === 0 ? kept : undefined;
  });
  return taken;
}

/** None, where another library keeps its own under this key: such a session may have been adopted. */
function messagesIn(kept: FlashMessage[] | undefined): FlashMessage[] {
  return Array.isArray(kept) ? kept : [];
}
