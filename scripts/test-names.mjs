// @ts-check
/**
 * Finds the names of tests in their source, without running anything.
 *
 * @module
 */

/** What begins a test or a group of tests: `it`, `describeWith`, `runStoreSuite`, `testAdapter`, … */
const CALL = /(?<![\w.])(?:it|test\w*|describe\w*|\w*[sS]uite)((?:\.\w+)*)(?:<[^;]*?>)?(?=\()/g;
const LITERAL = /(["'])((?:(?!\1)[^\\\n]|\\.)*)\1|`((?:[^`\\]|\\[\s\S])*)`|\/\/ .*/y;

/**
 * The names of the tests of a file, and of the groups that they stand in. What a name takes from a table
 * or a variable stays as it is written: `$name`, `${how}`. A test that is skipped for good has none.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function testNames(text) {
  const names = [];
  for (const match of text.matchAll(CALL)) {
    const before = text.slice(text.lastIndexOf("\n", match.index) + 1, match.index);
    if (/^\s*(\/\/|\/?\*)/.test(before) || /\.(skip|todo)\b/.test(match[1] ?? "")) continue;
    const name = nameAfter(text, match.index + match[0].length);
    if (name !== undefined) names.push(name);
  }
  return names;
}

/**
 * The names of the tests of a published suite, which are data: `{ name: "…", run }`.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function suiteNames(text) {
  return [...text.matchAll(/^\s*name: /gm)].flatMap(
    ({ index, 0: { length } }) => literal(text, index + length)?.name ?? [],
  );
}

/**
 * The first text among the first two arguments; with `each(table)("name")` of the second call.
 *
 * @param {string} text
 * @param {number} at where the parenthesis opens
 * @returns {string | undefined}
 */
function nameAfter(text, at) {
  let from = at;
  while (text[from] === "(") {
    const first = argument(text, from + 1);
    if (first.name !== undefined) return first.name;
    const second = text[first.end] === "," ? argument(text, first.end + 1) : first;
    if (second.name !== undefined) return second.name;
    let { end } = second;
    while (text[end] === ",") ({ end } = argument(text, end + 1));
    from = end + 1;
  }
  return undefined;
}

/**
 * @param {string} text
 * @param {number} start
 * @returns {{ name: string | undefined, end: number }} where the comma or parenthesis after it stands
 */
function argument(text, start) {
  let at = start;
  while (/\s/.test(text[at] ?? "")) at++;
  const found = literal(text, at);
  let depth = 0;
  for (at = found?.end ?? at; at < text.length; at++) {
    const character = text[at] ?? "";
    if (depth === 0 && (character === "," || character === ")")) break;
    if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    else at = (literal(text, at)?.end ?? at + 1) - 1;
  }
  return { name: found?.name, end: at };
}

/**
 * A text between quotes; or a comment, which has no name.
 *
 * @param {string} text
 * @param {number} at
 */
function literal(text, at) {
  LITERAL.lastIndex = at;
  const match = LITERAL.exec(text);
  if (match === null) return undefined;
  const name = (match[2] ?? match[3])?.replace(/\\(["'`\\$])/g, "$1");
  return { name, end: LITERAL.lastIndex };
}
