/**
 * The options about sessions of other libraries, with every default filled in.
 *
 * @module
 */

import { ConfigError, section } from "../errors.ts";
import type { ForeignSource } from "../interop/source.ts";
import { flag, optionalFunction, refuseUseless, wait } from "./option-checks.ts";
import type { Adoption, SessionsOptions } from "./options.ts";

const ADOPTION = ["from", "map", "writeBack", "mapBack", "grace"] as const;
const GRACE = 600_000;

/** One source of sessions to take over, with every default filled in. */
export interface ResolvedAdoption extends Pick<Adoption, "from" | "map" | "mapBack"> {
  readonly writeBack: boolean;
  readonly grace: number;
}

/** @throws {ConfigError} */
export function resolveShare(
  given: ForeignSource | undefined,
  isShared: boolean,
): ForeignSource | undefined {
  if (!isShared) {
    if (given === undefined) return undefined;
    throw new ConfigError("share", 'has no effect without `method: "shared"`');
  }
  if (isSource(given)) return given;
  throw new ConfigError("share", "must be a source, such as flaskCookie({ secrets })");
}

/** @throws {ConfigError} naming the adoption that cannot work. */
export function resolveAdoptions(
  given: SessionsOptions["adopt"],
  isStored: boolean,
  cookieName: string,
): readonly ResolvedAdoption[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw new ConfigError("adopt", "must be a list of sources");
  if (!isStored && given.length > 0) {
    throw new ConfigError(
      "adopt",
      'needs `method: "stored"`: what was taken over is remembered in the store',
    );
  }
  const all = given.map((each: ForeignSource | Adoption, index) => {
    const option = `adopt[${index}]`;
    const adoption = isSource(each) ? { from: each } : section(option, each, ADOPTION);
    if (!isSource(adoption.from)) {
      throw new ConfigError(
        option,
        "must be a source, such as flaskCookie({ secrets }), or { from: source }",
      );
    }
    optionalFunction(`${option}.map`, adoption.map);
    optionalFunction(`${option}.mapBack`, adoption.mapBack);
    const writeBack = flag(`${option}.writeBack`, adoption.writeBack);
    if (!writeBack) refuseUseless(adoption, ["mapBack"], "without `writeBack: true`", `${option}.`);
    // Its sessions would look like ours, and be refused.
    if (adoption.from.cookieNames.includes(cookieName)) {
      throw new ConfigError("cookie.name", `must be another than that of \`${option}\``);
    }
    return {
      ...adoption,
      writeBack,
      grace: wait(`${option}.grace`, adoption.grace, GRACE),
    };
  });
  if (all.filter((each) => each.writeBack).length > 1) {
    throw new ConfigError(
      "adopt",
      "has `writeBack` more than once: only one library can be written back to",
    );
  }
  return all;
}

function isSource(given: unknown): given is ForeignSource {
  const { open, seal } = (given ?? {}) as Partial<ForeignSource>;
  return typeof open === "function" && typeof seal === "function";
}
