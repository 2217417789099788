// @ts-check
/**
 * A browser's cookie jar, as far as one origin and the session need it.
 *
 * @module
 */

/** The `Cookie` header after these responses: the last of each name, without the deleted ones. */
export function cookieHeader(
  /** @type {readonly string[]} */ setCookies,
  /** @type {string} */ before = "",
) {
  const jar = new Map(
    before === ""
      ? []
      : before.split("; ").map((pair) => /** @type {const} */ ([nameOf(pair), pair])),
  );
  for (const field of setCookies) {
    const [pair = "", ...attributes] = field.split(/; ?/);
    const gone = attributes.some(
      (attribute) =>
        /^max-age=0$/i.test(attribute) ||
        (/^expires=/i.test(attribute) && Date.parse(attribute.slice(8)) <= Date.now()),
    );
    if (gone) jar.delete(nameOf(pair));
    else jar.set(nameOf(pair), pair);
  }
  return [...jar.values()].join("; ");
}

/**
 * The same header with one character in the middle of each value changed for another one of base64url:
 * right in shape, wrong in content.
 */
export function forged(/** @type {string} */ header) {
  return header
    .split("; ")
    .map((pair) => {
      const start = nameOf(pair).length + 1;
      const at = start + Math.floor((pair.length - start) / 2);
      const place = [...pair.slice(start)].findIndex(
        (_, i) => start + i >= at && /[A-Za-z]/.test(pair[start + i] ?? ""),
      );
      const index = start + Math.max(place, 0);
      return `${pair.slice(0, index)}${pair[index] === "B" ? "C" : "B"}${pair.slice(index + 1)}`;
    })
    .join("; ");
}

function nameOf(/** @type {string} */ pair) {
  return pair.slice(0, pair.indexOf("="));
}
