"""Authlib signs a person in, with every check of its own switched on."""
import os
from urllib.parse import parse_qs, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http, as on every loopback address

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc6749.errors import MismatchingStateException
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from lib import IMPERSONATION, MARKS, Person, facts

it = facts()
http = httpx.Client(trust_env=False)
metadata = http.get(it["issuer"] + "/.well-known/openid-configuration").raise_for_status().json()
assert metadata["issuer"] == it["issuer"]
keys = KeySet.import_key_set(http.get(metadata["jwks_uri"]).raise_for_status().json())


def session(client_id, secret, method, **more):
    return OAuth2Client(
        client_id, secret, token_endpoint_auth_method=method, token_endpoint=metadata["token_endpoint"],
        trust_env=False, **more,
    )


class Login:
    """A request of the application's own; the answer is good only for this one."""

    def __init__(self, **parameters):
        self.client = session(
            it["client_id"], it["client_secret"], "client_secret_basic",
            scope="openid profile email", redirect_uri=it["redirect_uri"], code_challenge_method="S256",
        )
        self.verifier, self.nonce = generate_token(48), generate_token()
        self.url, self.state = self.client.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=self.verifier, nonce=self.nonce, **parameters
        )

    def finish(self, callback):
        assert callback.split("?")[0] == it["redirect_uri"], callback
        answer = parse_qs(urlsplit(callback).query)
        assert answer["iss"] == [metadata["issuer"]], "RFC 9207"
        try:
            self.client.fetch_token(authorization_response=callback, state="another", code_verifier=self.verifier)
            raise AssertionError("the state of another request was taken")
        except MismatchingStateException:
            pass
        token = self.client.fetch_token(
            authorization_response=callback, state=self.state, code_verifier=self.verifier
        )
        parsed = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
        claims = CodeIDToken(
            parsed.claims, parsed.header,
            {"iss": {"essential": True, "value": metadata["issuer"]},
             "aud": {"essential": True, "value": it["client_id"]},
             "nonce": {"essential": True, "value": self.nonce},
             "at_hash": {"essential": True}},
            {"nonce": self.nonce, "client_id": it["client_id"], "access_token": token["access_token"]},
        )
        claims.validate()
        profile = self.client.get(metadata["userinfo_endpoint"]).raise_for_status().json()
        assert profile["sub"] == claims["sub"] == it["subject"]
        return token, claims, profile


def normal():
    alice = Person(it["issuer"], **it["person"])
    login = Login(login_hint=it["person"]["email"])
    _, claims, profile = login.finish(alice.sign_in(alice.open(login.url)))
    for said in (claims, profile):
        assert said["email"] == it["person"]["email"]
        # Alice has written marks into her own metadata. They are not marks.
        assert not [mark for mark in MARKS if mark in said], said


def impersonated():
    desk = session(it["global_id"], it["global_secret"], "client_secret_post")
    desk.fetch_token(grant_type="client_credentials")
    asked = desk.post(
        f"{it['issuer']}/users/{it['subject']}/impersonate",
        json={"protocol": "oauth2", "impersonator_id": it["actor"], "client_id": it["client_id"]},
    )
    assert asked.status_code == 200, asked.text

    sam = Person(it["issuer"], **it["person"])
    confirm = sam.sign_in(sam.open(asked.text))
    assert all(name in confirm.text for name in it["names"]), confirm.text
    initiation = sam.submit(confirm)
    assert initiation.split("?")[0] == it["initiate_login_uri"], initiation
    given = parse_qs(urlsplit(initiation).query)
    assert given["iss"] == [metadata["issuer"]]

    login = Login(login_hint=given["login_hint"][0])
    token, claims, profile = login.finish(sam.open(login.url))
    for said in (claims, profile):
        assert said["impersonated"] is True
        assert said["impersonator"] == {"user_id": it["actor"], "email": it["person"]["email"]}
        assert said["act"] == {"iss": it["issuer"], "sub": it["actor"]}
        assert said[IMPERSONATION]["mode"] == "full"
    assert claims["acr"] == "0" and "amr" not in claims
    assert claims["exp"] <= claims[IMPERSONATION]["exp"]
    assert "refresh_token" not in token


{"normal": normal, "impersonated": impersonated}[it["story"]]()
