"""A WSGI app with Beaker's middleware, its session in the cookie or in a back end."""

import json

from beaker.middleware import SessionMiddleware
from common import answer, change, serve, settings


def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    request = json.loads(environ["wsgi.input"].read(size))
    session = environ["beaker.session"]
    change(session, request)
    if request["op"] != "read":
        session.save()
    body = answer(session)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode()]


serve(SessionMiddleware(application, {f"session.{k}": v for k, v in settings().items()}))
