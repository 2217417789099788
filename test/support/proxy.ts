/**
 * nginx in front of servers: a shared cache, which obeys RFC 9111, at its most eager; or one origin for
 * several servers; or nothing but a proxy.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { findProgram, required } from "./needs.ts";

export const nginx: string | undefined = findProgram("nginx");

export interface ReverseProxy {
  /** Without a slash at the end. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** A cache in front of a port of this machine. Answers carry `X-Cache`: `MISS`, `HIT`, … or nothing. */
export function startCache(upstream: number): Promise<ReverseProxy> {
  return startNginx((folder) => ({
    http: `proxy_cache_path ${folder}/cache keys_zone=shared:1m;`,
    server: `
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_cache shared;
      proxy_cache_key $request_method$request_uri;
      # Heuristic freshness, which RFC 9111 section 4.2.2 allows: what says nothing is kept as well.
      proxy_cache_valid 200 301 308 404 410 1m;
      # nginx alone refuses to keep what sets a cookie. RFC 9111 section 7.3 does not ask that of a
      # cache, so nobody may rely on it: only Cache-Control, Expires and Vary decide here.
      proxy_ignore_headers Set-Cookie;
      add_header X-Cache $upstream_cache_status always;
    }`,
  }));
}

/**
 * One origin for several servers of this machine.
 *
 * @param ports - by the path, such as `/old/`, that goes there and is taken off on the way.
 */
export function startRouter(ports: Readonly<Record<string, number>>): Promise<ReverseProxy> {
  const locations = Object.entries(ports).map(
    ([path, port]) => `location ${path} { proxy_pass http://127.0.0.1:${port}/; }`,
  );
  return startNginx(() => ({ http: "", server: locations.join("\n    ") }));
}

/** Passes everything on to a port of this machine. @param http - directives besides. */
export function startPassThrough(upstream: number, http: string): Promise<ReverseProxy> {
  const server = `location / { proxy_pass http://127.0.0.1:${upstream}; }`;
  return startNginx(() => ({ http, server }));
}

type Directives = Readonly<Record<"http" | "server", string>>;

async function startNginx(directives: (folder: string) => Directives): Promise<ReverseProxy> {
  const folder = await mkdtemp(join(tmpdir(), "coatcheck-proxy-"));
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  await writeFile(config, configuration(folder, port, directives(folder)));

  const program = required("nginx", nginx);
  const log = join(folder, "error.log");
  const child = spawn(program, ["-p", folder, "-e", log, "-c", config], { stdio: "ignore" });
  const ended = once(child, "close").then(async ([code]) => {
    throw new Error(`nginx ended with ${code}:\n${await readFile(log, "utf8")}`);
  });
  // Looked at below; an end that was asked for is no error.
  ended.catch(() => undefined);
  async function stop(): Promise<void> {
    child.kill("SIGTERM");
    await ended.catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await Promise.race([listening(port), ended]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}

function configuration(folder: string, port: number, { http, server }: Directives): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join("\n  ");
  // A worker of root would become nobody, who may not write here.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `
${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary}
  ${http}
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    ${server}
  }
}
`;
}

async function listening(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const socket = connect(port, "127.0.0.1");
    const opened = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (opened) return;
    await wait(50);
  }
  throw new Error(`nginx does not listen on port ${port}`);
}
