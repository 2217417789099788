/**
 * What one option of a source may be, refused by its name when the app starts: a misspelt one reads nobody's
 * session, or sets a cookie that the other library never would.
 *
 * @module
 */

import { cookieProblem } from "../cookie/write.ts";
import { ConfigError, listOf, section } from "../errors.ts";
import type { ForeignAttributes } from "./source.ts";

/**
 * The options of a source; absent is empty.
 *
 * @param theirs - what the other library has besides, of no concern here: its options may be handed on whole.
 * @param elsewhere - names of the other library, and what there is for them.
 * @throws {ConfigError} for what is no object, and for names that are not known.
 */
export function sourceOptions<Options extends object>(
  option: string,
  given: Options | undefined,
  known: readonly (keyof Options & string)[],
  theirs: readonly string[] = [],
  elsewhere: Readonly<Record<string, string>> = {},
): Options {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const entries = isObject ? Object.entries(given).filter(([name]) => !theirs.includes(name)) : [];
  section<Options>(
    option,
    isObject ? (Object.fromEntries(entries) as Options) : given,
    known,
    elsewhere,
  );
  return given ?? ({} as Options);
}

/** Text; the preset where nothing is given. @throws {ConfigError} */
export function textOption(option: string, given: unknown, preset: string): string {
  if (given === undefined) return preset;
  if (typeof given !== "string") throw new ConfigError(option, "must be a string");
  return given;
}

/** True or false. @throws {ConfigError} */
export function flagOption(option: string, given: unknown, preset: boolean): boolean {
  return choiceOption(option, given, [true, false], preset);
}

/** One of these. @throws {ConfigError} */
export function choiceOption<const Choice>(
  option: string,
  given: unknown,
  choices: readonly Choice[],
  preset?: NoInfer<Choice>,
): Choice {
  const value = given === undefined ? preset : given;
  if ((choices as readonly unknown[]).includes(value)) return value as Choice;
  throw new ConfigError(option, `must be ${listOf(choices)}`);
}

/** A number of this unit from 0. @throws {ConfigError} */
export function ageOption<Preset extends number | undefined>(
  option: string,
  given: unknown,
  unit: "seconds" | "milliseconds",
  preset: Preset,
): number | Preset {
  if (given === undefined) return preset;
  if (typeof given === "number" && given >= 0 && Number.isFinite(given)) return given;
  throw new ConfigError(option, `must be a number of ${unit}`);
}

/** What has these methods. @throws {ConfigError} */
export function methodsOption<Value>(
  option: string,
  given: Value,
  verbs: readonly string[],
): Value {
  const value = given as Readonly<Record<string, unknown>> | null | undefined;
  if (verbs.every((verb) => typeof value?.[verb] === "function")) return given;
  throw new ConfigError(option, `must have ${verbs.map((verb) => `\`${verb}\``).join(", ")}`);
}

/** How the foreign app sets its cookie. Give what its own options say: deleting goes by it. */
export interface ForeignCookieOptions {
  /** @default "/" */
  readonly path?: string;
  readonly domain?: string;
  /** @default false */
  readonly secure?: boolean;
  /** @default true */
  readonly httpOnly?: boolean;
  /** `true` means "strict", `false` that it is not written. @default not written */
  readonly sameSite?: "strict" | "lax" | "none" | boolean;
  /** @default false */
  readonly partitioned?: boolean;
}

/** The names of {@link ForeignCookieOptions}. */
export const COOKIE = ["path", "domain", "secure", "httpOnly", "sameSite", "partitioned"] as const;
/** What the other libraries' options of a cookie have besides. */
const COOKIE_OF_THEIRS = ["maxAge", "expires", "priority", "overwrite"] as const;

/** What the options of a source are called, for errors. */
export interface CookiePlace {
  /** The option with the cookie's name. @default "name" */
  readonly name?: string;
  /** The option with the attributes; empty where they stand among the others. @default "cookie" */
  readonly group?: string;
}

/** The attributes that the options stand for. @throws {ConfigError} for the first that cannot be. */
export function foreignAttributes(
  name: string,
  options: ForeignCookieOptions | undefined,
  defaults: ForeignCookieOptions = {},
  { name: nameOption = "name", group = "cookie" }: CookiePlace = {},
): ForeignAttributes {
  const place = (attribute: string): string => (group === "" ? attribute : `${group}.${attribute}`);
  const given: ForeignCookieOptions =
    group === "" ? (options ?? {}) : sourceOptions(group, options, COOKIE, COOKIE_OF_THEIRS);
  const flag = (attribute: "secure" | "httpOnly" | "partitioned", preset: boolean): boolean =>
    flagOption(place(attribute), given[attribute], defaults[attribute] ?? preset);
  const path = textOption(place("path"), given.path, defaults.path ?? "/");
  const domain = given.domain && textOption(place("domain"), given.domain, "");
  const secure = flag("secure", false);
  const httpOnly = flag("httpOnly", true);
  const partitioned = flag("partitioned", false);
  const sameSite =
    given.sameSite === undefined
      ? defaults.sameSite
      : choiceOption(place("sameSite"), given.sameSite, SAME_SITE);
  const site = sameSite === true ? "strict" : sameSite === false ? undefined : sameSite;
  if (typeof name !== "string") throw new ConfigError(nameOption, "must be a string");
  // Other libraries allow a `:` in names: koa-session's default was `koa:sess`.
  const wrong = cookieProblem(name.replaceAll(":", "."), {
    path,
    // Foreign libraries write the leading dot as they get it, and browsers drop it.
    domain: domain?.replace(/^\./, ""),
    secure,
    // Not held to the rules for new cookies: the foreign app has set this one already.
    sameSite: site === "none" ? "lax" : (site ?? "lax"),
    partitioned: false,
  });
  if (wrong !== undefined) {
    const attribute = wrong.option.replace(/^cookie\./, "");
    throw new ConfigError(attribute === "name" ? nameOption : place(attribute), wrong.problem);
  }
  return {
    path,
    secure,
    httpOnly,
    ...(domain === undefined ? {} : { domain }),
    ...(site === undefined ? {} : { sameSite: site }),
    ...(partitioned ? { partitioned } : {}),
  };
}

const SAME_SITE = ["strict", "lax", "none", true, false] as const;
