// What an app writes that has installed nothing but coatcheck and the types of Node.
import { createServer } from "node:http";
import type { LoadedSession, Session, SessionOf, Sessions, SessionsOptions } from "coatcheck";
import { ConfigError, createSessions, isCoatcheckError } from "coatcheck";
import { coatcheck as forNode } from "coatcheck/adapters/node";
import { coatcheck as forWeb } from "coatcheck/adapters/web";
import type { SessionRecord, SessionStore } from "coatcheck/stores/contract";
import { memoryStore } from "coatcheck/stores/memory";

interface Shop {
  cart: string[];
  theme: "light" | "dark";
}

const store: SessionStore = memoryStore();
const options: SessionsOptions<Shop> = { secrets: [new Uint8Array(32)], store };
export const sessions: Sessions<Shop> = createSessions<Shop>(options);
export type AppSession = SessionOf<typeof sessions>;

export async function read(session: Session<Shop>): Promise<string[]> {
  const loaded: LoadedSession<Shop> = await session.load();
  // @ts-expect-error: the handle has no values, so a forgotten await cannot let anyone in
  session.userId;
  // @ts-expect-error: not one of the themes
  loaded.set("theme", "blue");
  // @ts-expect-error: no such key
  loaded.get("basket");
  const user: string | undefined = loaded.userId;
  return [...(loaded.get("cart") ?? []), user ?? "visitor"];
}

export const web: (request: Request) => Response | Promise<Response> = forWeb(
  sessions,
  async (_request, session) => Response.json(await read(session)),
);

export const server = createServer(
  forNode(sessions, async (_request, response) => {
    response.end();
  }),
);

export async function devices(): Promise<string[]> {
  const ids: string[] = [];
  for await (const device of sessions.list("ada")) ids.push(device.id);
  return ids;
}

export function optionOf(error: unknown): string | undefined {
  if (error instanceof ConfigError) return error.option;
  return isCoatcheckError(error) ? error.code : undefined;
}

export function idOf(record: SessionRecord): string {
  return record.id;
}
