// A process may have two copies of the package: a library brings one of its own, or a bundler makes one for each
// of its bundles. The suite makes the sessions with the one, and these are adapters of the other.
import { vi } from "vitest";
import { express5App } from "../../support/adapter-apps/express.ts";
import { fastifyApp } from "../../support/adapter-apps/fastify.ts";
import { honoApp } from "../../support/adapter-apps/hono.ts";
import { koaApp } from "../../support/adapter-apps/koa.ts";
import { nodeApp } from "../../support/adapter-apps/node.ts";
import { webApp } from "../../support/adapter-apps/web.ts";
import { testAdapter } from "../../support/adapters.ts";

vi.resetModules();
const express = await import("../../../src/adapters/express.ts");
const fastify = await import("../../../src/adapters/fastify.ts");
const hono = await import("../../../src/adapters/hono.ts");
const koa = await import("../../../src/adapters/koa.ts");
const node = await import("../../../src/adapters/node.ts");
const web = await import("../../../src/adapters/web.ts");

testAdapter("the Express adapter of another copy", express5App(express.coatcheck));
testAdapter("the Fastify adapter of another copy", fastifyApp(fastify.coatcheck));
testAdapter("the Hono adapter of another copy", honoApp(hono.coatcheck));
testAdapter("the Koa adapter of another copy", koaApp(koa.coatcheck));
testAdapter("the node:http adapter of another copy", nodeApp(node.coatcheck));
testAdapter("the Web adapter of another copy", webApp(web.coatcheck));
