/**
 * The messages that connect-flash keeps in a session: `{"flash": {"info": ["Saved."], "error": []}}`.
 *
 * @see https://github.com/jaredhanson/connect-flash/blob/v0.1.1/lib/flash.js
 * @module
 */

/** A message that is shown once: the shape of coatcheck's own. */
export interface ConnectFlashMessage {
  readonly kind: string;
  readonly text: string;
}

/** The messages in the data of a session, by kind in the order of the record. Others are left out. */
export function readConnectFlash(data: Readonly<Record<string, unknown>>): ConnectFlashMessage[] {
  const flash = Object.hasOwn(data, "flash") ? data["flash"] : undefined;
  if (typeof flash !== "object" || flash === null) return [];
  return Object.entries(flash).flatMap(([kind, texts]) =>
    Array.isArray(texts)
      ? texts.filter((text) => typeof text === "string").map((text: string) => ({ kind, text }))
      : [],
  );
}

/** What to keep under `flash`, for `req.flash(kind)` to give these messages. */
export function writeConnectFlash(
  messages: readonly ConnectFlashMessage[],
): Record<string, string[]> {
  const flash: Record<string, string[]> = {};
  for (const { kind, text } of messages) {
    if (!Object.hasOwn(flash, kind)) {
      // Defined, not assigned: a kind may be any text, `__proto__` too.
      Object.defineProperty(flash, kind, {
        value: [],
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    flash[kind]?.push(text);
  }
  return flash;
}
