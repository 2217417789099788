import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Outcome, Packed } from "./pack.ts";
import { lend, outcome } from "./pack.ts";

/** How a project says where modules are: Node's way or a bundler's. */
export const resolutions = {
  NodeNext: { module: "NodeNext", moduleResolution: "NodeNext" },
  Bundler: { module: "ESNext", moduleResolution: "Bundler" },
} as const;

/** The type packages that the frameworks need beside the package itself. */
const frameworks = ["express", "fastify", "hono", "koa", "lmdb", "@types/express", "@types/koa"];

export type Program = "core.ts" | "frameworks.ts";

/** Makes the types available that a program of test/dist/consumer needs, and nothing more. */
export async function lendTypes(folder: string, program: Program): Promise<void> {
  await lend(folder, "@types/node");
  if (program === "frameworks.ts") for (const name of frameworks) await lend(folder, name);
}

/** Compiles a program of test/dist/consumer against the installed package, libraries included. */
export async function compile(
  { folder }: Packed,
  program: Program,
  resolution: keyof typeof resolutions,
  tsc: string,
): Promise<Outcome> {
  await copyFile(join("test/dist/consumer", program), join(folder, program));
  const compilerOptions = {
    ...resolutions[resolution],
    target: "ES2022",
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    types: ["node"],
    strict: true,
    noEmit: true,
    // Our own declarations are checked too; those of the frameworks are their makers' business.
    skipLibCheck: program !== "core.ts",
  };
  const config = join(folder, `tsconfig.${program}.${resolution}.json`);
  await writeFile(config, JSON.stringify({ compilerOptions, files: [program] }));
  return outcome(process.execPath, [tsc, "-p", config, "--pretty", "false"], folder);
}
