"""The measured requests, how a correct answer looks, and the goals for its cost.

The goals are the column "ours at most" of PERFORMANCE.md: CPU seconds of the server, and of Postgres, for 1,000.
"""

import base64
import dataclasses
import datetime
import hashlib
import json
import typing
import urllib.parse
import zlib

from browser import Browser

CALLBACK = "https://app.bench.test/callback"
VERIFIER = "bench-verifier-0123456789-0123456789-0123456789"
FORM = "application/x-www-form-urlencoded"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Signing these takes about ten of the sixty seconds that an assertion is valid.
ASSERTIONS = 12000
AGENTS, SUBJECTS = 8, 32
# Runs last, because password hashing takes more memory than the others and is not part of the peak.
PASSWORD = "password sign-in"
SECRETS = {
    "bench-global": "bench-global-secret-0123456789abcdef",
    "bench-machine": "bench-machine-secret-0123456789abcdef",
    "bench-web-es256": "bench-web-secret-0123456789abcdef",
    "bench-web-rs256": "bench-web-secret-0123456789abcdef",
    "bench-box": "bench-box-secret-0123456789abcdef",
}


def basic(client):
    pair = f"{client}:{SECRETS[client]}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def challenge():
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclasses.dataclass
class Operation:
    """`run(load, seconds)` is one measured run."""

    run: typing.Callable
    server: float
    postgres: typing.Optional[float] = None

    def goal(self, process):
        return getattr(self, process)


class Operations:
    def __init__(self, base, folder, key):
        self.links, self.key = folder / "links.txt", key
        self.assertions = folder / "assertions.txt"
        self.browser = Browser(base)
        self.browser.sign_in(self.authorize("bench-web-es256", "openid"),
                             "person@bench.test", "bench-password-of-pat")

    def all(self):
        machine = {"grant_type": "client_credentials", "scope": "reports.read"}
        jwt = {**machine, "audience": "https://api.bench.test"}
        return {
            "jwks": self.get("/.well-known/jwks.json", '"keys"', 0.022, None),
            "discovery": self.get("/.well-known/openid-configuration", '"issuer"', 0.022, None),
            "client_credentials opaque": self.credentials(machine, 0.11, 0.25),
            "client_credentials JWT ES256": self.credentials(jwt, 0.08, 0.05),
            "introspection": Operation(self.introspect, 0.09, 0.06),
            "userinfo": Operation(self.userinfo, 0.10, 0.06),
            "code flow ES256": self.code_flow("bench-web-es256", 0.45, 0.8),
            "code flow RS256": self.code_flow("bench-web-rs256", 1.4, 0.8),
            "refresh ES256": self.refresh("bench-web-es256", 0.35, 0.4),
            "refresh RS256": self.refresh("bench-web-rs256", 1.2, 0.4),
            "impersonate": Operation(self.impersonate, 0.30, 0.4),
            "redeem direct": Operation(self.redeem, 0.30, 0.6),
            "SAML Response, one signature": self.saml("bench-saml-one", 1.25, 0.3),
            "SAML Response, both signatures": self.saml("bench-saml", 2.2, 0.3),
            "WS-Fed response": self.signed_in(self.wsfed(), 'name="wresult"', 1.25, 0.3),
            "JWT grant": Operation(self.jwt_grant, 0.22, 0.4),
            "As-User call": self.by_service("/2.0/users/me", "subject-01", 0.18, 0.25),
            "As-User call, 64 connections": self.by_service("/2.0/users/me", "subject-01", 0.14, 0.15, 64),
            "forward-auth": self.by_service("/forward-auth?scope=root_readwrite", None, 0.09, 0.06),
            "forward-auth with As-User": self.by_service("/forward-auth?scope=root_readwrite", "subject-01", 0.18, 0.25),
            "forward-auth with As-User, 64 connections":
                self.by_service("/forward-auth?scope=root_readwrite", "subject-01", 0.14, 0.15, 64),
            PASSWORD: Operation(self.password, 26),
        }

    # One request, over and over.

    def get(self, path, piece, server, postgres):
        settings = {"method": "GET", "path": path, "status": 200, "piece": piece}
        return Operation(lambda load, seconds: load.wrk("steady.lua", settings, seconds),
                         server, postgres)

    def signed_in(self, path, piece, server, postgres):
        """A page for the person who is signed in."""
        settings = {"method": "GET", "path": path, "status": 200, "piece": piece,
                    "headers": {"Cookie": self.browser.cookie_header()}}
        return Operation(lambda load, seconds: load.wrk("steady.lua", settings, seconds),
                         server, postgres)

    def wsfed(self):
        query = {"wa": "wsignin1.0", "wtrealm": "urn:bench:wsfed", "wctx": "bench"}
        return "/wsfed/bench-wsfed?" + urllib.parse.urlencode(query)

    def credentials(self, body, server, postgres):
        settings = {"method": "POST", "path": "/oauth/token", "status": 200,
                    "headers": {"Authorization": basic("bench-machine"), "Content-Type": FORM},
                    "body": urllib.parse.urlencode(body), "piece": '"access_token"'}
        return Operation(lambda load, seconds: load.wrk("steady.lua", settings, seconds),
                         server, postgres)

    def introspect(self, load, seconds):
        token = self.token("bench-machine", {"grant_type": "client_credentials"})["access_token"]
        return load.wrk("steady.lua", {
            "method": "POST", "path": "/oauth/introspect", "status": 200,
            "headers": {"Authorization": basic("bench-machine"), "Content-Type": FORM},
            "body": urllib.parse.urlencode({"token": token}), "piece": '"active":true'}, seconds)

    def userinfo(self, load, seconds):
        token = self.by_code("bench-web-es256", "openid profile email")["access_token"]
        return load.wrk("steady.lua", {
            "method": "GET", "path": "/userinfo", "status": 200,
            "headers": {"Authorization": f"Bearer {token}"},
            "piece": '"email":"person@bench.test"'}, seconds)

    def password(self, load, seconds):
        """The same form again and again: each makes a session of its own."""
        form = "/login", "person@bench.test", "bench-password-of-pat"
        onward = Browser(self.browser.base).sign_in(*form)
        browser = Browser(self.browser.base)
        action, body, headers = browser.filled_in(*form)
        return load.wrk("steady.lua", {
            "method": "POST", "path": action, "status": 303, "piece": "", "told": "location", "value": onward,
            "headers": {**headers, "Cookie": browser.cookie_header(), "Content-Type": FORM},
            "body": urllib.parse.urlencode(body)}, seconds)

    def saml(self, client, server, postgres):
        """A service provider asks by redirect, and the user is signed in already."""
        def run(load, seconds):
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            request = (f'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_bench" '
                       f'Version="2.0" IssueInstant="{now}"><saml:Issuer '
                       f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:bench:{client}</saml:Issuer>'
                       f'</samlp:AuthnRequest>')
            deflate = zlib.compressobj(wbits=-15)
            deflated = deflate.compress(request.encode()) + deflate.flush()
            query = urllib.parse.urlencode({"SAMLRequest": base64.b64encode(deflated).decode(),
                                            "RelayState": "bench"})
            return load.wrk("steady.lua", {
                "method": "GET", "path": f"/samlp/{client}?{query}", "status": 200,
                "headers": {"Cookie": self.browser.cookie_header()},
                "piece": 'name="SAMLResponse"'}, seconds)

        return Operation(run, server, postgres)

    def by_service(self, path, subject, server, postgres, connections=8):
        """The application's service account calls, as itself or as another user."""
        forward_auth = path.startswith("/forward-auth")
        piece = "" if forward_auth else f'"id":"{subject}"'
        named = {"As-User": subject} if subject else {}
        # Only calls of an impersonation have a mode.
        told = {"told": "x-impersonation-mode", "value": "full" if subject else ""}
        told = told if forward_auth else {}

        def run(load, seconds):
            bearer = {"Authorization": f"Bearer {self.box_token('enterprise', 'bench')}"}
            return load.wrk("steady.lua", {"method": "GET", "path": path, "status": 200,
                                           "headers": {**bearer, **named}, "piece": piece, **told},
                            seconds, connections)

        return Operation(run, server, postgres)

    # Requests that build on each other.

    def code_flow(self, client, server, postgres):
        body = {"grant_type": "authorization_code", "redirect_uri": CALLBACK,
                "code_verifier": VERIFIER}

        def run(load, seconds):
            return load.wrk("code_flow.lua", {
                "authorize": self.authorize(client, "openid profile email"),
                "cookie": self.browser.cookie_header(), "token": "/oauth/token",
                "headers": {"Authorization": basic(client), "Content-Type": FORM},
                "body": urllib.parse.urlencode(body)}, seconds)

        return Operation(run, server, postgres)

    def refresh(self, client, server, postgres):
        def run(load, seconds):
            # New tokens for each run, because answers that wrk did not read any more have used up the old families.
            tokens = [self.by_code(client, "openid offline_access")["refresh_token"]
                      for _ in range(16)]
            return load.wrk("refresh.lua", {
                "token": "/oauth/token", "refresh_tokens": tokens,
                "headers": {"Authorization": basic(client), "Content-Type": FORM},
                "body": "grant_type=refresh_token"}, seconds)

        return Operation(run, server, postgres)

    def impersonate(self, load, seconds, links=None):
        token = self.token("bench-global", {"grant_type": "client_credentials"})["access_token"]
        body = {"protocol": "oauth2", "impersonator_id": "ACTOR", "client_id": "bench-web-es256",
                "ttl": 60, "additionalParameters": {"response_type": "code", "scope": "openid",
                                                    "state": "bench", "callback_url": CALLBACK}}
        return load.wrk("impersonate.lua", {
            "headers": {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            "body": json.dumps(body), "agents": AGENTS, "subjects": SUBJECTS,
            "links": links}, seconds)

    def redeem(self, load, seconds):
        """Opens links that were made just before: they live for a minute."""
        self.links.unlink(missing_ok=True)
        self.impersonate(load, seconds, str(self.links))
        return load.wrk("redeem.lua", {"links": str(self.links)}, seconds)

    def jwt_grant(self, load, seconds):
        """Tokens for an app user; until the assertions are used up, if that is before the time."""
        user = self.app_user()
        with open(self.assertions, "w", encoding="ascii") as file:
            file.writelines(self.assertion("user", user) + "\n" for _ in range(ASSERTIONS))
        return load.wrk("assertions.lua", {
            "token": "/oauth2/token", "assertions": str(self.assertions),
            "headers": {"Content-Type": FORM}, "body": urllib.parse.urlencode(self.box_form())}, seconds)

    # Single steps, not measured.

    def assertion(self, kind, subject):
        return self.key.assertion(iss="bench-box", sub=subject, box_sub_type=kind,
                                  aud=self.browser.base + "/oauth2/token")

    def box_form(self):
        return {"grant_type": JWT_BEARER, "client_id": "bench-box", "client_secret": SECRETS["bench-box"]}

    def box_token(self, kind, subject):
        form = {**self.box_form(), "assertion": self.assertion(kind, subject)}
        status, _, text = Browser(self.browser.base).send("POST", "/oauth2/token", form)
        if status != 200:
            raise SystemExit(f"No token for {subject}: {status} {text[:300]}")
        return json.loads(text)["access_token"]

    def app_user(self):
        """Creates one and returns its id."""
        bearer = {"Authorization": f"Bearer {self.box_token('enterprise', 'bench')}"}
        status, _, text = Browser(self.browser.base).send(
            "POST", "/2.0/users", json.dumps({"name": "App User", "is_platform_access_only": True}), bearer)
        if status != 201:
            raise SystemExit(f"No app user: {status} {text[:300]}")
        return json.loads(text)["id"]

    def authorize(self, client, scope):
        query = {"client_id": client, "redirect_uri": CALLBACK, "response_type": "code",
                 "scope": scope, "state": "bench", "nonce": "bench-nonce",
                 "code_challenge": challenge(), "code_challenge_method": "S256"}
        return "/authorize?" + urllib.parse.urlencode(query)

    def token(self, client, body):
        status, _, text = Browser(self.browser.base).send(
            "POST", "/oauth/token", body, {"Authorization": basic(client)})
        if status != 200:
            raise SystemExit(f"No token for {client}: {status} {text[:300]}")
        return json.loads(text)

    def by_code(self, client, scope):
        location, _ = self.browser.open(self.authorize(client, scope))
        answer = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
        if "code" not in answer:
            raise SystemExit(f"No code for {client}: {location}")
        return self.token(client, {"grant_type": "authorization_code", "code": answer["code"][0],
                                   "redirect_uri": CALLBACK, "code_verifier": VERIFIER})
