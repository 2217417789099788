import { coatcheck } from "../../../src/adapters/node.ts";
import { nodeApp, nodeHttp2App, nodeMiddlewareApp } from "../../support/adapter-apps/node.ts";
import { testAdapter } from "../../support/adapters.ts";

testAdapter("the node:http adapter", nodeApp(coatcheck));
testAdapter("the node:http2 adapter", nodeHttp2App(coatcheck));
testAdapter("the node:http adapter as a middleware", nodeMiddlewareApp(coatcheck));
