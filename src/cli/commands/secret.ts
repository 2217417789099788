/**
 * `coatcheck secret`: prints a new app secret.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { generateSecret } from "../../token/key-ring.ts";
import type { Command } from "../command.ts";

export const secret: Command = {
  name: "secret",
  summary: "Print a new app secret.",
  usage: "coatcheck secret",
  details: `Prints one line: 32 random bytes, in the form that \`secrets\` takes.
Keep it where the app's other secrets are, never in the repository:

  SESSION_SECRET=$(npx coatcheck secret)

To replace a secret and keep everyone signed in, deploy \`secrets: [old, new]\`
everywhere, then \`[new, old]\`, and drop the old one after the longest absolute
timeout. Dropping it sooner ends the sessions that it made.`,

  async run(args, { stdout }) {
    parseArgs({ args: [...args], options: {} });
    stdout.write(`${generateSecret()}\n`);
    return 0;
  },
};
