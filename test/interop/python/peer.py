"""The real Python libraries, asked over a line protocol: one JSON object a line, in and out.

    {"id": 1, "call": "flask_dumps", "args": {...}}
    {"id": 1, "result": ...}   or   {"id": 1, "error": "BadSignature"}

Values travel described, so that a tuple is told from a list and bytes from text: see `describe`.
It is started once and lives as long as the test file.
"""

import base64
import datetime
import io
import json
import os
import pickle
import sys
import tempfile
import time

CLOCK = {"at": None}
REAL_TIME = time.time
# Before the libraries are imported: some take the function by name.
time.time = lambda: REAL_TIME() if CLOCK["at"] is None else CLOCK["at"]

from described import UTC, describe, undescribe  # noqa: E402

CALLS = {}


def call(function):
    CALLS[function.__name__] = function
    return function


@call
def clock(at):
    """Stops the clock at these seconds; None lets it go on."""
    CLOCK["at"] = at


@call
def echo(value):
    return describe(undescribe(value))


# itsdangerous


def signer_of(kind, keys, salt, sep=".", derivation="django-concat", digest="sha1"):
    import hashlib

    import itsdangerous

    arguments = dict(
        salt=bytes.fromhex(salt),
        sep=sep,
        key_derivation=derivation,
        digest_method=getattr(hashlib, digest),
    )
    return getattr(itsdangerous, kind)([bytes.fromhex(key) for key in keys], **arguments)


@call
def sign(value, **how):
    return signer_of(**how).sign(value).decode()


@call
def unsign(signed, max_age=None, **how):
    signer = signer_of(**how)
    if max_age is not None:
        return signer.unsign(signed, max_age=max_age).decode()
    return signer.unsign(signed).decode()


def serializer_of(kind, keys, salt, derivation="django-concat", digest="sha1"):
    import hashlib

    import itsdangerous

    return getattr(itsdangerous, kind)(
        [bytes.fromhex(key) for key in keys],
        salt=bytes.fromhex(salt),
        signer_kwargs={"key_derivation": derivation, "digest_method": getattr(hashlib, digest)},
    )


@call
def dumps(value, **how):
    text = serializer_of(**how).dumps(undescribe(value))
    return text if isinstance(text, str) else text.decode()


@call
def loads(text, max_age=None, **how):
    serializer = serializer_of(**how)
    if max_age is not None:
        return describe(serializer.loads(text, max_age=max_age))
    return describe(serializer.loads(text))


# Flask


def flask_serializer(secret):
    import flask
    from flask.sessions import SecureCookieSessionInterface

    app = flask.Flask("peer")
    app.secret_key = secret
    return SecureCookieSessionInterface().get_signing_serializer(app)


@call
def flask_dumps(secret, value):
    return flask_serializer(secret).dumps(undescribe(value))


@call
def flask_loads(secret, text, max_age=None):
    return describe(flask_serializer(secret).loads(text, max_age=max_age))


@call
def login_identifier(address, agent):
    import flask
    from flask_login.utils import _create_identifier

    headers = {} if agent is None else {"User-Agent": agent}
    environ = {"REMOTE_ADDR": address}
    with flask.Flask("peer").test_request_context(headers=headers, environ_base=environ):
        return _create_identifier()


# Pickles and MessagePack


class Restricted(pickle.Unpickler):
    """Tests read their own pickles; even so, only data."""

    def find_class(self, module, name):
        if module == "datetime":
            return getattr(datetime, name)
        if (module, name) == ("builtins", "bytearray"):
            return bytearray
        raise pickle.UnpicklingError(f"{module}.{name}")


@call
def pickle_dumps(value, protocol):
    return base64.b64encode(pickle.dumps(undescribe(value), protocol)).decode()


def exact():
    """Values that hold more than their like in JavaScript does."""
    from datetime import date, datetime, timedelta, timezone

    east = timezone(timedelta(hours=5, minutes=30), "IST")
    return {
        "naive": datetime(2026, 10, 25, 2, 30, 0, 123456),
        "zone": datetime(2026, 6, 2, 3, 4, 5, 999999, east),
        "utc": datetime(2026, 6, 2, 3, 4, 5, 1, UTC),
        "first": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        "long": timedelta(days=999999999, microseconds=7),
        "bytes": [bytearray(b"\xff"), b"\xff"],
        "sets": {frozenset([1]): {(frozenset([2]), date(2026, 1, 1))}},
        "none": [frozenset(), set()],
    }


@call
def pickle_exact(protocol):
    return {"data": base64.b64encode(pickle.dumps(exact(), protocol)).decode(), "shown": repr(exact())}


@call
def pickle_shown(data):
    return repr(Restricted(io.BytesIO(base64.b64decode(data))).load())


@call
def pickle_loads(data):
    return describe(Restricted(io.BytesIO(base64.b64decode(data))).load())


@call
def msgpack_moments():
    """As msgspec writes a datetime, in each of the forms that the format has."""
    import msgpack

    moments = [(0, 1000), (1795280060, 999999000), (-1, 123456789), (2**34, 1), (5, 0)]
    return base64.b64encode(msgpack.packb([msgpack.Timestamp(*each) for each in moments])).decode()


@call
def msgpack_shown(data):
    import msgpack

    return repr(msgpack.unpackb(base64.b64decode(data)))


@call
def msgpack_dumps(value):
    import msgpack

    return base64.b64encode(msgpack.packb(undescribe(value), datetime=True)).decode()


@call
def msgpack_loads(data):
    import msgpack

    return describe(msgpack.unpackb(base64.b64decode(data), strict_map_key=False, timestamp=3))


# Django


def django_ready():
    import django
    from django.conf import settings

    if not settings.configured:
        folder = tempfile.mkdtemp(prefix="coatcheck-django-")
        FOLDERS.append(folder)
        os.mkdir(os.path.join(folder, "sessions"))
        settings.configure(
            SECRET_KEY="dj-secret",
            INSTALLED_APPS=[
                "django.contrib.contenttypes",
                "django.contrib.auth",
                "django.contrib.sessions",
            ],
            DATABASES={
                "default": {
                    "ENGINE": "django.db.backends.sqlite3",
                    "NAME": os.path.join(folder, "db.sqlite3"),
                }
            },
            CACHES={
                "default": {
                    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                    "LOCATION": "cache_table",
                }
            },
            SESSION_FILE_PATH=os.path.join(folder, "sessions"),
            USE_TZ=True,
        )
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        DJANGO["folder"] = os.path.join(folder, "sessions")


DJANGO = {}
FOLDERS = []


@call
def django_dumps(value, key, salt="django.core.signing", compress=False):
    django_ready()
    from django.core import signing

    return signing.dumps(undescribe(value), key=key, salt=salt, compress=compress)


@call
def django_loads(text, key, salt="django.core.signing", max_age=None):
    django_ready()
    from django.core import signing

    return describe(signing.loads(text, key=key, salt=salt, max_age=max_age))


def django_store(engine, key=None):
    django_ready()
    from importlib import import_module

    return import_module(f"django.contrib.sessions.backends.{engine}").SessionStore(key)


@call
def django_save(engine, data, expiry=None):
    store = django_store(engine)
    store.update(undescribe(data))
    if expiry is not None:
        store.set_expiry(undescribe(expiry))
    store.save()
    return store.session_key


@call
def django_load(engine, key):
    store = django_store(engine, key)
    return describe(dict(store.items()))


@call
def django_auth_hash(password, secret):
    django_ready()
    from django.contrib.auth.models import User
    from django.test import override_settings

    with override_settings(SECRET_KEY=secret):
        return User(username="ada", password=password).get_session_auth_hash()


@call
def django_record_read(layout, key):
    django_ready()
    from django.db import connection

    if layout == "file":
        path = os.path.join(DJANGO["folder"], key)
        return {"text": open(path).read()} if os.path.exists(path) else None
    table, name, value, end = DJANGO_TABLES[layout]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {value}, {end} FROM {table} WHERE {name} = %s", [key])
        row = cursor.fetchone()
    return None if row is None else {"text": row[0], "end": moment_of(row[1])}


@call
def django_record_write(layout, key, text, end):
    django_ready()
    from django.db import connection

    if layout == "file":
        with open(os.path.join(DJANGO["folder"], key), "w") as file:
            file.write(text)
        return
    table, name, value, end_column = DJANGO_TABLES[layout]
    moment = datetime.datetime.fromtimestamp(end, UTC).replace(tzinfo=None)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE {name} = %s", [key])
        cursor.execute(
            f"INSERT INTO {table} ({name}, {value}, {end_column}) VALUES (%s, %s, %s)",
            [key, text, moment.isoformat(" ")],
        )


DJANGO_TABLES = {
    "db": ("django_session", "session_key", "session_data", "expire_date"),
    "database-cache": ("cache_table", "cache_key", "value", "expires"),
}


def moment_of(value):
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return value.replace(tzinfo=value.tzinfo or UTC).timestamp()


# Beaker


@call
def beaker_cookie_make(data, options):
    """The cookie's value of a cookie session with this data."""
    from beaker.session import CookieSession

    request = {}
    session = CookieSession(request, **options)
    session.update(undescribe(data))
    session.save()
    return session.cookie[options.get("key", "beaker.session.id")].coded_value


@call
def beaker_cookie_read(text, options):
    from beaker.session import CookieSession

    name = options.get("key", "beaker.session.id")
    return describe(dict(CookieSession({"cookie": f"{name}={text}"}, **options)))


def beaker_options(options):
    return {**options, "secret": options["secret"]}


@call
def beaker_make(data, options):
    from beaker.session import Session

    request = {}
    session = Session(request, **beaker_options(options))
    session.update(undescribe(data))
    session.save()
    return {"id": session.id, "cookie": session.cookie["beaker.session.id"].coded_value}


@call
def beaker_read(text, options):
    from beaker.session import Session

    session = Session({"cookie": f"beaker.session.id={text}"}, **beaker_options(options))
    return {"data": describe(dict(session)), "new": session.is_new}


@call
def beaker_row_read(path, key):
    import sqlite3

    with sqlite3.connect(path) as connection:
        row = connection.execute(
            "SELECT data FROM beaker_cache WHERE namespace = ?", [key]
        ).fetchone()
    return None if row is None else base64.b64encode(row[0]).decode()


@call
def beaker_row_write(path, key, data):
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM beaker_cache WHERE namespace = ?", [key])
        connection.execute(
            "INSERT INTO beaker_cache (namespace, accessed, created, data)"
            " VALUES (?, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', ?)",
            [key, base64.b64decode(data)],
        )


# Redis, for records that are kept there


def redis_client(port):
    import redis

    return redis.Redis(port=port)


@call
def redis_read(port, key):
    client = redis_client(port)
    value = client.get(key)
    if value is None:
        return None
    return {"data": base64.b64encode(value).decode(), "ttl": client.pttl(key)}


@call
def redis_write(port, key, data, ttl):
    redis_client(port).set(key, base64.b64decode(data), px=ttl)


@call
def redis_remove(port, key):
    redis_client(port).delete(key)


# Flask-Session

FLASK_SESSION_APPS = {}


def flask_session_app(settings):
    import flask
    from flask_session import Session

    name = json.dumps(settings, sort_keys=True)
    if name in FLASK_SESSION_APPS:
        return FLASK_SESSION_APPS[name]
    app = flask.Flask("peer")
    config = {**settings}
    if "redis_port" in config:
        config["SESSION_REDIS"] = redis_client(config.pop("redis_port"))
    app.config.update(config)
    if config["SESSION_TYPE"] == "sqlalchemy":
        from flask_sqlalchemy import SQLAlchemy

        app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    Session(app)
    if config["SESSION_TYPE"] == "sqlalchemy":
        with app.app_context():
            app.config["SESSION_SQLALCHEMY"].create_all()

    @app.post("/set")
    def set_all():
        flask.session.update(undescribe(flask.request.get_json()))
        return ""

    @app.get("/get")
    def get_all():
        return json.dumps(describe(dict(flask.session)))

    FLASK_SESSION_APPS[name] = app
    return app


@call
def flask_session_set(settings, value):
    """The cookie of a new session with these values."""
    client = flask_session_app(settings).test_client(use_cookies=False)
    response = client.post("/set", json=value)
    return response.headers["Set-Cookie"].split(";")[0].split("=", 1)[1]


@call
def flask_session_get(settings, cookie):
    client = flask_session_app(settings).test_client(use_cookies=False)
    response = client.get("/get", headers={"Cookie": f"session={cookie}"})
    return json.loads(response.get_data(as_text=True))


@call
def session_row_read(path, key):
    import sqlite3

    with sqlite3.connect(path) as connection:
        row = connection.execute(
            "SELECT data, expiry FROM sessions WHERE session_id = ?", [key]
        ).fetchone()
    if row is None:
        return None
    return {"data": base64.b64encode(row[0]).decode(), "end": moment_of(row[1])}


@call
def session_row_write(path, key, data, end):
    import sqlite3

    moment = datetime.datetime.fromtimestamp(end, UTC).replace(tzinfo=None)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM sessions WHERE session_id = ?", [key])
        connection.execute(
            "INSERT INTO sessions (session_id, data, expiry) VALUES (?, ?, ?)",
            [key, base64.b64decode(data), moment.isoformat(" ", "microseconds")],
        )


@call
def sql(path, statement, args):
    """One statement on a SQLite file; the first row, if it gives any."""
    import sqlite3

    with sqlite3.connect(path, timeout=20) as connection:
        row = connection.execute(statement, args).fetchone()
    return None if row is None else list(row)


@call
def version(package):
    from importlib.metadata import version as version_of

    return version_of(package)


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = CALLS[request["call"]](**request["args"])
            answer = {"id": request["id"], "result": result}
        except Exception as error:  # noqa: BLE001: every refusal of a library is an answer
            answer = {"id": request["id"], "error": type(error).__name__, "text": str(error)}
        sys.__stdout__.write(json.dumps(answer) + "\n")
        sys.__stdout__.flush()
    import shutil

    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)


# What a library prints must not get between the lines.
sys.stdout = sys.stderr
main()
