/**
 * HTML by template literals: whatever is put in is escaped, unless it is HTML already.
 *
 * @module
 */

/** A piece of HTML that was made here, and may stand in a page as it is. */
export interface Html {
  readonly [HTML]: string;
}

/** What a template takes. `undefined` and `false` leave nothing behind. */
export type Piece = Html | string | number | undefined | false | readonly Piece[];

const HTML: unique symbol = Symbol("html");

/**
 * Puts values into a page. They are safe as text and between the quotes of an attribute; there is
 * no place for them in a tag's name, an unquoted attribute, a script or a style.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  const text = parts.reduce((page, part, n) => page + markup(values[n - 1]) + part);
  return { [HTML]: text };
}

/** The finished page, as it goes over the wire. */
export function render(page: Html): string {
  return page[HTML];
}

function markup(value: Piece): string {
  if (value === undefined || value === false) return "";
  if (typeof value === "string") return value.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
  if (typeof value === "number") return String(value);
  if (HTML in value) return value[HTML];
  return value.map(markup).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
