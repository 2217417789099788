import { coatcheck } from "../../../src/adapters/koa.ts";
import { koaApp, koaHttp2App } from "../../support/adapter-apps/koa.ts";
import { testAdapter } from "../../support/adapters.ts";

testAdapter("the Koa adapter", koaApp(coatcheck));
testAdapter("the Koa adapter over HTTP/2", koaHttp2App(coatcheck));
