/**
 * The shop's own secret: made on the first run, kept beside the data, readable by its owner only.
 *
 * @module
 */

import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateSecret } from "coatcheck";

/** The secret of this data folder; always the same one, so that a restart signs nobody out. */
export async function ownSecret(dataPath: string): Promise<string> {
  await mkdir(dataPath, { recursive: true, mode: 0o700 });
  const path = join(dataPath, "secret");
  return (await read(path)) ?? (await make(path));
}

async function make(path: string): Promise<string> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${generateSecret()}\n`, { mode: 0o600 });
  try {
    // A link appears whole or not at all, and never over another: of two shops that start at once
    // one makes the secret and both use it.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft);
  }
  return (await readFile(path, "utf8")).trim();
}

async function read(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
