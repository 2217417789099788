/**
 * Data that any JSON session can hold, for property tests.
 */

import fc from "fast-check";

/** Keys that no library takes for itself, and values that come back from JSON as they were. */
export const sessionData: fc.Arbitrary<Record<string, unknown>> = fc
  .dictionary(
    fc.string({ maxLength: 12, unit: "grapheme" }).filter((key) => !OWN.has(key) && !(key in {})),
    fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__")),
    { maxKeys: 6 },
  )
  // -0 becomes 0, and objects get the ordinary prototype.
  .map((data) => JSON.parse(JSON.stringify(data)) as Record<string, unknown>);

const OWN: ReadonlySet<string> = new Set([
  "__proto__",
  "__lastAccess",
  "__ts",
  "_ctx",
  "_expire",
  "_maxAge",
  "_session",
  "changed",
  "cookie",
  "delete",
  "deleted",
  "destroy",
  "flash",
  "get",
  "id",
  "isChanged",
  "isNew",
  "isPopulated",
  "length",
  "maxAge",
  "options",
  "passport",
  "populated",
  "regenerate",
  "reload",
  "req",
  "resetMaxAge",
  "save",
  "sessionId",
  "set",
  "touch",
  "updateConfig",
]);
