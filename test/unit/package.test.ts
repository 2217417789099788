import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
};

describe("package.json", () => {
  it("asks for no package at run time", () => {
    expect(manifest["dependencies"]).toBeUndefined();
    expect(manifest["optionalDependencies"]).toBeUndefined();
    expect(manifest["bundledDependencies"]).toBeUndefined();
  });

  it("names lmdb as the one optional package", () => {
    expect(Object.keys(manifest["peerDependencies"] as object)).toEqual(["lmdb"]);
    expect(manifest["peerDependenciesMeta"]).toEqual({ lmdb: { optional: true } });
  });

  it("runs no script when it is installed, and lets no dependency do so", () => {
    const scripts = Object.keys(manifest["scripts"] as object);
    const atInstall = ["preinstall", "install", "postinstall", "prepare"];
    expect(scripts.filter((name) => atInstall.includes(name))).toEqual([]);
    expect(Object.values(manifest["allowScripts"] as object)).not.toContain(true);
  });

  it("exports each part by name, as a plain string", () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      expect(name).not.toContain("*");
      expect(target).toMatch(/^\.\/(dist\/[\w/-]+\.js|package\.json)$/);
    }
  });

  it.each(["stores", "stores/layers", "adapters"])(
    "exports every file of src/%s that is a part of its own",
    (name) => {
      const files = readdirSync(`src/${name}`).filter((file) => isPart(`src/${name}/${file}`));
      const exported = Object.keys(manifest.exports).filter((path) => {
        return path.slice(0, path.lastIndexOf("/")) === `./${name}`;
      });
      expect(exported.sort()).toEqual(files.map((file) => `./${name}/${file.slice(0, -3)}`).sort());
    },
  );

  it("exports every file of src/compat, and nothing below it", () => {
    const files = readdirSync("src/compat").filter((file) => file.endsWith(".ts"));
    const exported = Object.keys(manifest.exports).filter((path) => path.startsWith("./compat/"));
    expect(exported.sort()).toEqual(files.map((file) => `./compat/${file.slice(0, -3)}`).sort());
  });

  it("exports every foreign format, and not what they share", () => {
    const files = readdirSync("src/interop").filter(
      (file) => file.endsWith(".ts") && file !== "options.ts",
    );
    const exported = Object.keys(manifest.exports).filter((path) => path.startsWith("./interop/"));
    expect(exported.sort()).toEqual(files.map((file) => `./interop/${file.slice(0, -3)}`).sort());
  });

  it("pins every development tool to one version", () => {
    const loose = Object.entries(manifest.devDependencies).filter(
      ([, range]) => !/^(npm:.+@)?\d+\.\d+\.\d+$/.test(range),
    );
    expect(loose).toEqual([]);
  });

  it("says in docs/dependencies.md, once each, why a development tool is there", () => {
    const page = readFileSync("docs/dependencies.md", "utf8");
    const rows = [...page.matchAll(/^\| `(.+?)` \|/gm)].map(([, name]) => name);
    const used = new Set(
      ["package.json", "bench/package.json"].flatMap((file) =>
        Object.keys(JSON.parse(readFileSync(file, "utf8")).devDependencies),
      ),
    );
    expect(rows.sort()).toEqual([...used].sort());
  });
});

// A store, an adapter or the contract; what they share is no part of its own.
function isPart(path: string): boolean {
  if (path.endsWith("/contract.ts")) return true;
  if (!path.endsWith(".ts")) return false;
  const part =
    /^export (async )?function (coatcheck|\w+Store|cached|encrypted|moving|observed|readOnly)\b/m;
  return part.test(readFileSync(path, "utf8"));
}
