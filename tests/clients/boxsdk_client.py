"""Box's own SDK, unmodified, pointed here: nothing but base URLs is configured.

Its audience (`https://api.box.com/oauth2/token`) is built in, so the server is told of it as an alias.
"""
from boxsdk import BoxAPIException, Client, JWTAuth
from boxsdk.config import API
from boxsdk.exception import BoxOAuthException

from lib import facts

it = facts()
API.BASE_API_URL = f"{it['issuer']}/2.0"
API.OAUTH2_API_URL = f"{it['issuer']}/oauth2"
API.MAX_RETRY_ATTEMPTS = 1
USUAL = {
    "type", "id", "name", "login", "created_at", "modified_at", "language", "timezone", "space_amount",
    "space_used", "max_upload_size", "status", "job_title", "phone", "address", "avatar_url",
    "notification_email",
}


def auth(**more):
    return JWTAuth(
        client_id=it["client_id"], client_secret=it["client_secret"], enterprise_id=it["enterprise_id"],
        jwt_key_id=it["key_id"], rsa_private_key_data=it["private_key"], **more,
    )


def refused(status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except BoxAPIException as problem:
        assert problem.status == status, problem
        return problem
    raise AssertionError(f"{call} is not refused")


def life_cycle(enterprise):
    ned = enterprise.create_user("Ned Stark", external_app_user_id="17")
    assert USUAL <= set(ned.response_object), ned.response_object
    assert ned.login.startswith("AppUser_") and ned.status == "active" and ned.language == "en"
    assert enterprise.user(ned.id).get(fields=["is_platform_access_only"]).is_platform_access_only is True
    changed = ned.update_info(data={"name": "patient 35321", "job_title": "Warden", "space_amount": 7})
    assert (changed.name, changed.job_title, changed.space_amount) == ("patient 35321", "Warden", 7)
    assert changed.id == ned.id and changed.created_at == ned.created_at

    others = [enterprise.create_user(f"Stark {nth}") for nth in range(5)]
    every = {ned.id} | {user.id for user in others}
    for paging in ({"limit": 2}, {"limit": 2, "use_marker": True}, {"limit": 3, "offset": 0}):
        seen = [user.id for user in enterprise.users(**paging)]
        assert len(seen) == len(set(seen)) and every <= set(seen), (paging, seen)
    assert {user.id for user in enterprise.users(filter_term="stark")} == every - {ned.id}
    assert {user.id for user in enterprise.users(filter_term="patient")} == {ned.id}
    return ned, others


def as_user(enterprise, ned):
    me = enterprise.user().get()
    assert me.id == it["service_account"], me.id
    assert enterprise.as_user(ned).user().get().id == ned.id
    managed = enterprise.user(it["managed_user"])
    assert enterprise.as_user(managed).user().get().login == it["managed_login"]
    # The client that made this one is as it was.
    assert enterprise.user().get().id == me.id
    refused(403, enterprise.as_user(enterprise.user(me.id)).user().get)


def tokens(enterprise, ned):
    own = auth(user=enterprise.user(ned.id))
    own.authenticate_user()
    client = Client(own)
    assert client.user().get().id == ned.id
    refused(403, client.create_user, "Somebody")

    named = auth()
    named.authenticate_user(ned.id)
    assert Client(named).user().get().id == ned.id

    less = enterprise.downscope_token(["item_upload"])
    assert less.access_token and less.expires_in > 0 and less.token_type == "bearer"

    # Box answers with an empty body, as we do; this version of the SDK then misses JSON and complains of a 200.
    try:
        own.revoke()
    except BoxOAuthException as problem:
        assert problem.status == 200, problem
    try:
        auth().authenticate_user("usr_nobody")
    except BoxOAuthException as problem:
        assert "'sub' claim" in str(problem.message), problem
    else:
        raise AssertionError("a token for nobody")


instance = auth()
instance.authenticate_instance()
enterprise = Client(instance)
ned, others = life_cycle(enterprise)
as_user(enterprise, ned)
tokens(enterprise, ned)
for user in [ned, *others]:
    assert user.delete()
refused(404, enterprise.user(ned.id).get)
try:
    auth().authenticate_user(ned.id)
except BoxOAuthException as problem:
    assert problem.code == "invalid_grant", problem
else:
    raise AssertionError("a token for a deleted user")
