/**
 * Refuses writes: for maintenance, and for a replica.
 *
 * @module
 */

import { ConfigError, StoreReadOnlyError, section } from "../../errors.ts";
import type { AnyStore, Layered } from "./layer.ts";
import { handOn } from "./layer.ts";

export interface ReadOnlyOptions {
  /** Asked at every write: whether it is to be refused. @default always */
  readonly when?: (() => boolean) | undefined;
}

/**
 * Lets a store be read only: every write is a {@link StoreReadOnlyError} (503), and has no effect.
 * Signed-in users stay signed in; a use that cannot be written down is none.
 *
 * @throws {ConfigError} when an option cannot work.
 * @example
 * ```ts
 * const store = readOnly(postgresStore({ client }), { when: () => maintenance.isOn });
 * ```
 */
export function readOnly<Store extends AnyStore>(
  store: Store,
  options?: ReadOnlyOptions,
): Layered<Store> {
  const handed: AnyStore = handOn(store);
  const { when = () => true } = section("options", options, ["when"]);
  if (typeof when !== "function") throw new ConfigError("when", "must be a function");

  /** The same verb, unless writes are to be refused. */
  function guarded<Verb extends (...args: never[]) => unknown>(name: string, verb: Verb): Verb {
    const guard = async (...args: Parameters<Verb>): Promise<unknown> => {
      if (when()) throw new StoreReadOnlyError(store.name, name);
      return await verb(...args);
    };
    return guard as Verb;
  }

  const { create, update, touch, cutOff, sweep, home, add } = handed;
  const layer: AnyStore = {
    ...handed,
    create: guarded("create", create),
    update: guarded("update", update),
    touch: guarded("touch", touch),
    cutOff: guarded("cutOff", cutOff),
    sweep: guarded("sweep", sweep),
    // The first time it may have to write the key that homes are made with; and it is for a sign-in.
    ...(home !== undefined && { home: guarded("home", home) }),
    ...(add !== undefined && { add: guarded("add", add) }),
  };
  return layer as Layered<Store>;
}
