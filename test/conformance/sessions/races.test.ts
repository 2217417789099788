import { PAIRS } from "../../support/session-races/races.ts";
import { tryRaces } from "../../support/session-races/try-races.ts";

tryRaces("pairs", PAIRS);
