import { coatcheck } from "../../../src/adapters/hono.ts";
import { honoApp, honoHttp2App, honoNodeApp } from "../../support/adapter-apps/hono.ts";
import { testAdapter } from "../../support/adapters.ts";

testAdapter("the Hono adapter in process", honoApp(coatcheck));
testAdapter("the Hono adapter on Node", honoNodeApp(coatcheck));
testAdapter("the Hono adapter on Node over HTTP/2", honoHttp2App(coatcheck));
