"""pysaml2 as a service provider, with every check of its own switched on."""
import os
import tempfile

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.response import UnsolicitedResponse
from saml2.xml.schema import validate

from lib import FirstForm, Person, facts

it = facts()
MARK = "http://schemas.auth0.com/"
CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

folder = tempfile.TemporaryDirectory()


def written(name, text):
    path = os.path.join(folder.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


key, certificate = written("key.pem", it["private_key"]), written("certificate.pem", it["certificate_pem"])


def provider(allow_unsolicited=False):
    service = {
        "name": "Shop",
        "endpoints": {
            "assertion_consumer_service": [(it["acs"], BINDING_HTTP_POST)],
            "single_logout_service": [("http://127.0.0.1:9/slo", BINDING_HTTP_REDIRECT)],
        },
        "allow_unsolicited": allow_unsolicited,
        "authn_requests_signed": True,
        "logout_requests_signed": True,
        "want_assertions_signed": True,
        "want_response_signed": True,
        "name_id_format": [it["name_id_format"]],
        "name_id_policy_format": it["name_id_format"],
        "signing_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
    }
    settings = {
        "entityid": it["entity_id"],
        "service": {"sp": service},
        "key_file": key,
        "cert_file": certificate,
        "encryption_keypairs": [{"key_file": key, "cert_file": certificate}],
        "allow_unknown_attributes": True,
        "accepted_time_diff": 0,
        "metadata": {"inline": [it["metadata"]] if "metadata" in it else []},
    }
    return SPConfig().load(settings)


if it["story"] == "metadata":
    print(entity_descriptor(provider()))
    raise SystemExit

validate(it["metadata"])
shop = Saml2Client(config=provider())


def begin():
    asked, http = shop.prepare_for_authenticate(
        entityid=it["issuer"], binding=BINDING_HTTP_REDIRECT, relay_state=it["relay_state"], sign=True,
        sigalg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    )
    return asked, dict(http["headers"])["Location"]


def take(page, outstanding, client=shop):
    form = FirstForm(page.text)
    assert form.action == it["acs"], form.action
    assert form.fields["RelayState"] == it["relay_state"]
    response = client.parse_authn_request_response(
        form.fields["SAMLResponse"], BINDING_HTTP_POST, outstanding=outstanding
    )
    validate(str(response.response))
    assert response.issuer() == it["issuer"]
    return response


def is_alice(response):
    said = response.ava
    assert response.name_id.format == it["name_id_format"]
    assert said[CLAIMS + "nameidentifier"] == [it["subject"]], said
    assert said[CLAIMS + "emailaddress"] == ["alice@acme.test"], said
    info = response.session_info()
    assert info["session_index"] and info["not_on_or_after"]


def is_marked(response):
    said = response.ava
    assert said[MARK + "impersonated"] == ["true"], said
    assert said[MARK + "impersonator"] == [it["actor"]], said
    assert said[MARK + "impersonator_email"] == [it["person"]["email"]], said


def normal():
    alice = Person(it["issuer"], **it["person"])
    asked, url = begin()
    response = take(alice.sign_in(alice.open(url)), {asked: "/"})
    is_alice(response)
    assert MARK + "impersonated" not in response.ava


def impersonated():
    """The link leads to the application, which asks by itself."""
    sam = Person(it["issuer"], **it["person"])
    left = sam.submit(sam.sign_in(sam.open(it["link"])))
    assert left.split("?")[0] == it["initiate_login_uri"], left
    asked, url = begin()
    response = take(sam.open(url), {asked: "/"})
    is_alice(response)
    is_marked(response)


def unsolicited():
    """The link leads to an answer that nobody asked for."""
    page = Person(it["issuer"], **it["person"]).open(it["link"])
    try:
        take(page, {})
        raise AssertionError("an answer that nobody asked for was taken")
    except UnsolicitedResponse:
        pass
    response = take(page, {}, Saml2Client(config=provider(allow_unsolicited=True)))
    is_alice(response)
    is_marked(response)


{"normal": normal, "impersonated": impersonated, "unsolicited": unsolicited}[it["story"]]()
