import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Mutant {
  readonly promise: string;
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

// A script in JavaScript: what it exports is said here.
const path: string = "../../promises/mutants.mjs";
const { mutants } = (await import(path)) as { readonly mutants: readonly Mutant[] };

describe("the patches that break promises on purpose", () => {
  it.each(mutants.map((mutant) => ({ ...mutant, title: `${mutant.promise}: ${mutant.what}` })))(
    "find their place once: $title",
    ({ file, from, to }) => {
      expect(readFileSync(file, "utf8").split(from)).toHaveLength(2);
      expect(to).not.toBe(from);
    },
  );
});
