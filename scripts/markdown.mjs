// @ts-check
/**
 * The little of Markdown that the checks of the pages read: code, links, headings.
 *
 * @module
 */

/**
 * @typedef {object} Block
 * @property {string} language `ts`, `js`, `sh`, `text`, …; empty when none is said
 * @property {readonly string[]} flags the words after the language
 * @property {readonly string[]} lines
 * @property {number} line where the first of the lines stands on the page, counted from 1
 * @property {boolean} hidden in an HTML comment
 */

/**
 * The fenced code blocks of a page, and the comments that hold code.
 *
 * @param {string} text
 * @returns {Block[]}
 */
export function blocks(text) {
  /** @type {Block[]} */
  const found = [];
  /** @type {{ end: RegExp, indent: number, block: Block & { lines: string[] } } | undefined} */
  let open;
  for (const [index, line] of text.split("\n").entries()) {
    if (open !== undefined) {
      if (!open.end.test(line)) open.block.lines.push(line.slice(open.indent));
      else open = void found.push(open.block);
      continue;
    }
    const fence = /^( *)(`{3,})([\w-]*) *(.*)$/.exec(line);
    const hidden = /^<!-- (ts|js)$/.exec(line);
    if (fence === null && hidden === null) continue;
    open = {
      end: fence === null ? /^-->$/ : new RegExp(`^ *${fence[2]}\`* *$`),
      indent: fence?.[1]?.length ?? 0,
      block: {
        language: fence?.[3] ?? hidden?.[1] ?? "",
        flags: (fence?.[4] ?? "").split(" ").filter((word) => word !== ""),
        lines: [],
        line: index + 2,
        hidden: hidden !== null,
      },
    };
  }
  return found;
}

/**
 * The links and images of a page, outside its code.
 *
 * @param {string} text
 */
export function links(text) {
  /** @type {{ target: string, line: number }[]} */
  const found = [];
  for (const [index, line] of prose(text)) {
    for (const [, target = ""] of line.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)) {
      found.push({ target, line: index + 1 });
    }
  }
  return found;
}

/**
 * The names that a link to a part of the page may use, as GitHub makes them of the headings.
 *
 * @param {string} text
 * @returns {Set<string>}
 */
export function anchors(text) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  const names = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)">/g)].map(([, id = ""]) => id));
  for (const [, line] of prose(text)) {
    const heading = /^#{1,6} +(.+?) *#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[`*]/g, "");
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\-_ ]/gu, "")
      .replace(/ /g, "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    names.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return names;
}

/**
 * The lines outside code, with their index. Code in a line is blanked.
 *
 * @param {string} text
 * @returns {[number, string][]}
 */
function prose(text) {
  const lines = text.split("\n");
  const code = new Set(
    blocks(text).flatMap(({ line, lines }) => lines.map((_, index) => line - 1 + index)),
  );
  return [...lines.entries()]
    .filter(([index]) => !code.has(index))
    .map(([index, line]) => [
      index,
      line.replace(/(`+)[^`]*\1(?!`)/g, (c) => (/^#/.test(line) ? c : "")),
    ]);
}
