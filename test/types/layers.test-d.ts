import { expectTypeOf, test } from "vitest";
import type { Revocations, SessionStore } from "../../src/stores/contract.ts";
import { cached } from "../../src/stores/layers/cached.ts";
import { encrypted } from "../../src/stores/layers/encrypted.ts";
import { observed } from "../../src/stores/layers/observed.ts";
import { readOnly } from "../../src/stores/layers/read-only.ts";

declare const full: SessionStore & Revocations;
declare const plain: SessionStore;

test("a layer keeps revocations if its store does, and does not promise them otherwise", () => {
  expectTypeOf(cached(full)).toExtend<SessionStore & Revocations>();
  expectTypeOf(encrypted(full, { secrets: [] })).toExtend<SessionStore & Revocations>();
  expectTypeOf(readOnly(full)).toExtend<SessionStore & Revocations>();
  expectTypeOf(observed(full)).toExtend<SessionStore & Revocations>();
  expectTypeOf(cached(plain)).toExtend<SessionStore>();
  expectTypeOf(cached(plain)).not.toExtend<Revocations>();
});

test("layers go around layers", () => {
  const store = observed(cached(encrypted(readOnly(full), { secrets: [] })));
  expectTypeOf(store).toExtend<SessionStore & Revocations>();
  expectTypeOf(store.prometheus).returns.toBeString();
  expectTypeOf(cached(full).stats().hits).toBeNumber();
});
