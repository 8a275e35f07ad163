"""PyPI mozilla-django-oidc in a Django application of one file: sign-in, silent renewal, sign-out, acting as somebody."""
import tempfile
import threading
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
import httpx
from django.conf import settings

from lib import Person, facts

it = facts()
metadata = httpx.get(it["issuer"] + "/.well-known/openid-configuration", trust_env=False).raise_for_status().json()
folder = tempfile.TemporaryDirectory()
settings.configure(
    ROOT_URLCONF="application",
    SECRET_KEY="of the test, and long enough for everything",
    ALLOWED_HOSTS=["127.0.0.1"],
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder.name}/db"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "mozilla_django_oidc"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "mozilla_django_oidc.middleware.SessionRefresh",
    ],
    AUTHENTICATION_BACKENDS=["application.Backend"],
    LOGIN_REDIRECT_URL="/me",
    LOGIN_REDIRECT_URL_FAILURE="/failed",
    OIDC_RP_CLIENT_ID=it["client_id"],
    OIDC_RP_CLIENT_SECRET=it["client_secret"],
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_RP_SCOPES="openid email profile",
    OIDC_OP_AUTHORIZATION_ENDPOINT=metadata["authorization_endpoint"],
    OIDC_OP_TOKEN_ENDPOINT=metadata["token_endpoint"],
    OIDC_OP_USER_ENDPOINT=metadata["userinfo_endpoint"],
    OIDC_OP_JWKS_ENDPOINT=metadata["jwks_uri"],
    OIDC_USE_PKCE=True,
    OIDC_STORE_ID_TOKEN=True,
    OIDC_EXEMPT_URLS=["/age"],
)
django.setup()

from django.core.management import call_command  # after the settings
from django.core.wsgi import get_wsgi_application

call_command("migrate", verbosity=0)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", urlsplit(it["application"]).port, get_wsgi_application(), handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()


class Browser:
    """The person's browser at the application."""

    def __init__(self, person):
        self.person = Person(it["issuer"], **person)
        self.http = httpx.Client(base_url=it["application"], trust_env=False)

    def away(self, path):
        answer = self.http.get(path)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def sign_in(self, start):
        page = self.person.open(start)
        callback = page if isinstance(page, str) else self.person.sign_in(page)
        assert callback.split("?")[0] == it["redirect_uri"], callback
        return self.away(callback)

    def me(self):
        return self.http.get("/me").raise_for_status().json()


def normal():
    alice = Browser(it["person"])
    assert alice.sign_in(alice.away("/oidc/authenticate/")) == "/me"
    me = alice.me()
    assert me["email"] == it["person"]["email"] and me["profile"]["sub"] == it["subject"], me
    assert "impersonated" not in me["profile"], me

    # After fifteen minutes SessionRefresh asks with `prompt=none`, and goes on where the person was.
    alice.http.get("/age").raise_for_status()
    to = alice.away("/me")
    assert parse_qs(urlsplit(to).query)["prompt"] == ["none"], to
    assert alice.sign_in(to) == "/me"
    assert alice.me()["email"] == it["person"]["email"]

    # Signed out here, the next renewal is told `login_required`, and Django signs out too.
    hint = {"id_token_hint": me["id_token"], "post_logout_redirect_uri": it["application"] + "/"}
    assert alice.person.open(f"{metadata['end_session_endpoint']}?{urlencode(hint)}") == it["application"] + "/"
    alice.http.get("/age").raise_for_status()
    callback = alice.person.open(alice.away("/me"))
    assert parse_qs(urlsplit(callback).query)["error"] == ["login_required"], callback
    assert alice.away(callback) == "/failed"
    assert alice.me() is None


def impersonated():
    grant = {"grant_type": "client_credentials", "client_id": it["global_id"], "client_secret": it["global_secret"]}
    http = httpx.Client(base_url=it["issuer"], trust_env=False)
    token = http.post("/oauth/token", data=grant).raise_for_status().json()["access_token"]
    asked = {"protocol": "oauth2", "impersonator_id": it["actor"], "client_id": it["client_id"], "reason": "a story"}
    link = http.post(f"/users/{it['subject']}/impersonate", json=asked, headers={"authorization": f"Bearer {token}"})
    assert link.status_code == 200, link.text

    sam = Browser(it["agent"])
    initiation = sam.person.submit(sam.person.sign_in(sam.person.open(link.text)))
    assert initiation.split("?")[0] == it["application"] + "/login", initiation
    to = sam.away(initiation)
    assert sam.sign_in(sam.away(to)) == "/me"
    me = sam.me()
    assert me["email"] == it["person"]["email"], me
    assert me["profile"]["impersonated"] is True
    assert me["profile"]["impersonator"] == {"user_id": it["actor"], "email": it["agent"]["email"]}


normal()
impersonated()
server.shutdown()
