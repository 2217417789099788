// @ts-check
/**
 * Tables as text, for the terminal and for Markdown alike.
 *
 * @module
 */

/**
 * A Markdown table whose columns also line up as plain text.
 *
 * @param {readonly string[]} head a heading that ends in `:` is of a column of numbers, set to the right
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  const right = head.map((title) => title.endsWith(":"));
  const titles = head.map((title) => title.replace(/:$/, ""));
  const widths = titles.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, n) => pad(cell, widths[n] ?? 0, right[n] ?? false)).join(" | ")} |`;
  const rule = `| ${widths.map((width, n) => (right[n] ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`;
  return [line(titles), rule, ...rows.map(line)].join("\n");
}

function pad(
  /** @type {string} */ cell,
  /** @type {number} */ width,
  /** @type {boolean} */ right,
) {
  return right ? cell.padStart(width) : cell.padEnd(width);
}

/** Microseconds in as many digits as mean something. */
export function us(/** @type {number} */ value) {
  if (Math.abs(value) < 0.05) return "0.0";
  if (Math.abs(value) < 10) return value.toFixed(1);
  return whole(value);
}

/** `9.1×`, or `320×`. */
export function times(/** @type {number} */ ratio) {
  return `${ratio < 10 ? ratio.toFixed(1) : whole(ratio)}×`;
}

/** With a narrow space for thousands. */
export function whole(/** @type {number} */ value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, " ");
}

export function percent(/** @type {number} */ share) {
  return `${Math.round(share * 100)} %`;
}

/** `1 round`, `3 rounds`. */
export function counted(
  /** @type {number} */ count,
  /** @type {string} */ one,
  /** @type {string} */ many = `${one}s`,
) {
  return `${count} ${count === 1 ? one : many}`;
}
