/**
 * Makes next-auth-4.json with the real next-auth 4, which wants Next and React as peers and is therefore
 * not among our packages. In an empty folder:
 *
 *   npm install --legacy-peer-deps next-auth@4.24.15
 *   node <here>/next-auth-4.mjs > <here>/next-auth-4.json
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const { encode, decode } = require("next-auth/jwt");
const { version } = JSON.parse(readFileSync("node_modules/next-auth/package.json", "utf8"));

const secret = "the secret of an app with next-auth 4";
const vectors = [];
for (const [name, token, maxAge] of [
  [
    "a person",
    { sub: "42", name: "Zoë ❄", email: "zoe@example.com", picture: null },
    3_153_600_000,
  ],
  [
    "claims of the app's own",
    { sub: "ada", roles: ["admin"], nested: { a: [1, 2.5, true] } },
    3_153_600_000,
  ],
  ["nobody", {}, 3_153_600_000],
  ["one that ended at once", { sub: "42" }, -3600],
]) {
  const value = await encode({ token, secret, maxAge });
  const { iat } =
    maxAge > 0 ? await decode({ token: value, secret }) : { iat: Math.floor(Date.now() / 1000) };
  vectors.push({ name, claims: token, iat, exp: iat + maxAge, value });
}
console.log(JSON.stringify({ library: "next-auth", version, secret, vectors }, null, 2));
