/**
 * A certificate that nobody has signed, for tests that want TLS.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram, required } from "./needs.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const openssl: string | undefined = findProgram("openssl");

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** @param name - of the host. */
export async function makeCertificate(name: string): Promise<Certificate> {
  const folder = await temporaryFolder("certificate");
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert];
  const program = required("openssl", openssl);
  await promisify(execFile)(program, [
    "req",
    "-x509",
    ...made,
    "-subj",
    `/CN=${name}`,
    "-days",
    "2",
  ]);
  const certificate = { key: await readFile(key), cert: await readFile(cert) };
  await rm(folder, { recursive: true });
  return certificate;
}
