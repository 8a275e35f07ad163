"""PyPI auth0-python, as it is: its authentication half, and the management half as far as there is one here."""
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from auth0.authentication import GetToken, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error, TokenValidationError
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, SignatureVerifier, TokenVerifier
from jwt import PyJWKClient
from jwt.exceptions import InvalidKeyError

from lib import MARKS, Person, facts

it = facts()
place = {"domain": urlsplit(it["issuer"]).netloc, "protocol": "http"}  # its own switch, for a loopback address
app = GetToken(client_id=it["client_id"], client_secret=it["client_secret"], **place)
alice = Person(it["issuer"], **it["person"])


class Keys(SignatureVerifier):
    """The SDK's own takes every key for one of RSA, and fails at the first that is not (RFC 7517 §5: ignore those)."""

    def __init__(self, url):
        super().__init__("RS256")
        self._keys = PyJWKClient(url)

    def _fetch_key(self, key_id):
        return self._keys.get_signing_key(key_id).key


def refused(call, status, error):
    try:
        call()
    except Auth0Error as refusal:
        assert (refusal.status_code, refusal.error_code) == (status, error), refusal
        return
    raise AssertionError(f"{error} is expected")


def code(**more):
    state = secrets.token_urlsafe()
    asked = {"client_id": it["client_id"], "response_type": "code", "redirect_uri": it["redirect_uri"], "state": state,
             "scope": "openid profile email offline_access orders:read", "audience": it["audience"]} | more
    answer = alice.open(f"{it['issuer']}/authorize?{urlencode(asked)}")
    callback = answer if isinstance(answer, str) else alice.sign_in(answer)
    assert callback.split("?")[0] == it["redirect_uri"], callback
    given = parse_qs(urlsplit(callback).query)
    assert given["state"] == [state]
    return given["code"][0]


# A program's own token. The SDK sends an `organization` that is null.
machine = GetToken(client_id=it["machine_id"], client_secret=it["machine_secret"], **place)
assert machine.client_credentials(it["machine_audience"])["token_type"] == "Bearer"
wrong = GetToken(client_id=it["machine_id"], client_secret="wrong", **place)
refused(lambda: wrong.client_credentials(it["machine_audience"]), 401, "invalid_client")

# A person's. Its check of ID tokens is given our issuer, which has no slash at its end.
nonce = secrets.token_urlsafe()
sent = code(nonce=nonce)
tokens = app.authorization_code(sent, it["redirect_uri"])
jwks = f"{it['issuer']}/.well-known/jwks.json"
try:
    AsymmetricSignatureVerifier(jwks).verify_signature(tokens["id_token"])
    raise AssertionError("docs/topics/from-auth0.md says that this does not work")
except InvalidKeyError:
    pass
keys = Keys(jwks)
claims = TokenVerifier(signature_verifier=keys, issuer=it["issuer"], audience=it["client_id"]).verify(
    tokens["id_token"], nonce=nonce, max_age=600
)
assert claims["sub"] == it["subject"]
try:
    TokenVerifier(signature_verifier=keys, issuer=it["issuer"], audience="another").verify(tokens["id_token"])
    raise AssertionError("an ID token of another application was taken")
except TokenValidationError:
    pass
refused(lambda: app.authorization_code(sent, it["redirect_uri"]), 400, "invalid_grant")

# Who that is.
tokens = app.authorization_code(code(), it["redirect_uri"])
users = Users(**place)
profile = users.userinfo(tokens["access_token"])
assert profile["sub"] == it["subject"] and profile["email"] == it["person"]["email"], profile
# Alice has written marks into her own metadata. They are not marks.
assert not [mark for mark in MARKS if mark in profile], profile
refused(lambda: users.userinfo("none"), 401, "invalid_token")

# Renewed, and revoked. The SDK sends a `scope` that is empty.
second = app.refresh_token(tokens["refresh_token"])
assert second["access_token"] != tokens["access_token"]
latest = second.get("refresh_token", tokens["refresh_token"])
RevokeToken(client_id=it["client_id"], client_secret=it["client_secret"], **place).revoke_refresh_token(latest)
refused(lambda: app.refresh_token(latest), 400, "invalid_grant")
