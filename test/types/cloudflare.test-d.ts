import type {
  D1Database,
  DurableObjectNamespace,
  DurableObjectState,
} from "@cloudflare/workers-types";
import { expectTypeOf, test } from "vitest";
import type {
  D1Database as OldestD1Database,
  DurableObjectNamespace as OldestDurableObjectNamespace,
  DurableObjectState as OldestDurableObjectState,
} from "workers-types-oldest";
import type { D1Like } from "../../src/stores/cloudflare-d1.ts";
import type {
  DurableObjectNamespaceLike,
  DurableObjectStateLike,
} from "../../src/stores/cloudflare-do.ts";

test("the bindings of Workers fit", () => {
  expectTypeOf<D1Database>().toExtend<D1Like>();
  expectTypeOf<OldestD1Database>().toExtend<D1Like>();
  expectTypeOf<DurableObjectNamespace>().toExtend<DurableObjectNamespaceLike>();
  expectTypeOf<OldestDurableObjectNamespace>().toExtend<DurableObjectNamespaceLike>();
  expectTypeOf<DurableObjectState>().toExtend<DurableObjectStateLike>();
  expectTypeOf<OldestDurableObjectState>().toExtend<DurableObjectStateLike>();
  expectTypeOf<D1Database>().not.toExtend<DurableObjectNamespaceLike>();
});
