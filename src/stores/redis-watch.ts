/**
 * Tells listeners what other processes have changed, by the publications of a Redis store.
 *
 * What was published while nobody listened is not known, so whenever listening begins everything counts
 * as changed. A pulse goes the whole way round: while none comes back, nothing is heard, whatever the
 * client takes its connection for.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { StoreChange } from "./contract.ts";
import { refuseLegacyMode } from "./redis-client.ts";
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

type Listener = (change: StoreChange) => void;

/** Listeners, and the subscription that feeds them while there are any. */
export interface RedisWatch {
  add(listener: Listener): () => void;
  close(): void;
}

/** What is published of a change. */
export function message(kind: StoreChange["kind"], id = ""): string {
  return `${kind} ${id}`;
}

/** What is published to find out whether it is heard. */
export const PULSE = "pulse";

const PULSE_MS = 10_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Listens on a channel.
 *
 * @param pulse - publishes a pulse
 * @param pulseMs - how often, while it is heard
 * @throws {ConfigError} when the subscriber is no client that can.
 */
export function redisWatch(
  subscriber: RedisSubscriber,
  channel: string,
  pulse: () => Promise<unknown>,
  pulseMs: number = PULSE_MS,
): RedisWatch {
  for (const method of ["subscribe", "unsubscribe", "on", "off"] as const) {
    if (typeof subscriber?.[method] === "function") continue;
    throw new ConfigError(
      "subscriber",
      "must be a client of redis, ioredis or iovalkey, and another one than `client`",
    );
  }
  refuseLegacyMode("subscriber", subscriber);
  const listeners = new Set<Listener>();
  let subscription: Subscription | undefined;
  let isClosed = false;
  let isHearing = false;
  let hasPulse = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = SHORTEST_PAUSE_MS;

  function tell(change: StoreChange, whom: Iterable<Listener> = [...listeners]): void {
    for (const listener of whom) {
      try {
        listener(change);
      } catch {
        // It was a hint. One listener's trouble is nothing to the others.
      }
    }
  }

  function heard(reply: unknown): void {
    hasPulse = true;
    if (!isHearing) {
      isHearing = true;
      pause = SHORTEST_PAUSE_MS;
      tell({ kind: "everything" });
    }
    const published = text(reply);
    if (published === PULSE) return;
    const space = published.indexOf(" ");
    const kind = published.slice(0, space);
    const id = published.slice(space + 1);
    if (kind === "session" || kind === "user") tell({ kind, id });
    else tell({ kind: "everything" });
  }

  function lost(): void {
    if (!isHearing) return;
    isHearing = false;
    tell({ kind: "lost" });
    later(pause);
  }

  // The connection is a new one, and takes the subscription along in its own time.
  function found(): void {
    lost();
    pause = SHORTEST_PAUSE_MS;
    beat();
  }

  function beat(): void {
    if (!hasPulse) lost();
    hasPulse = false;
    if (!isHearing) subscription?.subscribe();
    pulse().catch(() => undefined);
    later(isHearing ? pulseMs : pause);
    if (!isHearing) pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  function later(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(beat, ms);
    (timer as { unref?: () => void }).unref?.();
  }

  const events = [
    ["close", lost],
    ["error", lost],
    ["ready", found],
  ] as const;

  function begin(): void {
    for (const [event, listener] of events) subscriber.on(event, listener);
    // One that was ended may still hear, and says nothing about this one.
    const own: Subscription = subscriptionOf(subscriber, channel, (published) => {
      if (subscription === own) heard(published);
    });
    subscription = own;
    beat();
  }

  function stop(): void {
    clearTimeout(timer);
    for (const [event, listener] of events) subscriber.off(event, listener);
    const before = subscription;
    subscription = undefined;
    isHearing = false;
    // Not waited for: a connection that is gone would not answer, and listens no more either.
    before?.end().catch(() => undefined);
  }

  return {
    add(listener) {
      // One listener given twice is two.
      const own: Listener = (change) => listener(change);
      listeners.add(own);
      if (!isHearing) tell({ kind: "lost" }, [own]);
      if (subscription === undefined && !isClosed) begin();
      return () => {
        if (listeners.delete(own) && listeners.size === 0) stop();
      };
    },
    close() {
      isClosed = true;
      listeners.clear();
      stop();
    },
  };
}

interface Subscription {
  /** Subscribes; it may be subscribed already, or have failed before. */
  subscribe(): void;
  end(): Promise<unknown>;
}

function subscriptionOf(
  subscriber: RedisSubscriber,
  channel: string,
  heard: (message: unknown) => void,
): Subscription {
  let begun: Promise<unknown> = Promise.resolve();
  // ioredis has `call`; its messages come as events.
  if ("call" in subscriber) {
    const { subscribe, unsubscribe, on, off } = subscriber as IoredisSubscriber;
    const onMessage = (from: string, published: string): void => {
      if (from === channel) heard(published);
    };
    on.call(subscriber, "message", onMessage);
    return {
      subscribe() {
        subscribe.call(subscriber, channel).catch(() => undefined);
      },
      end() {
        off.call(subscriber, "message", onMessage);
        return unsubscribe.call(subscriber, channel);
      },
    };
  }
  const { subscribe, unsubscribe } = subscriber as NodeRedisSubscriber;
  return {
    subscribe() {
      begun = subscribe.call(subscriber, channel, heard).catch(() => undefined);
    },
    async end() {
      await begun;
      await unsubscribe.call(subscriber, channel, heard);
    },
  };
}
