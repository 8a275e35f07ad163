"""Box's newer SDK for Python (`box-sdk-gen`), unmodified, with nothing but base URLs pointed here: the JWT
grant and client credentials, the life of app users and managed users with every field that the SDK knows,
As-User, a narrowed token, the end of a token, and what happens when a token dies in use."""
import uuid

from box_sdk_gen import (
    BaseUrls, BoxAPIError, BoxCCGAuth, BoxClient, BoxJWTAuth, CCGConfig, CreateUserRole, CreateUserStatus,
    BoxDeveloperTokenAuth, JWTConfig, NetworkSession, TrackingCode, UpdateUserByIdStatus,
    UpdateUserByIdNotificationEmail, UpdateUserByIdRole,
)

from cryptography.hazmat.primitives import serialization

from lib import facts

it = facts()
BASES = BaseUrls(base_url=it["issuer"], upload_url=f"{it['issuer']}/api", oauth_2_url=f"{it['issuer']}/oauth2")
FIELDS = [
    "name", "is_platform_access_only", "external_app_user_id", "is_sync_enabled", "can_see_managed_users",
    "is_external_collab_restricted", "is_exempt_from_device_limits", "is_exempt_from_login_verification",
    "tracking_codes", "role", "enterprise", "job_title", "phone", "address", "space_amount", "timezone",
    "language", "status", "notification_email", "my_tags", "hostname", "login",
]

# As Box hands keys out: encrypted.
PHRASE = str(uuid.uuid4())
KEY = serialization.load_pem_private_key(it["private_key"].encode(), None).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(PHRASE.encode()),
).decode()


def client(auth):
    return BoxClient(auth=auth, network_session=NetworkSession(base_urls=BASES))


def by_key(**subject):
    return BoxJWTAuth(config=JWTConfig(
        client_id=it["client_id"], client_secret=it["client_secret"], jwt_key_id=it["key_id"],
        private_key=KEY, private_key_passphrase=PHRASE, **subject,
    ))


def by_secret(**subject):
    return BoxCCGAuth(config=CCGConfig(client_id=it["client_id"], client_secret=it["client_secret"], **subject))


def refused(status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except BoxAPIError as problem:
        assert problem.response_info.status_code == status, problem
        return problem.response_info
    raise AssertionError(f"{call} is not refused")


def app_users(enterprise):
    plain = enterprise.users.create_user("Ned Stark", is_platform_access_only=True)
    assert plain.login.startswith("AppUser_") and plain.status == "active" and plain.created_at
    external = str(uuid.uuid4())
    full = enterprise.users.create_user(
        "Arya Stark", is_platform_access_only=True, external_app_user_id=external, language="de",
        is_sync_enabled=False, job_title="Nobody", phone="+49 30 1", address="Braavos", space_amount=-1,
        tracking_codes=[TrackingCode(name="house", value="Stark")], can_see_managed_users=False,
        timezone="Europe/Berlin", is_external_collab_restricted=True, is_exempt_from_device_limits=True,
        is_exempt_from_login_verification=False, status=CreateUserStatus.CANNOT_DELETE_EDIT, fields=FIELDS,
    )
    read = enterprise.users.get_user_by_id(full.id, fields=FIELDS)
    for user in (full, read):
        assert user.is_platform_access_only is True and user.external_app_user_id == external
        assert (user.is_sync_enabled, user.can_see_managed_users) == (False, False)
        assert (user.is_external_collab_restricted, user.is_exempt_from_device_limits) == (True, True)
        assert user.is_exempt_from_login_verification is False
        assert [(code.name, code.value) for code in user.tracking_codes] == [("house", "Stark")]
        assert (user.language, user.timezone, user.space_amount) == ("de", "Europe/Berlin", -1)
        assert (user.job_title, user.phone, user.address) == ("Nobody", "+49 30 1", "Braavos")
        assert user.status == "cannot_delete_edit" and user.enterprise.id == it["enterprise_id"]
    found = enterprise.users.get_users(external_app_user_id=external)
    assert [user.id for user in found.entries] == [full.id] and found.total_count == 1
    page = enterprise.users.get_users(usemarker=True, limit=1)
    assert len(page.entries) == 1 and page.next_marker
    assert enterprise.users.get_users(usemarker=True, limit=1, marker=page.next_marker).entries
    changed = enterprise.users.update_user_by_id(
        full.id, name="No One", language="en", job_title="", phone="", address="", timezone="UTC",
        space_amount=7, status=UpdateUserByIdStatus.ACTIVE,
    )
    assert (changed.name, changed.space_amount, changed.status) == ("No One", 7, "active")
    # The documents: nothing else of an app user can be changed.
    refused(400, enterprise.users.update_user_by_id, full.id, login="arya@winterfell.test")
    refused(400, enterprise.users.update_user_by_id, full.id, is_sync_enabled=True)
    return plain, full


def managed_users(enterprise):
    login = f"{uuid.uuid4()}@acme.test"
    made = enterprise.users.create_user(
        "Sansa Stark", login=login, role=CreateUserRole.USER, is_sync_enabled=True, phone="1", fields=FIELDS,
    )
    assert (made.login, made.role, made.is_platform_access_only) == (login, "user", False)
    assert made.is_sync_enabled is True and made.can_see_managed_users is True
    other = f"{uuid.uuid4()}@acme.test"
    changed = enterprise.users.update_user_by_id(
        made.id, login=other, role=UpdateUserByIdRole.USER, is_sync_enabled=False, can_see_managed_users=False,
        is_external_collab_restricted=True, is_exempt_from_device_limits=True, notify=False,
        is_exempt_from_login_verification=True, is_password_reset_required=False,
        tracking_codes=[TrackingCode(name="seat", value="Winterfell")],
        notification_email=UpdateUserByIdNotificationEmail(email="raven@acme.test"), fields=FIELDS,
    )
    assert (changed.login, changed.role) == (other, "user")
    assert changed.notification_email.email == "raven@acme.test"
    assert changed.notification_email.is_confirmed is False
    assert changed.is_exempt_from_login_verification is True and changed.is_sync_enabled is False
    assert [code.value for code in changed.tracking_codes] == ["Winterfell"]
    refused(409, enterprise.users.update_user_by_id, made.id, login=it["managed_login"])
    # A user cannot grant a role above their own.
    refused(403, enterprise.users.update_user_by_id, made.id, role=UpdateUserByIdRole.COADMIN)
    enterprise.users.delete_user_by_id(made.id, notify=False, force=True)
    refused(404, enterprise.users.get_user_by_id, made.id)


def acting(enterprise, ned):
    service = enterprise.users.get_user_me()
    assert service.id == it["service_account"]
    assert enterprise.with_as_user_header(ned.id).users.get_user_me().id == ned.id
    as_managed = enterprise.with_as_user_header(it["managed_user"]).users.get_user_me()
    assert as_managed.login == it["managed_login"]
    assert enterprise.users.get_user_me().id == service.id
    refused(403, enterprise.with_as_user_header(service.id).users.get_user_me)
    refused(403, enterprise.with_as_user_header("usr_nobody").users.get_user_me)


def tokens(ned):
    for auth in (by_key(user_id=ned.id), by_key(enterprise_id=it["enterprise_id"]).with_user_subject(ned.id),
                 by_secret(user_id=ned.id), by_secret(enterprise_id=it["enterprise_id"]).with_user_subject(ned.id)):
        assert client(auth).users.get_user_me().id == ned.id
    auth = by_secret(user_id=ned.id)
    session = NetworkSession(base_urls=BASES)
    less = auth.downscope_token(["item_upload"], network_session=session)
    assert less.access_token and less.expires_in > 0 and less.token_type == "bearer"
    narrowed = client(BoxDeveloperTokenAuth(token=less.access_token))
    assert narrowed.users.get_user_me().id == ned.id

    # A token that is dead is renewed by itself, once: 401 with an empty body is what the SDK waits for.
    own = client(auth)
    first = auth.token_storage.get().access_token
    client(BoxDeveloperTokenAuth(token=first)).users.get_user_me()
    by_secret_again = by_secret(user_id=ned.id)
    by_secret_again.token_storage.store(auth.token_storage.get())
    by_secret_again.revoke_token(network_session=session)
    assert by_secret_again.token_storage.get() is None
    assert own.users.get_user_me().id == ned.id
    assert auth.token_storage.get().access_token != first


enterprise = client(by_key(enterprise_id=it["enterprise_id"]))
assert client(by_secret(enterprise_id=it["enterprise_id"])).users.get_user_me().id == it["service_account"]
ned, arya = app_users(enterprise)
managed_users(enterprise)
acting(enterprise, ned)
tokens(ned)
for user in (ned, arya):
    assert enterprise.users.delete_user_by_id(user.id) is None
refused(404, enterprise.users.get_user_by_id, ned.id)
problem = refused(400, client(by_key(user_id=ned.id)).users.get_user_me)
assert problem.body["error"] == "invalid_grant", problem.body
