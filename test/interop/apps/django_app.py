"""A Django app with its users, its session in the cookie or in the database."""

import json

import django
from common import answer, change, serve, settings
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.urls import path

options = settings()
django_settings.configure(
    SECRET_KEY="dj-secret",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": options["database"]}},
    SESSION_ENGINE=f"django.contrib.sessions.backends.{options['engine']}",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import login, logout  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

call_command("migrate", verbosity=0)
for name in ["ada", "bob"]:
    User.objects.create_user(name, password=f"{name}'s password")


def operate(request):
    wanted = json.loads(request.body)
    # Asking who it is makes Django check the password's hash.
    request.user.is_authenticated
    session, op = request.session, wanted["op"]
    if op == "sign-in":
        login(request, User.objects.get(pk=wanted["value"]))
    elif op == "sign-out":
        logout(request)
    elif op == "expiry":
        session.set_expiry(wanted["value"])
    else:
        change(session, wanted)
    return HttpResponse(answer(session.items()))


urlpatterns = [path("", operate)]
serve(get_wsgi_application())
