/**
 * Talks to a server over a plain socket, so that a test sees every byte of an answer.
 *
 * @module
 */

import { once } from "node:events";
import type { RequestListener, Server, ServerOptions } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";

export interface Wire {
  readonly server: Server;
  readonly port: number;
  open(): Promise<WireSocket>;
  /** Sends the bytes and gives all that comes back until the server closes. */
  exchange(request: string): Promise<string>;
  close(): Promise<void>;
}

export interface WireSocket {
  readonly socket: Socket;
  /** Everything that has come so far. */
  received(): string;
  /** Resolves when the text has come. */
  until(text: string): Promise<void>;
  /** Everything, once the server has closed. */
  rest(): Promise<string>;
}

export function listen(listener: RequestListener, options: ServerOptions = {}): Promise<Wire> {
  return listenWith(createServer(options, listener));
}

export async function listenWith(server: Server): Promise<Wire> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function open(): Promise<WireSocket> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    const closed = once(socket, "close");
    return {
      socket,
      received: () => text,
      async until(wanted) {
        while (!text.includes(wanted)) {
          if (socket.closed) throw new Error(`closed before ${wanted}; got ${text}`);
          await Promise.race([once(socket, "data"), closed]);
        }
      },
      async rest() {
        await closed;
        return text;
      },
    };
  }

  return {
    server,
    port,
    open,
    async exchange(request) {
      const { socket, rest } = await open();
      socket.write(request);
      return await rest();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
