// @ts-check
/**
 * Puts the code blocks of a page together into programs, and remembers where each line came from.
 *
 * @module
 */

/** @typedef {import("./markdown.mjs").Block} Block */

/**
 * A line of a program, where it stands on the page, and whether a mistake in it is wanted.
 *
 * @typedef {{ text: string, line: number, refused: boolean }} Line
 */

/**
 * @typedef {object} Program
 * @property {string} page
 * @property {string} name the file's name: what a first line such as `// sessions.ts` says
 * @property {readonly Line[]} lines
 * @property {readonly number[]} refusedAt where the blocks begin that must not compile
 * @property {number | undefined} runAt where the block begins that asks for a run
 * @property {string | undefined} output what it prints, when the page shows it
 */

/**
 * The programs of a page; scripts/check-docs.mjs says by which rules.
 *
 * @param {string} page
 * @param {readonly Block[]} list
 * @returns {Program[]}
 */
export function programs(page, list) {
  /** @type {Block[][]} */
  const groups = [];
  /** @type {Block[]} */
  let hidden = [];
  for (const block of list) {
    if (block.language !== "ts" && block.language !== "js") continue;
    if (block.hidden) {
      hidden.push(block);
      continue;
    }
    const parts = [...hidden, block];
    hidden = [];
    const last = groups.at(-1);
    if (last === undefined || begins(parts)) groups.push(parts);
    else last.push(...parts);
  }
  return groups.map((group, index) => program(page, `program-${index + 1}`, group, list));
}

/** @param {readonly Block[]} parts */
function begins(parts) {
  const imports = parts.some(({ lines }) => lines.some((line) => line.startsWith("import ")));
  return imports && !parts.some(({ flags }) => flags.includes("continued"));
}

/**
 * @param {string} page
 * @param {string} name
 * @param {readonly Block[]} group
 * @param {readonly Block[]} list
 * @returns {Program}
 */
function program(page, name, group, list) {
  const run = group.find(({ flags }) => flags.includes("run"));
  const shown = run && list[list.indexOf(run) + 1];
  const visible = group.find((block) => !block.hidden);
  const named = /^\/\/ ([\w-]+\.[tj]s)$/.exec(visible?.lines[0] ?? "")?.[1];
  return {
    page,
    name: named ?? `${name}.${visible?.language}`,
    lines: assemble(group),
    refusedAt: group.filter(isRefused).map(({ line }) => line),
    runAt: run?.line,
    output: shown?.language === "text" ? shown.lines.join("\n") : undefined,
  };
}

/**
 * @param {readonly Block[]} group
 * @returns {Line[]}
 */
function assemble(group) {
  /** @type {Line[]} */
  const head = [];
  /** @type {Line[]} */
  const body = [];
  /** @type {Line[]} */
  const tail = [];
  /** @type {Set<string>} */
  const imported = new Set();
  const first = group.findIndex((block) => !block.hidden);
  let depth = 0;
  for (const [index, block] of group.entries()) {
    const { imports, rest } = split(block);
    for (const line of imports) head.push(...withoutRepeats(line, imported));
    if (index <= first) body.push(...rest);
    else if (rest.some(({ text }) => /^(export |declare (global|module)\b)/.test(text))) {
      tail.push(...rest);
    } else if (isRefused(block)) {
      // A function that nobody calls: the mistake is compiled and never run.
      body.push(glue("void (async () => {", block), ...rest, glue("});", block));
    } else {
      body.push(glue("{", block), ...rest);
      depth++;
    }
  }
  const end = group.at(-1);
  const closing = end && depth > 0 ? [glue("}".repeat(depth), end)] : [];
  return [...head, ...body, ...closing, ...tail];
}

/** @param {Block} block */
function isRefused({ flags }) {
  return flags.includes("refused");
}

/**
 * @param {string} text
 * @param {Block} block
 * @returns {Line}
 */
function glue(text, block) {
  return { text, line: block.line, refused: isRefused(block) };
}

/**
 * Takes the import statements out of a block, each as one line.
 *
 * @param {Block} block
 * @returns {{ imports: Line[], rest: Line[] }}
 */
function split(block) {
  /** @type {Line[]} */
  const imports = [];
  /** @type {Line[]} */
  const rest = [];
  /** @type {Line | undefined} */
  let open;
  for (const [index, text] of block.lines.entries()) {
    if (open === undefined && /^import\s/.test(text)) {
      open = { text: "", line: block.line + index, refused: isRefused(block) };
      imports.push(open);
    }
    if (open === undefined) {
      rest.push({ text, line: block.line + index, refused: isRefused(block) });
      continue;
    }
    open.text += `${text} `;
    if (/["'];?\s*(\/\/.*)?$/.test(text)) {
      open.text = open.text.replace(/;\s*\/\/.*$/, ";");
      open = undefined;
    }
  }
  return { imports, rest };
}

/**
 * The statement without the names that are imported already.
 *
 * @param {Line} line
 * @param {Set<string>} imported what was imported so far, filled here
 * @returns {Line[]}
 */
function withoutRepeats(line, imported) {
  const match =
    /^import\s+(type\s+)?(?:([\w$]+)\s*,?\s*)?(?:\{([^}]*)\})?\s*from\s*(["'].+["'])/.exec(
      line.text,
    );
  if (match === null) return [line];
  const [, type = "", main, names = "", from = ""] = match;
  const fresh = (/** @type {string} */ name) => {
    const key = `${name.replace(/^type\s+/, "")} from ${from}`;
    if (imported.has(key)) return false;
    imported.add(key);
    return true;
  };
  const wanted = names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && fresh(name));
  const parts = [
    ...(main !== undefined && fresh(`default as ${main}`) ? [main] : []),
    ...(wanted.length > 0 ? [`{ ${wanted.join(", ")} }`] : []),
  ];
  return parts.length === 0
    ? []
    : [{ ...line, text: `import ${type}${parts.join(", ")} from ${from};` }];
}
