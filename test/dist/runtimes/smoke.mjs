// A session from beginning to end through the installed package, the same under every runtime and
// module system. What it prints is compared with what it must print.

export async function smoke({ createSessions, coatcheck, stores }) {
  for (const [name, openStore] of Object.entries(stores)) {
    for (const method of ["stored", "sealed"]) {
      const secrets = [crypto.getRandomValues(new Uint8Array(32))];
      const sessions = createSessions({ secrets, method, store: openStore(method) });
      const handler = coatcheck(sessions, answer);
      const visit = browser(handler);

      console.log(`${name}, ${method}`);
      console.log("  a visitor:", await visit("/"));
      console.log("  puts tea into the cart:", await visit("/cart"));
      console.log("  signs in:", await visit("/sign-in"));
      console.log("  comes back:", await visit("/"));
      console.log("  somebody else:", await browser(handler)("/"));
      await sessions.revokeUser("ada");
      console.log("  is signed out everywhere:", await visit("/"));
      await sessions.close();
    }
  }
}

async function answer(request, session) {
  const { pathname } = new URL(request.url);
  if (pathname === "/sign-in") await session.signIn("ada");
  const loaded = await session.load();
  if (pathname === "/cart")
    loaded.set("cart", [{ tea: 2, since: new Date(0), ids: new Set([1n]) }]);
  const [first] = loaded.get("cart") ?? [];
  const known = first?.since instanceof Date && first.ids.has(1n);
  return Response.json({ user: loaded.userId, tea: first?.tea, known });
}

// Keeps cookies as a browser would, and says which ones came.
function browser(handler) {
  const jar = new Map();
  return async (path) => {
    const cookie = [...jar].map((pair) => pair.join("=")).join("; ");
    const headers = cookie === "" ? {} : { cookie };
    const response = await handler(new Request(`https://shop.example${path}`, { headers }));
    const came = response.headers.getSetCookie().map((line) => /^([^=]+)=([^;]*)/.exec(line));
    for (const [, name, value] of came) jar.set(name, value);
    return [response.status, await response.text(), ...came.map(([, name]) => name)].join(" ");
  };
}
