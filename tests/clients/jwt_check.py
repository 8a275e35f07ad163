"""PyJWT and joserfc verify an ID token with the published keys."""
import httpx
import jwt as pyjwt
from joserfc import jwt as joserfc
from joserfc.jwk import KeySet

from lib import facts

it = facts()
http = httpx.Client(trust_env=False)
metadata = http.get(it["issuer"] + "/.well-known/openid-configuration").raise_for_status().json()
published = http.get(metadata["jwks_uri"]).raise_for_status().json()


def with_pyjwt(token):
    keys = pyjwt.PyJWKSet.from_dict(published)
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    return pyjwt.decode(
        token, key, algorithms=[it["algorithm"]], audience=it["client_id"], issuer=it["issuer"],
        options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )


def with_joserfc(token):
    # It knows Ed25519 by its RFC 8037 name, and only when it is asked to.
    token = joserfc.decode(token, KeySet.import_key_set(published), algorithms=[it["algorithm"]])
    joserfc.JWTClaimsRegistry(
        iss={"essential": True, "value": it["issuer"]}, aud={"essential": True, "value": it["client_id"]},
        exp={"essential": True}, iat={"essential": True}, sub={"essential": True, "value": it["subject"]},
    ).validate(token.claims)
    return token.claims


def refused(check, token):
    try:
        check(token)
    except Exception:
        return True
    return False


token = it["id_token"]
header, body, signature = token.split(".")
changed = signature[:4] + ("B" if signature[4] == "A" else "A") + signature[5:]
for check in (with_pyjwt, with_joserfc):
    claims = check(token)
    assert claims["impersonated"] is True and claims["act"] == {"iss": it["issuer"], "sub": it["actor"]}
    assert refused(check, f"{header}.{body}.{changed}"), check
