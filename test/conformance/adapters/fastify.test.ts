import { coatcheck } from "../../../src/adapters/fastify.ts";
import {
  fastifyApp,
  fastifyHttp2App,
  fastifyRawApp,
  fastifyUnparsedApp,
} from "../../support/adapter-apps/fastify.ts";
import { testAdapter } from "../../support/adapters.ts";

testAdapter("the Fastify adapter", fastifyApp(coatcheck));
testAdapter("the Fastify adapter, with handlers that read the body", fastifyUnparsedApp(coatcheck));
testAdapter("the Fastify adapter over HTTP/2", fastifyHttp2App(coatcheck));
testAdapter("the Fastify adapter, with replies that are sent past it", fastifyRawApp(coatcheck));
