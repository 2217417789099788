"""What the three apps have in common: a port of their own, and operations that a test asks for.

A request is `POST /` with `{"op": "set", "key": "a", "value": …}` as JSON; the answer is the session as it
is after that, described. `describe` in `../python/described.py` says how.
"""

import json
import os
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from described import describe, undescribe  # noqa: E402


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def serve(application):
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    print(f"ready {server.server_port}", flush=True)
    server.serve_forever()


def settings():
    """The JSON that the test has given."""
    return json.loads(sys.argv[1])


def change(session, request):
    """What every session can do. True when it was one of these."""
    op, key = request["op"], request.get("key")
    if op == "set":
        session[key] = undescribe(request["value"])
    elif op == "nest":
        inner = session.get(key)
        session[key] = {**(inner if isinstance(inner, dict) else {}), "inner": request["value"]}
    elif op == "pop":
        session.pop(key, None)
    elif op == "clear":
        session.clear()
    else:
        return op == "read"
    return True


def answer(session):
    return json.dumps(describe(dict(session)))
