// @ts-check
/**
 * Requests without a network: real `IncomingMessage` and `ServerResponse` objects on sockets that
 * swallow what is written, 16 in flight. What is left is the work of the framework and the library.
 *
 * Done here as `node:http` does it: the headers are parsed before the listener runs (Node itself looks
 * at `Host`), the written bytes are acknowledged in a later turn of the event loop, and after `finish`
 * the socket is detached and `close` follows.
 *
 * @module
 */

import { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { BROWSER_HEADERS } from "../fixture.mjs";

const IN_FLIGHT = 16;

/**
 * @typedef {{ readonly url: string, readonly rawHeaders: string[] }} Prepared
 * @typedef {{ readonly status: number, readonly setCookie: string[], readonly text: string }} Answer
 * @typedef {(req: any, res: any) => unknown} Listener
 */

/** @returns {Prepared} */
export function prepare(/** @type {string} */ url, /** @type {string | undefined} */ cookie) {
  return {
    url,
    rawHeaders: cookie === undefined ? BROWSER_HEADERS : [...BROWSER_HEADERS, "Cookie", cookie],
  };
}

/** Where the prepared requests are taken up again: a batch may be shorter than the list. */
const places = new WeakMap();

/**
 * Sends `count` requests, taking the prepared ones in turn, from where the call before has left off. Rejects
 * when one is not answered with 200.
 */
export function send(
  /** @type {Listener} */ listener,
  /** @type {readonly Prepared[]} */ requests,
  /** @type {number} */ count,
) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      let started = 0;
      let finished = 0;
      const place = places.get(requests) ?? 0;
      places.set(requests, (place + count) % requests.length);
      const next = (/** @type {NullSocket} */ socket) => {
        if (started >= count) return;
        const request = /** @type {Prepared} */ (requests[(place + started) % requests.length]);
        started += 1;
        dispatch(listener, request, socket, (res) => {
          if (res.statusCode !== 200) reject(new Error(`${request.url}: ${res.statusCode}`));
          finished += 1;
          if (finished === count) resolve();
          else next(socket);
        });
      };
      for (const socket of sockets) next(socket);
    })
  );
}

/** Sends one request and keeps the answer. @returns {Promise<Answer>} */
export function ask(/** @type {Listener} */ listener, /** @type {Prepared} */ request) {
  return new Promise((resolve) => {
    const socket = new NullSocket();
    socket.kept = [];
    dispatch(listener, request, socket, () => resolve(parse((socket.kept ?? []).join(""))));
  });
}

function dispatch(
  /** @type {Listener} */ listener,
  /** @type {Prepared} */ { url, rawHeaders },
  /** @type {NullSocket} */ socket,
  /** @type {(res: ServerResponse) => void} */ done,
) {
  const req = /** @type {any} */ (new IncomingMessage(/** @type {any} */ (socket)));
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.httpVersion = "1.1";
  req.method = "GET";
  req.url = url;
  // What Node's parser calls; the headers are then parsed when they are first looked at.
  req._addHeaderLines(rawHeaders, rawHeaders.length);
  if (req.headers.host === undefined) throw new Error("no Host");
  const res = new ServerResponse(req);
  res.shouldKeepAlive = true;
  res.assignSocket(/** @type {any} */ (socket));
  res.on("finish", () => {
    res.detachSocket(/** @type {any} */ (socket));
    process.nextTick(close, res);
    done(res);
  });
  req.complete = true;
  listener(req, res);
}

function close(/** @type {any} */ res) {
  if (res._closed) return;
  res.destroyed = true;
  res._closed = true;
  res.emit("close");
}

/** @type {(() => void)[]} */
let acknowledgements = [];

function acknowledge() {
  const callbacks = acknowledgements;
  acknowledgements = [];
  for (const callback of callbacks) callback();
}

/** Takes everything at once and says so in the next turn of the event loop, as a kernel would. */
class NullSocket extends Duplex {
  /** @type {string[] | undefined} */
  kept = undefined;
  remoteAddress = "127.0.0.1";

  /** @override */
  write(
    /** @type {any} */ chunk,
    /** @type {any} */ encoding,
    /** @type {any} */ callback = undefined,
  ) {
    this.kept?.push(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") {
      if (acknowledgements.length === 0) setImmediate(acknowledge);
      acknowledgements.push(done);
    }
    return true;
  }
  /** @override */
  cork() {}
  /** @override */
  uncork() {}
  setTimeout() {
    return this;
  }
  setKeepAlive() {
    return this;
  }
  setNoDelay() {
    return this;
  }
}

const sockets = Array.from({ length: IN_FLIGHT }, () => new NullSocket());

/** @returns {Answer} */
function parse(/** @type {string} */ bytes) {
  const cut = bytes.indexOf("\r\n\r\n");
  const [status = "", ...fields] = bytes.slice(0, cut).split("\r\n");
  const body = bytes.slice(cut + 4);
  return {
    status: Number(status.split(" ")[1]),
    setCookie: fields
      .filter((field) => /^set-cookie:/i.test(field))
      .map((field) => field.slice("set-cookie:".length).trim()),
    text: fields.some((field) => /^transfer-encoding: chunked/i.test(field))
      ? unchunked(body)
      : body,
  };
}

function unchunked(/** @type {string} */ body) {
  let text = "";
  for (let rest = body; ; ) {
    const size = Number.parseInt(rest, 16);
    if (!(size > 0)) return text;
    const start = rest.indexOf("\r\n") + 2;
    text += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
  }
}
