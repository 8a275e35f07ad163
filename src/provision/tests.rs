use super::*;
use crate::store::{applications::write::StoredClient, directory::write::StoredUser};
use file::WantedPassword;
use std::fmt::Write as _;
use stored::StoredDirectory;

const DEMO: &str = include_str!("../../examples/demo.yaml");

fn env(name: &str) -> Option<String> {
    (name == "SECRET").then(|| "from-the-environment".to_owned())
}

/// What is wrong in `text` beside an empty database, a line each.
fn wrong(text: &str) -> String {
    let empty = applied(&File::default());
    let read = read_draft(text, env, |name| Err(name.to_owned()));
    match read.and_then(|draft| read::beside(&draft, &empty, Prune::No)) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes.iter().map(|mistake| format!("{mistake}\n")).collect(),
    }
}

fn client(lines: &str) -> String {
    let lines = lines.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "    {line}");
        all
    });
    format!("version: 1\nclients:\n  - client_id: app\n{lines}")
}

fn refused(text: &str, problem: &str) {
    let wrong = wrong(text);
    assert!(wrong.contains(problem), "{text}\n{wrong}");
}

/// The database after `file` has been applied to an empty one.
fn applied(file: &File) -> StoredDirectory {
    let user = |wanted: &file::WantedUser| StoredUser {
        record: wanted.record.clone(),
        roles: wanted.roles.clone(),
        password_hash: None,
    };
    let client = |wanted: &file::WantedClient| StoredClient {
        record: wanted.record.clone(),
        secret_hashes: wanted.secret_hash.iter().cloned().collect(),
    };
    StoredDirectory {
        impersonation_enabled: file.impersonation_enabled.unwrap_or(true),
        organizations: file.organizations.iter().map(|wanted| wanted.record.clone()).collect(),
        roles: file.roles.clone(),
        users: file.users.iter().map(user).collect(),
        administrators: Vec::new(),
        user_ids: Vec::new(),
        clients: file.clients.iter().map(client).collect(),
        now: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

fn planned(text: &str, stored: &StoredDirectory, prune: Prune) -> String {
    let file = read(text, env).unwrap();
    let steps = steps::steps(&file, stored, &[], prune).unwrap_or_else(|c| panic!("{c:?}"));
    Plan { changes: steps.into_iter().map(|step| step.change).collect() }.to_string()
}

#[test]
fn every_mistake_is_told_with_its_line_and_key() {
    let text = "\
version: 2
tenants: []
organizations:
  - id: acme
  - {id: acme, name: Again}
roles:
  - name: admin
    permissions: [Refund]
users:
  - id: alice
    email: alice at acme
    organization: initech
    roles:
      - support
      - helpdesk
    password: ${NOT_SET}
  - name: Nobody
clients:
  - client_id: shop
    kind: web
    redirect_uris:
      - https://shop.example/callback
      - javascript:alert(1)
    impersonation:
      redeem: maybe
policies:
  - name: all
    cedar: permit(principal, action, resource);
";
    assert_eq!(
        wrong(text),
        "\
line 1: version: must be 1
line 2: tenants: unknown key; the keys here are: clients, organizations, policies, roles, settings, users, version
line 5: organizations[1].id: `acme` stands for another one already
line 7: roles[0].name: `admin` is built in and stays as it is
line 8: roles[0].permissions[0]: `Refund` is no permission: lower-case words joined by `:`, `-`, `_` or `.`
line 11: users[0].email: is no e-mail address
line 12: users[0].organization: there is no organization `initech` in this file or in the database
line 15: users[0].roles[1]: there is no role `helpdesk` in this file or in the database
line 16: users[0].password: the environment variable NOT_SET is not set
line 17: users[1]: `email` is missing
line 23: clients[0].redirect_uris[1]: `javascript:alert(1)` has a scheme that is never allowed
line 25: clients[0].impersonation.redeem: `maybe` is none of: confirm, direct
line 26: policies: policies come with a later version; leave them out
"
    );
}

#[test]
fn what_is_no_yaml_is_named_with_its_line() {
    assert!(wrong("version: 1\nusers: [\n").starts_with("line 3: "), "{}", wrong("users: ["));
    let twice = "version: 1\nusers:\n  - {id: a, email: a@x.test, id: b}\n";
    refused(twice, "duplicate entry with key \"id\"");
    refused("", "must be a mapping");
    refused("[]", "must be a mapping");
    refused("{}", "line 1: `version` is missing");
    refused("version: 1\n---\nversion: 1\n", "line ");
    refused("version: 1\n1: 2\n", "has a key that is no text");
    refused("version: 1\nusers: !all []\n", "has a tag");
    refused("version: 1\nusers: {}\n", "line 2: users: must be a list");
    refused("version: 1\nusers: [alice]\n", "users[0]: must be a mapping");
    refused("version: 1\norganizations: [{id: 7}]\n", "must be text (write it in quotes)");
    refused("version: 1\norganizations: [{id: \"a\\0b\"}]\n", "NUL");
}

#[test]
fn a_flood_of_mistakes_is_cut_short() {
    let users = "  - id: \"\"\n".repeat(250);
    let wrong = wrong(&format!("version: 1\nusers:\n{users}"));
    assert_eq!(wrong.lines().count(), 101);
    assert!(wrong.ends_with("more mistakes\n"));
}

#[test]
fn json_is_read_too() {
    let file = read(r#"{"version": 1, "organizations": [{"id": "acme"}]}"#, env).unwrap();
    assert_eq!(file.organizations[0].record.name, "acme");
}

#[test]
fn variables_are_replaced_everywhere_and_can_be_written_as_they_are() {
    let text =
        "version: 1\norganizations:\n  - id: a\n    name: 'x ${SECRET} ${NONE:-y} $${SECRET} $5'\n";
    let file = read(text, env).unwrap();
    assert_eq!(file.organizations[0].record.name, "x from-the-environment y ${SECRET} $5");
    let name = |text: &str| format!("version: 1\norganizations: [{{id: a, name: '{text}'}}]\n");
    refused(&name("${SECRET"), "`${` without `}`");
    refused(&name("${}"), "names no environment variable");
    refused(&name("${a b}"), "names no environment variable");
    refused(&name("${NONE}"), "the environment variable NONE is not set");
}

#[test]
fn i22_a_mistake_and_a_file_quote_no_secret() {
    let text = "\
version: 1
users:
  - {id: a, password: hunter2, password_hash: hunter3}
  - {id: b, password: [hunter4]}
clients:
  - {client_id: c, kind: spa, client_secret: hunter5}
  - {client_id: d, kind: web, client_secret_hash: hunter6, client_secret: hunter7}
";
    assert!(!wrong(text).is_empty() && !wrong(text).contains("hunter"), "{}", wrong(text));
    let file = read(DEMO, env).unwrap();
    assert!(!format!("{file:?}").contains("demo"), "{file:?}");
    let stored = applied(&read("version: 1", env).unwrap());
    assert!(!planned(DEMO, &stored, Prune::No).contains("-demo"));
}

#[test]
fn c06_h24_bad_addresses_of_applications_are_refused() {
    for bad in [
        "javascript:alert(1)",
        "http://app.example/",
        "https://a@app.example/",
        "https://app.example/#x",
    ] {
        for key in ["initiate_login_uri", "backchannel_logout_uri"] {
            refused(
                &client(&format!("kind: native\n{key}: '{bad}'")),
                &format!("line 5: clients[0].{key}: "),
            );
        }
        for key in ["redirect_uris", "post_logout_redirect_uris"] {
            let text = client(&format!("kind: native\n{key}: ['{bad}']"));
            refused(&text, &format!("line 5: clients[0].{key}[0]: "));
        }
        let saml = client(&format!("kind: saml\nsaml: {{entity_id: x, acs_urls: ['{bad}']}}"));
        refused(&saml, "clients[0].saml.acs_urls[0]: ");
        let wsfed = client(&format!("kind: wsfed\nwsfed: {{realm: x, reply_urls: ['{bad}']}}"));
        refused(&wsfed, "clients[0].wsfed.reply_urls[0]: ");
    }
    assert_eq!(wrong(&client("kind: native\nredirect_uris: ['com.example.app:/back']")), "");
    assert_eq!(wrong(&client("kind: web\ninitiate_login_uri: http://[::1]:9/login")), "");
}

#[test]
fn people_who_cannot_be_as_written_are_refused() {
    let user = |fields: &str| format!("version: 1\nusers: [{{{fields}}}]\n");
    refused(&user("name: x"), "`email` is missing");
    refused(&user("id: a, totp_secret: JBSWY3DPEHPK3PXP"), "totp_secret: second factors");
    refused(&user("id: a, kind: app_user, password: x"), "a app_user has no login");
    refused(&user("id: a, password: x, password_hash: y"), "give one of them");
    refused(&user("id: a, password_hash: '$2b$12$R9h'"), "is no hash of argon2");
    refused(&user("id: a, status: gone"), "`gone` is none of: active, inactive");
    refused(&user("id: a, picture: 'javascript:x'"), "must be an https address");
    refused(&user("id: a, user_metadata: [1]"), "must be a mapping");
    refused(&user("id: a, user_metadata: {x: .nan}"), "is no finite number");
    let two = "version: 1\nusers: [{email: A@x.test}, {id: b, email: 'a@X.TEST'}]\n";
    refused(two, "users[1].email: `a@X.TEST` stands for another one");
}

#[test]
fn applications_that_cannot_work_as_written_are_refused() {
    for (lines, problem) in [
        ("name: x", "`kind` is missing"),
        ("kind: web\nimpersonation: {unsolicited: false}", "needs an `initiate_login_uri`"),
        ("kind: spa\nclient_secret: x", "keeps no secret"),
        ("kind: spa\ntoken_endpoint_auth_method: client_secret_post", "keeps no secret"),
        ("kind: machine\ntoken_endpoint_auth_method: none", "must show who it is"),
        ("kind: web\ntoken_endpoint_auth_method: none\nclient_secret: x", "is not used"),
        ("kind: web\ntoken_endpoint_auth_method: private_key_jwt", "needs `jwks`"),
        ("kind: web\ntoken_endpoint_auth_method: client_secret_jwt", "is none of"),
        ("kind: web\njwks: {keys: []}", "no usable public keys"),
        ("kind: web\njwks: {keys: [{kty: oct, k: AA}]}", "no usable public keys"),
        ("kind: web\nclient_secret_hash: 'sha256:00'", "must be `sha256:`"),
        ("kind: web\ngrant_types: [implicit]", "`implicit` is none of"),
        ("kind: spa\ngrant_types: [client_credentials]", "is not for an application"),
        ("kind: machine\ngrant_types: [authorization_code]", "is not for an application"),
        ("kind: web\nscopes: ['a b']", "more than one scope"),
        ("kind: web\nscopes: ['\"']", "is no scope"),
        ("kind: web\naccess_token_lifetime: 86401", "between 1 and 86400"),
        ("kind: web\naccess_token_lifetime: 1.5", "must be a whole number"),
        ("kind: web\nid_token_signed_response_alg: none", "is none of: RS256, ES256, EdDSA"),
        ("kind: web\nlogo_uri: https://x.example/", "unknown key"),
        ("kind: saml", "`saml` is missing"),
        ("kind: web\nsaml: {entity_id: x, acs_urls: []}", "is for an application of kind saml"),
        ("kind: saml\nsaml: {entity_id: x, acs_urls: []}", "must hold an address"),
        (
            "kind: saml\nsaml: {entity_id: x, acs_urls: ['https://a.example/'], encrypt_assertion: true}",
            "needs an `encryption_certificate`",
        ),
        (
            "kind: saml\nsaml: {entity_id: x, acs_urls: ['https://a.example/'], sign: true}",
            "unknown key",
        ),
        (
            "kind: wsfed\nwsfed: {realm: x, reply_urls: ['https://a.example/'], token_version: 1.1}",
            "must be text (write it in quotes)",
        ),
        ("kind: machine\nbox: {authorized_in: [acme]}", "there is no organization `acme`"),
        (
            "kind: machine\nbox: {public_keys: [{id: a, pem: x}]}",
            "must be a public key in PEM form",
        ),
    ] {
        refused(&client(lines), problem);
    }
}

#[test]
fn an_application_gets_the_defaults_of_its_kind() {
    let read_one = |lines: &str| read(&client(lines), env).unwrap().clients.remove(0);
    let web = read_one("kind: web\nclient_secret: ${SECRET}\nimpersonation: {}").record;
    assert_eq!((web.auth_method.as_str(), web.redeem.as_str()), ("client_secret", "confirm"));
    assert_eq!(web.grant_types, ["authorization_code", "refresh_token"]);
    assert!(web.first_party && web.impersonation_enabled && web.unsolicited);
    let modern = read_one("kind: web\ninitiate_login_uri: https://a.example/").record;
    assert!(!modern.impersonation_enabled && !modern.unsolicited);
    let spa = read_one("kind: spa").record;
    assert_eq!((spa.auth_method.as_str(), spa.unsolicited), ("none", true));
    let machine = read_one("kind: machine").record;
    assert_eq!(machine.grant_types, ["client_credentials"]);
    let saml = read_one("kind: saml\nsaml: {entity_id: x, acs_urls: ['https://a.example/acs']}");
    assert_eq!(saml.record.redirect_uris, ["https://a.example/acs"]);
    assert!(saml.record.grant_types.is_empty());
}

#[test]
fn a_secret_is_kept_as_its_digest_in_either_form() {
    let hash = |lines: &str| read(&client(lines), env).unwrap().clients[0].secret_hash.clone();
    let plain = hash("kind: web\nclient_secret: abc");
    assert_eq!(plain, Some(crate::crypto::hash::hash_secret("abc")));
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(plain, hash(&format!("kind: web\nclient_secret_hash: sha256:{hex}")));
    let base64url = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
    assert_eq!(plain, hash(&format!("kind: web\nclient_secret_hash: sha256:{base64url}")));
}

#[test]
fn the_demo_data_is_right_and_planned_once() {
    let file = read(DEMO, |_| None).unwrap();
    let northwind = |file: &File| {
        let mut clients = file.clients.iter();
        clients.find(|c| c.record.id == "northwind-orders").map(|c| c.record.redirect_uris.clone())
    };
    assert_eq!(northwind(&file).unwrap(), ["http://127.0.0.1:8090/callback"]);
    let moved = read(DEMO, |_| Some("http://127.0.0.1:9090".to_owned())).unwrap();
    assert_eq!(northwind(&moved).unwrap(), ["http://127.0.0.1:9090/callback"]);
    let plain = |user: &file::WantedUser| matches!(user.password, Some(WantedPassword::Plain(_)));
    assert!(file.users.iter().all(plain));
    let again = planned(DEMO, &applied(&file), Prune::Yes);
    assert_eq!(again, "0 to create, 0 to update, 0 to delete, 23 unchanged");
}

const BEFORE: &str = "\
version: 1
settings: {impersonation: {enabled: true}}
organizations: [{id: acme}, {id: globex}]
roles: [{name: billing, permissions: ['invoices:read']}, {name: old}]
users:
  - {id: alice, email: alice@acme.test, organization: acme, user_metadata: {a: 1}, status: inactive}
  - {id: bob, email: bob@acme.test}
  - {id: carol, email: carol@globex.test}
clients:
  - {client_id: shop, kind: web, client_secret: one, redirect_uris: ['https://shop.example/a']}
  - {client_id: portal, kind: spa}
";

const AFTER: &str = "\
version: 1
settings: {impersonation: {enabled: false}}
organizations: [{id: acme, name: Acme, impersonation: {enabled: false}}]
roles: [{name: billing, permissions: ['invoices:read', 'invoices:refund'], rank: 3}]
users:
  - {id: alice, email: alice@acme.test, organization: acme, roles: [billing], app_metadata: {s: t}}
  - {email: BOB@acme.test, name: Bob, status: inactive}
  - {id: dora, email: dora@acme.test}
clients:
  - {client_id: shop, kind: web, client_secret: two, client_secret_reset: true, redirect_uris: ['https://shop.example/b'],
     impersonation: {redeem: direct}}
";

#[test]
fn a_plan_reads_like_this() {
    let stored = applied(&read(BEFORE, env).unwrap());
    assert_eq!(
        planned(AFTER, &stored, Prune::Yes),
        "\
delete    user         carol
delete    client       portal
update    settings     impersonation  impersonation.enabled: true -> false
update    organization acme  name: acme -> Acme, impersonation.enabled: true -> false
update    role         billing  permissions: [\"invoices:read\"] -> [\"invoices:read\",\"invoices:refund\"], rank: 0 -> 3
update    user         alice  roles: [] -> [\"billing\"], app_metadata
update    user         bob  email: bob@acme.test -> BOB@acme.test, name: none -> Bob, status: active -> inactive
create    user         dora
update    client       shop  redirect_uris: [\"https://shop.example/a\"] -> [\"https://shop.example/b\"], impersonation.enabled: false -> true, impersonation.redeem: confirm -> direct, client_secret
delete    organization globex
delete    role         old
1 to create, 6 to update, 4 to delete, 0 unchanged"
    );
    let kept = planned(AFTER, &stored, Prune::No);
    assert!(!kept.contains("delete "), "{kept}");
}

#[test]
fn an_address_is_not_taken_from_somebody_the_file_does_not_name() {
    let stored = applied(&read(BEFORE, env).unwrap());
    let file = read("version: 1\nusers: [{id: zoe, email: Bob@acme.test}]\n", env).unwrap();
    let conflict = steps::steps(&file, &stored, &[], Prune::No).err().unwrap();
    assert_eq!(conflict.len(), 1);
    assert!(conflict[0].contains("`zoe` belongs to user `bob`"), "{conflict:?}");
    let swap = "version: 1\nusers: [{id: bob, email: b@acme.test}, {email: bob@acme.test}]\n";
    let plan = planned(swap, &stored, Prune::No);
    assert!(plan.contains("1 to create, 1 to update"), "{plan}");
}

#[test]
fn an_export_is_read_again_and_changes_nothing() {
    let odd = "\
version: 1
organizations: [{id: 'no', name: 'a: b #c ${SECRET}', status: inactive, impersonation: {enabled: false}}]
users:
  - {id: '007', email: a@x.test, email_verified: false, phone_number: '+1', kind: service_account,
     user_metadata: {n: 1.5, m: 2, deep: [{x: null}, 'yes', '$${SECRET}']}}
  - {id: 'null', name: \"a: 'b' # c\"}
clients:
  - {client_id: s, kind: saml, saml: {entity_id: x, acs_urls: ['https://a.example/']}, impersonation: {redeem: direct}}
  - {client_id: w, kind: wsfed, wsfed: {realm: x, reply_urls: ['https://a.example/'], token_version: '2.0'}}
  - {client_id: m, kind: machine, organization: 'no', box: {authorized_in: ['no']}, grant_types: []}
  - {client_id: p, kind: web, token_endpoint_auth_method: none, first_party: false, access_token_lifetime: 60}
";
    for text in [DEMO, BEFORE, odd] {
        let stored = applied(&read(text, env).unwrap());
        let exported = export::text(&stored);
        let plan = planned(&exported, &stored, Prune::Yes);
        assert!(plan.starts_with("0 to create, 0 to update, 0 to delete"), "{exported}\n{plan}");
        assert!(!exported.contains("secret:") && !exported.contains("password:"), "{exported}");
    }
}
