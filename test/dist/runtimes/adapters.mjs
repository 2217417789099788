// The adapter suite through the installed package: every adapter with its own framework, on a store that answers
// at once and on one that is waited for. Says how many tests have run, which have failed, and which were left out.
//
//   adapters.mjs ["<app>: <test to leave out>"]...

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
  fastifyRawApp,
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
  "Fastify, with replies that are sent past it": fastifyRawApp(fastify.coatcheck),
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

/** On what Bun and Deno have in the place of node:http. */
function ownServerApps() {
  const { Bun, Deno } = globalThis;
  if (Bun === undefined && Deno === undefined) return {};
  const serve = Bun === undefined ? serveOnDeno : serveOnBun;
  return {
    "Hono on the runtime's own server": served(honoApp(hono.coatcheck), serve),
    "Web on the runtime's own server": served(webApp(web.coatcheck), serve),
  };
}

function served(app, serve) {
  const start = async (...given) => serve((await app.start(...given)).target);
  return { start, lacks: ["trailers"] };
}

function serveOnBun(fetch) {
  const server = Bun.serve({ fetch, hostname: "127.0.0.1", port: 0 });
  return { target: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) };
}

function serveOnDeno(fetch) {
  const stop = new AbortController();
  const { signal } = stop;
  const options = { hostname: "127.0.0.1", port: 0, signal, onListen: () => undefined };
  const server = Deno.serve(options, (request) => fetch(request));
  return {
    target: `http://127.0.0.1:${server.addr.port}`,
    close() {
      stop.abort();
      return server.finished;
    },
  };
}

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
    for (const { name: test, skip, run } of adapterSuite({ ...app, ...options })) {
      // Without how the session is kept.
      const gap = `${name}${test.slice(test.indexOf(":"))}`;
      if (gaps.includes(gap)) leftOut.add(gap);
      if (gaps.includes(gap) || skip !== undefined) continue;
      ran += 1;
      await run().catch((error) => failed.push(`${name}, ${speed}, ${test}: ${error}`));
    }
  }
}

// First: @hono/node-server puts a `Response` in the place of the runtime's that its own server does not take.
await Promise.all(Object.entries(ownServerApps()).map(grade));
// Side by side: they mostly wait for their sockets.
await Promise.all(Object.entries(apps).map(grade));
console.log(JSON.stringify({ ran, failed, leftOut: gaps.filter((gap) => leftOut.has(gap)) }));
