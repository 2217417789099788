import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// The linter's own configuration, tried on files that break each row of the layer table.
const imports: Readonly<Record<string, { allowed: string[]; refused: string[] }>> = {
  "src/lib/probe.ts": {
    allowed: ["./bytes.ts"],
    refused: ["../errors.ts", "../cookie/read.ts", "../core/record.ts", "node:crypto", "express"],
  },
  "src/errors.ts": {
    allowed: [],
    refused: ["./lib/bytes.ts", "./core/session.ts", "node:util"],
  },
  "src/cookie/probe.ts": {
    allowed: ["./write.ts", "../lib/bytes.ts", "../errors.ts"],
    refused: [
      "../token/ticket.ts",
      "../codec/value.ts",
      "../core/record.ts",
      "../stores/contract.ts",
    ],
  },
  "src/token/probe.ts": {
    allowed: ["./key-ring.ts", "../lib/sha256.ts", "../errors.ts"],
    refused: ["../cookie/read.ts", "../codec/value.ts", "../core/options.ts", "node:crypto"],
  },
  "src/codec/probe.ts": {
    allowed: ["../lib/base64url.ts", "../errors.ts"],
    refused: ["../token/seal.ts", "../cookie/read.ts", "../core/record.ts"],
  },
  "src/stores/contract.ts": {
    allowed: ["../lib/duration.ts", "../errors.ts"],
    refused: ["./memory.ts", "../core/session.ts", "node:fs"],
  },
  "src/stores/probe.ts": {
    allowed: [
      "./contract.ts",
      "../lib/bytes.ts",
      "../errors.ts",
      "../codec/value.ts",
      "../token/ticket.ts",
      "../cookie/read.ts",
      "node:fs/promises",
    ],
    refused: [
      "./memory.ts",
      "./lmdb.ts",
      "../core/record.ts",
      "../adapters/web.ts",
      "lmdb",
      "redis",
    ],
  },
  "src/stores/lmdb.ts": {
    allowed: ["lmdb", "./lmdb-keys.ts", "./contract.ts", "node:fs"],
    refused: ["./memory.ts", "./memory-table.ts", "../core/record.ts", "redis"],
  },
  "src/stores/memory.ts": {
    allowed: ["./memory-table.ts", "./feed-entries.ts", "./contract.ts"],
    refused: ["./lmdb.ts", "./lmdb-keys.ts", "../core/record.ts", "lmdb"],
  },
  "src/stores/layers/probe.ts": {
    allowed: [
      "./layer.ts",
      "../contract.ts",
      "../../lib/bytes.ts",
      "../../token/key-ring.ts",
      "../../errors.ts",
    ],
    refused: ["../memory.ts", "../lmdb-keys.ts", "../../core/record.ts", "node:fs", "redis"],
  },
  "src/stores/redis.ts": {
    allowed: ["./redis-scripts.ts", "./contract.ts", "../lib/sha256.ts", "node:crypto"],
    refused: ["./memory.ts", "./lmdb-keys.ts", "../core/record.ts", "redis", "ioredis"],
  },
  "src/interop/js/probe.ts": {
    allowed: [
      "./json.ts",
      "../source.ts",
      "../options.ts",
      "../../lib/bytes.ts",
      "../../errors.ts",
    ],
    refused: ["../../core/record.ts", "../express-session.ts", "node:crypto"],
  },
  "src/stores/postgres.ts": {
    allowed: ["./postgres-sql.ts", "./sql-names.ts", "./contract.ts", "../lib/bytes.ts"],
    refused: ["./mysql.ts", "./mysql-sql.ts", "./lmdb.ts", "../core/record.ts", "pg"],
  },
  "src/stores/mysql.ts": {
    allowed: ["./mysql-sql.ts", "./sql-gate.ts", "./contract.ts"],
    refused: ["./postgres.ts", "./postgres-clients.ts", "../core/record.ts", "mysql2"],
  },
  "src/stores/sql-names.ts": {
    allowed: ["../lib/sha256.ts", "../errors.ts"],
    refused: ["./postgres.ts", "./mysql-sql.ts", "../core/record.ts"],
  },
  "src/stores/sqlite.ts": {
    allowed: ["./sqlite-steps.ts", "./contract.ts", "node:fs"],
    refused: ["./memory.ts", "./lmdb-keys.ts", "../core/record.ts", "better-sqlite3"],
  },
  "src/stores/file.ts": {
    allowed: ["./file-log.ts", "./feed-entries.ts", "./contract.ts", "node:fs"],
    refused: ["./memory.ts", "./sqlite-steps.ts", "../core/record.ts", "redis"],
  },
  "src/stores/keyv.ts": {
    allowed: ["./key-value.ts", "./key-value-bridge.ts", "./contract.ts"],
    refused: ["./memory.ts", "./memcached.ts", "./unstorage.ts", "../core/record.ts", "keyv"],
  },
  "src/stores/memcached.ts": {
    allowed: ["./key-value.ts", "./memcached-cells.ts", "./contract.ts"],
    refused: ["./keyv.ts", "./lmdb.ts", "../core/record.ts", "memcached", "node:net"],
  },
  "src/stores/cloudflare-d1.ts": {
    allowed: ["./cloudflare-sql.ts", "./contract.ts"],
    refused: ["./key-value.ts", "./lmdb.ts", "../core/record.ts", "cloudflare:workers", "node:fs"],
  },
  "src/interop/python/probe.ts": {
    allowed: [
      "./json.ts",
      "../source.ts",
      "../options.ts",
      "../../lib/bytes.ts",
      "../../errors.ts",
    ],
    refused: ["../../core/record.ts", "../flask.ts", "node:crypto"],
  },
  "src/interop/probe.ts": {
    allowed: [
      "./source.ts",
      "./js/json.ts",
      "./python/json.ts",
      "../stores/contract.ts",
      "../token/ticket.ts",
      "../lib/bytes.ts",
    ],
    refused: ["../core/record.ts", "../stores/memory.ts", "../adapters/web.ts"],
  },
  "src/core/probe.ts": {
    allowed: [
      "./record.ts",
      "../lib/bytes.ts",
      "../errors.ts",
      "../cookie/read.ts",
      "../token/ticket.ts",
      "../codec/value.ts",
      "../stores/contract.ts",
      "../interop/source.ts",
    ],
    refused: [
      "../interop/flask.ts",
      "../stores/memory.ts",
      "../stores/lmdb.ts",
      "../adapters/node.ts",
      "../guard/csrf.ts",
      "../cli/run.ts",
      "../index.ts",
      "node:crypto",
      "express",
    ],
  },
  "src/adapters/express.ts": {
    allowed: [
      "../core/session.ts",
      "../cookie/write.ts",
      "../lib/bytes.ts",
      "./node.ts",
      "express",
    ],
    refused: ["./fastify.ts", "../stores/memory.ts", "../token/ticket.ts", "fastify", "node:fs"],
  },
  "src/adapters/hono.ts": {
    allowed: ["hono", "hono/factory", "./web.ts"],
    refused: ["express", "./koa.ts", "../cli/run.ts"],
  },
  "src/guard/probe.ts": {
    allowed: ["../core/session.ts", "../stores/contract.ts", "../errors.ts"],
    refused: ["../adapters/web.ts", "../stores/memory.ts", "../token/ticket.ts", "koa"],
  },
  "src/compat/probe.ts": {
    allowed: [
      "./express/types.ts",
      "../core/session.ts",
      "../stores/contract.ts",
      "../cookie/read.ts",
      "../lib/sha256.ts",
      "../errors.ts",
      "../adapters/hold.ts",
      "node:events",
    ],
    refused: [
      "../adapters/node.ts",
      "../adapters/express.ts",
      "../stores/memory.ts",
      "../token/ticket.ts",
      "express",
      "express-session",
    ],
  },
  "src/flash.ts": {
    allowed: ["./core/session.ts", "./errors.ts"],
    refused: ["./stores/memory.ts", "./adapters/web.ts", "./token/ticket.ts"],
  },
  "src/testing/probe.ts": {
    allowed: ["../core/sessions.ts", "../stores/contract.ts", "../errors.ts", "node:http"],
    refused: ["../stores/memory.ts", "../adapters/web.ts", "../cli/run.ts", "vitest"],
  },
  "src/cli/probe.ts": {
    allowed: ["../core/sessions.ts", "../stores/lmdb.ts", "../token/key-ring.ts", "node:util"],
    refused: [],
  },
};

const rules: readonly { rule: string; file: string; text: string }[] = [
  {
    rule: "lint/correctness/noNodejsModules",
    file: "src/core/node-module.ts",
    text: 'import { hash } from "node:crypto";\nexport const used = hash;\n',
  },
  {
    rule: "lint/style/noRestrictedGlobals",
    file: "src/token/buffer.ts",
    text: 'export const bytes = Buffer.from("");\n',
  },
  {
    rule: "lint/style/noRestrictedGlobals",
    file: "src/core/process.ts",
    text: "export const mode = process.env;\n",
  },
  {
    rule: "lint/suspicious/noImportCycles",
    file: "src/core/cycle-a.ts",
    text: 'import { b } from "./cycle-b.ts";\nexport const a = (): unknown => b;\n',
  },
  {
    rule: "lint/suspicious/noImportCycles",
    file: "src/core/cycle-b.ts",
    text: 'import { a } from "./cycle-a.ts";\nexport const b = (): unknown => a;\n',
  },
  {
    rule: "lint/nursery/noFloatingPromises",
    file: "src/core/floating.ts",
    text: "async function save(): Promise<void> {}\nexport function commit(): void {\n  save();\n}\n",
  },
  {
    rule: "lint/style/noDefaultExport",
    file: "src/core/default-export.ts",
    text: "export default function open(): void {}\n",
  },
  {
    rule: "lint/style/noDefaultExport",
    file: "src/compat/express/default-export.ts",
    text: "export default function open(): void {}\n",
  },
  {
    rule: "lint/style/useFilenamingConvention",
    file: "src/core/camelCase.ts",
    text: "export const a = 1;\n",
  },
  {
    rule: "lint/suspicious/noConsole",
    file: "src/core/console.ts",
    text: 'export const shout = (): void => console.log("here");\n',
  },
  {
    rule: "lint/suspicious/noExplicitAny",
    file: "src/core/any.ts",
    text: "export const value = {} as any;\n",
  },
  {
    rule: "plugin",
    file: "src/stores/dice.ts",
    text: "export const dice = (): number => Math.random();\n",
  },
  {
    rule: "plugin",
    file: "src/core/inline-import.ts",
    text: 'export type Store = import("../stores/memory.ts").Store;\n',
  },
];

let folder: string;
let found: readonly Finding[];

interface Finding {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coatcheck-layers-"));
  await copyFile("biome.json", join(folder, "biome.json"));
  await copyFile(".gitignore", join(folder, ".gitignore"));
  await cp("scripts/lint", join(folder, "scripts/lint"), { recursive: true });
  for (const [file, { allowed, refused }] of Object.entries(imports)) {
    await write(file, [...allowed, ...refused].map((from, i) => importLine(from, i)).join(""));
  }
  for (const { file, text } of rules) await write(file, text);
  found = await lint();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.entries(imports))("%s", (file, { allowed, refused }) => {
  const findings = (line: number): string[] =>
    found.filter((f) => f.file === file && f.line === line).map(({ rule }) => rule);

  it.each(allowed.map((from, i) => [from, i + 1] as const))("may import %s", (_from, line) => {
    expect(findings(line)).not.toContain("lint/style/noRestrictedImports");
  });

  it.each(refused.map((from, i) => [from, allowed.length + i + 1] as const))(
    "may not import %s",
    (_from, line) => {
      expect(findings(line)).toContain("lint/style/noRestrictedImports");
    },
  );
});

describe("the linter", () => {
  it.each(rules)("holds $rule in $file", ({ rule, file }) => {
    expect(found.filter((f) => f.file === file).map((f) => f.rule)).toContain(rule);
  });
});

function importLine(from: string, index: number): string {
  return `export { name as name${index} } from "${from}";\n`;
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), text);
}

async function lint(): Promise<Finding[]> {
  const biome = resolve("node_modules/.bin/biome");
  const args = ["lint", "--reporter=github", "--max-diagnostics=none", "src"];
  const run = promisify(execFile)(biome, args, { cwd: folder, maxBuffer: 1 << 24 });
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  return [...stdout.matchAll(/^::error title=([^,]+),file=([^,]+),line=(\d+),/gm)].map(
    ([, rule = "", file = "", line]) => ({
      rule,
      file: file.slice(file.indexOf("src/")),
      line: Number(line),
    }),
  );
}
