/**
 * Notes for the table of what is covered, with the version of the package that was there.
 */

import { readFileSync } from "node:fs";
import { coverage } from "../coverage.ts";

export interface CoveredPart {
  readonly library: string;
  readonly what: string;
  /** The package's folder, where it is not named like the library. */
  readonly folder?: string;
}

/** Call it once, at the top of a file. What it gives notes that both directions were shown, live. */
export function covering(file: string): (part: CoveredPart) => void {
  const cover = coverage(`js-${file}`);
  return ({ library, what, folder = library }) => {
    const version = versionOf(folder);
    cover({ library, version, what, direction: "both", how: "live" });
  };
}

function versionOf(folder: string): string {
  const manifest = readFileSync(`node_modules/${folder}/package.json`, "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
