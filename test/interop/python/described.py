"""Values in a form that Python and JavaScript can both say, kinds and all. `describe.ts` has the other half."""

import datetime
import uuid

from markupsafe import Markup

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


def describe(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Markup):
        return {"$": "markup", "v": str(value)}
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$": "int", "v": str(value)}
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return {"$": "float", "v": str(value)}
        if value == 0 and str(value) == "-0.0":
            return {"$": "float", "v": "-0"}
        if value == int(value):
            return int(value) if abs(value) < 2**53 else {"$": "float", "v": repr(value)}
        return value
    if isinstance(value, (bytes, bytearray)):
        return {"$": "bytes", "v": bytes(value).hex()}
    if isinstance(value, list):
        return [describe(item) for item in value]
    if isinstance(value, tuple):
        return {"$": "tuple", "v": [describe(item) for item in value]}
    if isinstance(value, (set, frozenset)):
        return {"$": "set", "v": [describe(item) for item in value]}
    if isinstance(value, datetime.datetime):
        naive = value.tzinfo is None
        moment = (value.replace(tzinfo=UTC) if naive else value) - EPOCH
        return {"$": "datetime", "v": moment // datetime.timedelta(milliseconds=1), "naive": naive}
    if isinstance(value, datetime.date):
        return {"$": "date", "v": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"$": "timedelta", "v": describe(value.total_seconds())}
    if isinstance(value, uuid.UUID):
        return {"$": "uuid", "v": value.hex}
    if isinstance(value, dict):
        return {"$": "dict", "v": [[describe(k), describe(v)] for k, v in value.items()]}
    return {"$": "other", "v": type(value).__name__}


def undescribe(described):
    if isinstance(described, list):
        return [undescribe(item) for item in described]
    if not isinstance(described, dict):
        return described
    kind, content = described["$"], described["v"]
    if kind == "int":
        return int(content)
    if kind == "float":
        return float(content)
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "tuple":
        return tuple(undescribe(item) for item in content)
    if kind == "set":
        return set(undescribe(item) for item in content)
    if kind == "dict":
        return {undescribe(k): undescribe(v) for k, v in content}
    if kind == "markup":
        return Markup(content)
    if kind == "uuid":
        return uuid.UUID(content)
    if kind == "date":
        return datetime.date.fromisoformat(content)
    if kind == "timedelta":
        return datetime.timedelta(seconds=content)
    if kind == "datetime":
        moment = EPOCH + datetime.timedelta(milliseconds=content)
        return moment.replace(tzinfo=None) if described["naive"] else moment
    raise ValueError(kind)
