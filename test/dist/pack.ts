import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** The package as it would be published, and a folder that has installed it. */
export interface Packed {
  /** Outside the project, so that nothing of the project can be found by walking up. */
  readonly folder: string;
  /** Paths of the files in the package. */
  readonly files: readonly string[];
  readonly remove: () => Promise<void>;
}

/** What a command said and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Packs what was built and installs the tarball in a new folder, without a registry. */
export async function installPacked(): Promise<Packed> {
  if (!existsSync("dist/index.js")) throw new Error("build first: npm run build");
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-packed-"));
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await exec("npm", pack, { maxBuffer: 1 << 24 });
  const [{ filename, files }] = JSON.parse(stdout) as [
    { filename: string; files: { path: string }[] },
  ];
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  await exec("npm", ["install", "--offline", "--no-audit", "--no-fund", join(folder, filename)], {
    cwd: folder,
  });
  return {
    folder,
    files: files.map(({ path }) => path),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Makes a package of the project available in the folder, as if it were installed there. */
export async function lend(folder: string, name: string): Promise<void> {
  const link = join(folder, "node_modules", name);
  await mkdir(resolve(link, ".."), { recursive: true });
  await symlink(resolve("node_modules", name), link);
}

/** Runs a program to its end. */
export async function outcome(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<Outcome> {
  return exec(program, args, { cwd, maxBuffer: 1 << 24, timeout: 120_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error) => ({ code: error.code ?? -1, out: error.stdout ?? "", err: error.stderr ?? "" }),
  );
}
