/**
 * The shape of the data: brings older versions to this one, and checks it against the app's schema.
 *
 * @module
 */

import { ValueError } from "../errors.ts";
import type { Content } from "./record.ts";
import type { Settings } from "./settings.ts";
import type { SchemaIssue } from "./standard-schema.ts";
import type { DataTree } from "./tree.ts";
import { decodeAll, encodeAll, isPlainObject, textOf } from "./tree.ts";

export interface Shape {
  /** The data of a session in the shape of today. @throws {ValueError} */
  read(content: Content): DataTree | Promise<DataTree>;
  /** @throws {ValueError} naming what does not fit. */
  check(tree: DataTree): void | Promise<void>;
}

export function createShape({ schema, version, migrate, dev }: Settings): Shape {
  function upToDate(content: Content): DataTree {
    if (content.version === version) return content.data;
    if (content.version > version || migrate === undefined) {
      throw new ValueError(
        "data",
        `is of version ${content.version} and this process knows ${version}: deploy \`migrate\` first`,
      );
    }
    const migrated: unknown = migrate(decodeAll(content.data), content.version);
    if (!isPlainObject(migrated)) {
      // One that fails, too, is told by this error alone.
      Promise.resolve(migrated).catch(() => undefined);
      throw new ValueError(
        "data",
        "was not migrated: `migrate` must return an object, and no promise",
      );
    }
    return encodeAll(migrated);
  }

  async function validated(tree: DataTree): Promise<DataTree> {
    const result = await schema?.["~standard"].validate(decodeAll(tree));
    if (result === undefined) return tree;
    if (result.issues !== undefined) throw misfit(result.issues, dev);
    // Laid over what is there: keys that the schema does not name belong to a later deployment.
    const checked = encodeAll(result.value as Record<string, unknown>);
    const next = tree.with(new Map(checked.entries()));
    // The very same where nothing is another, so that a change of nothing writes nothing.
    return textOf(next) === textOf(tree) ? tree : next;
  }

  return {
    read(content) {
      const tree = upToDate(content);
      // A visitor who has nothing yet has nothing that could fit.
      if (schema === undefined || tree.size === 0) return tree;
      return validated(tree);
    },
    check(tree) {
      if (schema === undefined || tree.size === 0) return undefined;
      return validated(tree).then(() => undefined);
    },
  };
}

function misfit(issues: readonly SchemaIssue[], dev: boolean): ValueError {
  const [issue] = issues;
  const path = (issue?.path ?? [])
    .map((part) => String(typeof part === "object" ? part.key : part))
    .join(".");
  // The schema's own words may hold the value: they are told in development only.
  return new ValueError(
    path || "data",
    `does not fit the schema${dev ? `: ${issue?.message}` : ""}`,
  );
}
