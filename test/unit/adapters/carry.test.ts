import { describe, expect, it } from "vitest";
import { coatcheck as express } from "../../../src/adapters/express.ts";
import { coatcheck as fastify } from "../../../src/adapters/fastify.ts";
import { coatcheck as hono } from "../../../src/adapters/hono.ts";
import { coatcheck as koa } from "../../../src/adapters/koa.ts";
import { coatcheck as node } from "../../../src/adapters/node.ts";
import { coatcheck as web } from "../../../src/adapters/web.ts";
import { createSessions } from "../../../src/core/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const store = memoryStore();
const options = { secrets: ["SrxvflNP2WYaPfax3dj0j6srk49f8-UQhoRGHJyfRe0"], store };
const sessions = createSessions(options);
const request = sessions.open({ headers: {} });

const adapters = { express, fastify, hono, koa, node, web } as unknown as Record<
  string,
  (sessions: unknown, handler: () => Response) => unknown
>;

describe.each(Object.entries(adapters))("coatcheck of the adapter for %s", (_name, coatcheck) => {
  const made = (given: unknown) => () => coatcheck(given, () => new Response());

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["the options of createSessions", options],
    ["a store", store],
    ["the function itself", createSessions],
    ["a session", request],
  ])("refuses %s at the start, with what it takes", (_what, given) => {
    expect(made(given)).toThrow(
      expect.objectContaining({
        code: "ERR_USAGE",
        message: expect.stringContaining("coatcheck takes what createSessions gives"),
      }) as Error,
    );
  });

  it("takes what createSessions gives", () => {
    expect(made(sessions)).not.toThrow();
  });
});
