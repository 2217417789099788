import { coatcheck } from "../../../src/adapters/web.ts";
import { webApp, webNodeApp } from "../../support/adapter-apps/web.ts";
import { testAdapter } from "../../support/adapters.ts";

testAdapter("the Web adapter", webApp(coatcheck));
testAdapter("the Web adapter behind a server", webNodeApp(coatcheck));
