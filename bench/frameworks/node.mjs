/**
 * A bare `node:http` listener; with connect-style middleware (`plug`), or inside of what a library
 * makes of a listener (`wrap`).
 *
 * @module
 */

export async function listener({ plug, wrap }, handlers) {
  const handle = (req, res) => {
    const { url } = req;
    const cut = url.indexOf("?");
    const handler = handlers.get(cut < 0 ? url : url.slice(0, cut));
    const answer = handler(() => new URLSearchParams(url.slice(cut + 1)), req, res);
    if (typeof answer !== "string") return answer.then((text) => void res.end(text));
    res.end(answer);
  };
  if (wrap !== undefined) return wrap(handle);
  const run = (req, res) => handle(req, res)?.catch((error) => fail(res, error));
  if (plug === undefined) return run;
  return (req, res) => {
    plug(req, res, (error) => {
      if (error) fail(res, error);
      else run(req, res);
    });
  };
}

function fail(res, error) {
  res.statusCode = 500;
  res.end(error.stack);
}
