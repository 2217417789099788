"""A Flask app with Flask-Login, its session in the cookie or, with Flask-Session, behind an id."""

import json
from decimal import Decimal

import flask
import flask_login
from common import answer, change, serve, settings

options = settings()
app = flask.Flask("interop")
app.config.update(options["config"])
if "redis_port" in options:
    import redis

    app.config["SESSION_REDIS"] = redis.Redis(port=options["redis_port"])
if "SESSION_TYPE" in options["config"]:
    from flask_session import Session

    Session(app)

login = flask_login.LoginManager(app)
# A session whose `_id` is not of this client is thrown away.
login.session_protection = "strong"


class User(flask_login.UserMixin):
    def __init__(self, name):
        self.id = name


@login.user_loader
def load_user(name):
    return User(name)


@app.post("/")
def operate():
    request = flask.request.get_json()
    session, op = flask.session, request["op"]
    # Asking who it is makes Flask-Login check the session. It is not asked for visitors: what has no `_id`
    # fails its check, whoever wrote it.
    is_known = "_user_id" in session and flask_login.current_user.is_authenticated
    if op == "flash":
        flask.flash(request["value"], request["key"])
    elif op == "take":
        flask.get_flashed_messages(with_categories=True)
    elif op == "owe":
        session["owed"] = Decimal(request["value"])
    elif op == "owes":
        return json.dumps([session.get("_user_id"), str(session.get("owed"))])
    elif op == "permanent":
        session.permanent = request["value"]
    elif op == "sign-in":
        flask_login.login_user(User(request["value"]))
    elif op == "sign-out":
        if is_known:
            flask_login.logout_user()
    else:
        change(session, request)
    if op == "owe":
        return "{}"
    return answer(session)


serve(app)
