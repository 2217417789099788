// The adapter suite through the installed package: every adapter with its own framework, on a store that answers
// at once and on one that is waited for. Says how many tests have run, which have failed, and which were left out.
//
//   adapters.mjs [name of a test to leave out]...

import * as express from "coatcheck/adapters/express";
import * as fastify from "coatcheck/adapters/fastify";
import * as hono from "coatcheck/adapters/hono";
import * as koa from "coatcheck/adapters/koa";
import * as node from "coatcheck/adapters/node";
import * as web from "coatcheck/adapters/web";
import { memoryStore } from "coatcheck/stores/memory";
import { faulty } from "coatcheck/testing";
import { adapterSuite } from "coatcheck/testing/adapters";
import { express4App, express5App } from "../../support/adapter-apps/express.ts";
import {
  fastifyApp,
  fastifyHttp2App,
  fastifyUnparsedApp,
} from "../../support/adapter-apps/fastify.ts";
import { honoApp, honoHttp2App, honoNodeApp } from "../../support/adapter-apps/hono.ts";
import { koaApp, koaHttp2App } from "../../support/adapter-apps/koa.ts";
import { nodeApp, nodeHttp2App, nodeMiddlewareApp } from "../../support/adapter-apps/node.ts";
import { webApp, webNodeApp } from "../../support/adapter-apps/web.ts";

const apps = {
  "Express 4": express4App(express.coatcheck),
  "Express 5": express5App(express.coatcheck),
  Fastify: fastifyApp(fastify.coatcheck),
  "Fastify, with handlers that read the body": fastifyUnparsedApp(fastify.coatcheck),
  "Fastify over HTTP/2": fastifyHttp2App(fastify.coatcheck),
  "Hono in process": honoApp(hono.coatcheck),
  "Hono on node:http": honoNodeApp(hono.coatcheck),
  "Hono over HTTP/2": honoHttp2App(hono.coatcheck),
  Koa: koaApp(koa.coatcheck),
  "Koa over HTTP/2": koaHttp2App(koa.coatcheck),
  "node:http": nodeApp(node.coatcheck),
  "node:http as a middleware": nodeMiddlewareApp(node.coatcheck),
  "node:http2": nodeHttp2App(node.coatcheck),
  "Web in process": webApp(web.coatcheck),
  "Web on node:http": webNodeApp(web.coatcheck),
};

const stores = [
  { speed: "at once", store: () => memoryStore() },
  // A sealed session is written to no store.
  { speed: "waited for", store: () => faulty(memoryStore(), () => undefined), method: "stored" },
];

// Frameworks print what handlers throw, and Node what was wrong with a commit.
console.error = () => undefined;
process.emitWarning = () => undefined;

const gaps = process.argv.slice(2);
const leftOut = new Set();
const failed = [];
let ran = 0;

async function grade([name, app]) {
  for (const { speed, ...options } of stores) {
    for (const test of adapterSuite({ ...app, ...options })) {
      const gap = gaps.find((each) => test.name.endsWith(`: ${each}`));
      if (gap !== undefined) leftOut.add(gap);
      if (gap !== undefined || test.skip !== undefined) continue;
      ran += 1;
      await test.run().catch((error) => {
        failed.push(`${name}, ${speed}, ${test.name}: ${error}`);
      });
    }
  }
}

// Side by side: they mostly wait for their sockets.
await Promise.all(Object.entries(apps).map(grade));
console.log(JSON.stringify({ ran, failed, leftOut: [...leftOut] }));
