"""Makes the values of `python-sessions.json` again, with the libraries that are installed.

    python3 make.py --check    says how many are the same, and fails when one is not
    python3 make.py            writes what the installed versions make

Values of versions that are not installed stay as they are. What holds random ids (the records of
Flask-Session, Beaker's encrypted cookies) cannot be made again to the byte, and is left alone.
"""

import hashlib
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).with_name("python-sessions.json")
vectors = json.loads(FILE.read_text())
time.time = lambda: 1763600000
made = 0
changed = []


def put(row, key, value):
    global made
    made += 1
    if row[key] != value:
        changed.append(f"{key}: {row[key]} -> {value}")
        row[key] = value


def default(text):
    return text.replace(" (default)", "")


def itsdangerous_values(values):
    import itsdangerous

    for row in values["signer"]:
        signer = itsdangerous.Signer(
            row["secret"],
            salt=default(row["salt"]),
            sep=default(row["sep"]),
            key_derivation=default(row["key_derivation"]),
            digest_method=getattr(hashlib, default(row["digest"])),
        )
        put(row, "signed", signer.sign(row["value"]).decode())
        if "derived_key_hex" in row:
            put(row, "derived_key_hex", signer.derive_key().hex())
    for row in values["timestamp_signer"]:
        signer = itsdangerous.TimestampSigner(
            row["secret"], salt=row["salt"], key_derivation=row["key_derivation"]
        )
        signer.get_timestamp = lambda at=row["time"]: at
        put(row, "signed", signer.sign("value").decode())
    for row in values["serializers"]:
        kwargs = {}
        if "key_derivation" in row:
            kwargs["key_derivation"] = row["key_derivation"]
        if "digest" in row:
            kwargs["digest_method"] = getattr(hashlib, row["digest"])
        serializer = getattr(itsdangerous, row["class"])(
            row["secret"], salt=row["salt"], signer_kwargs=kwargs
        )
        put(row, "token", serializer.dumps(row["obj"]))


def flask_values(values):
    import flask
    from flask.json.tag import TaggedJSONSerializer
    from flask.sessions import SecureCookieSessionInterface

    app = flask.Flask("make")
    app.secret_key = values["cookie_values"]["secret"]
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    for row in values["cookie_values"]["rows"]:
        if "cookie_value" in row:
            value = TaggedJSONSerializer().loads(row["tagged_json"])
            put(row, "cookie_value", serializer.dumps(value))


def django_values(values):
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes", "django.contrib.auth"]
    settings.configure(SECRET_KEY=values["SECRET_KEY"], INSTALLED_APPS=apps)
    django.setup()
    from django.contrib.auth.models import User
    from django.core import signing

    salts = {
        "db_session_data": "django.contrib.sessions.SessionStore",
        "file_content": "django.contrib.sessions.SessionStore",
        "signed_cookies_cookie_value": "django.contrib.sessions.backends.signed_cookies",
    }
    for row in values["payloads"]:
        put(row, "signing.dumps", signing.dumps(row["obj"]))
        put(row, "signing.dumps(compress)", signing.dumps(row["obj"], compress=True))
        for key, salt in salts.items():
            put(row, key, signing.dumps(row["obj"], salt=salt, compress=True))
    row = values["session_auth_hash"]
    put(row, "hash", User(password=row["password_field"]).get_session_auth_hash())


def beaker_values(values):
    from beaker.session import SignedCookie

    row = values["signed_id_cookie"]
    _, text = SignedCookie(row["secret"]).value_encode(row["id"])
    put(row, "cookie", f"beaker.session.id={text}")


MAKERS = {
    "itsdangerous": ("itsdangerous", itsdangerous_values),
    "flask": ("Flask", flask_values),
    "django": ("Django", django_values),
    "beaker": ("Beaker", beaker_values),
}

for name, (package, make) in MAKERS.items():
    key = f"{name}-{version(package)}"
    if key in vectors[name]:
        make(vectors[name][key])
        print(f"{key}: made again")

print(f"{made} values, {len(changed)} of them other ones")
for line in changed:
    print(line)
if "--check" in sys.argv:
    sys.exit(1 if changed or made == 0 else 0)
FILE.write_text(json.dumps(vectors, indent=1))
