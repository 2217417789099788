/**
 * TLS in front of a server of this machine.
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { createServer } from "node:tls";
import type { Certificate } from "./certificate.ts";

export interface TlsFront {
  readonly port: number;
  readonly stop: () => void;
}

/** @param upstream - the server's port. */
export async function startTlsFront(upstream: number, certificate: Certificate): Promise<TlsFront> {
  const sockets = new Set<Socket>();
  const server = createServer(certificate, (near) => {
    const far = connect(upstream, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
