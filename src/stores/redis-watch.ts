/**
 * Tells listeners what other processes have changed, by the publications of a Redis store.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { StoreChange } from "./contract.ts";
import { text } from "./redis-replies.ts";

/** ioredis and iovalkey: a connection that does nothing but listen. */
export interface IoredisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: string[]) => void): unknown;
  off(event: string, listener: (...args: string[]) => void): unknown;
}

/** node-redis: a connected client, also of a cluster, that does nothing but listen. */
export interface NodeRedisSubscriber {
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  sendCommand(...args: never[]): Promise<unknown>;
}

export type RedisSubscriber = IoredisSubscriber | NodeRedisSubscriber;

/** Listeners, and the subscription that feeds them while there are any. */
export interface RedisWatch {
  add(listener: (change: StoreChange) => void): () => void;
  close(): Promise<void>;
}

/** What is published of a change. */
export function message(kind: StoreChange["kind"], id = ""): string {
  return `${kind} ${id}`;
}

/**
 * Listens on a channel.
 *
 * @throws {ConfigError} when the subscriber is no client that can.
 */
export function redisWatch(subscriber: RedisSubscriber, channel: string): RedisWatch {
  for (const method of ["subscribe", "unsubscribe", "on", "off"] as const) {
    if (typeof subscriber?.[method] === "function") continue;
    throw new ConfigError(
      "subscriber",
      "must be a client of redis, ioredis or iovalkey, and another one than `client`",
    );
  }
  const listeners = new Set<(change: StoreChange) => void>();
  let ending: (() => Promise<unknown>) | undefined;

  function tell(change: StoreChange): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch {
        // It was a hint. One listener's trouble is nothing to the others.
      }
    }
  }

  function heard(reply: unknown): void {
    const published = text(reply);
    const space = published.indexOf(" ");
    const kind = published.slice(0, space);
    const id = published.slice(space + 1);
    if (kind === "session" || kind === "user") tell({ kind, id });
    else tell({ kind: "everything" });
  }

  // What was published before the subscription was there, or while the connection was down, is lost,
  // and nobody knows what it was.
  const missed = (): void => tell({ kind: "everything" });
  const gaps = ["close", "error", "ready"] as const;

  function begin(): () => Promise<unknown> {
    for (const gap of gaps) subscriber.on(gap, missed);
    const end = listen(subscriber, channel, heard, missed);
    return () => {
      for (const gap of gaps) subscriber.off(gap, missed);
      return end();
    };
  }

  async function stop(): Promise<void> {
    const end = ending;
    ending = undefined;
    // A connection that is gone listens no more, which is what was asked for.
    await end?.().catch(() => undefined);
  }

  return {
    add(listener) {
      // One listener given twice is two.
      const own = (change: StoreChange): void => listener(change);
      listeners.add(own);
      ending ??= begin();
      return () => {
        listeners.delete(own);
        if (listeners.size === 0) void stop();
      };
    },
    async close() {
      listeners.clear();
      await stop();
    },
  };
}

function listen(
  subscriber: RedisSubscriber,
  channel: string,
  heard: (message: unknown) => void,
  missed: () => void,
): () => Promise<unknown> {
  // ioredis has `call`; its messages come as events.
  if ("call" in subscriber) {
    const { subscribe, unsubscribe, on, off } = subscriber as IoredisSubscriber;
    const onMessage = (from: string, published: string): void => {
      if (from === channel) heard(published);
    };
    on.call(subscriber, "message", onMessage);
    subscribe.call(subscriber, channel).then(missed, missed);
    return () => {
      off.call(subscriber, "message", onMessage);
      return unsubscribe.call(subscriber, channel);
    };
  }
  const { subscribe, unsubscribe } = subscriber as NodeRedisSubscriber;
  const begun = subscribe.call(subscriber, channel, heard).then(missed, missed);
  return async () => {
    await begun;
    await unsubscribe.call(subscriber, channel, heard);
  };
}
