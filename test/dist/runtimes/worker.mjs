// The smoke program for workerd, the runtime of Cloudflare Workers. What a Worker makes outside its
// handlers may neither wait nor draw random numbers: sessions have to be made there all the same.
import { coatcheck } from "./dist/adapters/web.js";
import { createSessions } from "./dist/index.js";
import { memoryStore } from "./dist/stores/memory.js";
import secret from "./secret.txt";
import { smoke } from "./smoke.mjs";

const sessions = createSessions({ secrets: [secret], store: memoryStore() });
const handler = coatcheck(sessions, async (_request, session) => {
  await session.signIn("ada");
  return new Response((await session.load()).userId);
});

export default {
  async test() {
    const response = await handler(new Request("https://shop.example/"));
    console.log(await response.text(), response.headers.getSetCookie().length);
    await smoke({ createSessions, coatcheck, stores: { memory: () => memoryStore() } });
  },
};
