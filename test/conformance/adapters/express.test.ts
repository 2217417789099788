import { coatcheck } from "../../../src/adapters/express.ts";
import { express4App, express5App } from "../../support/adapter-apps/express.ts";
import { testAdapter } from "../../support/adapters.ts";

testAdapter("the Express 5 adapter", express5App(coatcheck));
testAdapter("the Express 4 adapter, with a parser of bodies", express4App(coatcheck));
