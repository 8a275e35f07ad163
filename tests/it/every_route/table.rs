//! Who gets in where.

pub struct Line {
    pub method: &'static str,
    /// As it is mounted.
    pub path: &'static str,
    /// An example.
    pub asked: &'static str,
    /// Nothing, a JSON object, or a form.
    pub body: &'static str,
    /// The status for each of [`super::callers::KINDS`].
    pub expected: [u16; 8],
}

const fn line(
    method: &'static str,
    path: &'static str,
    asked: &'static str,
    body: &'static str,
    expected: [u16; 8],
) -> Line {
    Line { method, path, asked, body, expected }
}

const fn open(method: &'static str, path: &'static str, status: u16) -> Line {
    line(method, path, path, "", [status; 8])
}

const LINK: &str = r#"{"protocol":"oauth2","impersonator_id":"usr_sam","client_id":"legacy"}"#;
const RESOURCE: &str = r#"{"protocol":"oauth2","impersonator_id":"usr_sam","client_id":"legacy","user_id":"usr_alice"}"#;
const APP_USER: &str = r#"{"name":"Ned","is_platform_access_only":true}"#;
const NOBODYS: &str = "/users/usr_alice/impersonate?bewit=bm9uZQ";
const NOBODYS_BELOW_API: &str = "/api/users/usr_alice/impersonate?bewit=bm9uZQ";

/// Columns: nobody; browser of a user, of an actor; token of a user, an agent, an actor, a machine, the
/// global client. What ends something comes last.
#[rustfmt::skip]
pub const TABLE: &[Line] = &[
    // The same for everybody.
    open("GET", "/health/live", 200),
    open("GET", "/health/ready", 200),
    open("GET", "/impersonation/bar.js", 200),
    open("GET", "/.well-known/openid-configuration", 200),
    open("GET", "/.well-known/oauth-authorization-server", 200),
    open("GET", "/.well-known/jwks.json", 200),
    open("GET", "/FederationMetadata/2007-06/FederationMetadata.xml", 200),
    open("GET", "/samlp/metadata", 200),
    line("GET", "/samlp/metadata/{client_id}", "/samlp/metadata/orders-saml", "", [200; 8]),
    open("GET", "/wsfed/FederationMetadata/2007-06/FederationMetadata.xml", 200),
    line("GET", "/wsfed/{client_id}/FederationMetadata/2007-06/FederationMetadata.xml", "/wsfed/shop-wsfed/FederationMetadata/2007-06/FederationMetadata.xml", "", [200; 8]),
    line("GET", "/static/{file}", "/static/none.css", "", [404; 8]),

    // Links: only the global client asks for one; whoever shows a bewit shows no other credential.
    line("POST", "/users/{user_id}/impersonate", "/users/usr_alice/impersonate", LINK, [401, 401, 401, 403, 403, 403, 403, 200]),
    line("POST", "/api/users/{user_id}/impersonate", "/api/users/usr_alice/impersonate", LINK, [401, 401, 401, 403, 403, 403, 403, 200]),
    line("GET", "/users/{user_id}/impersonate", NOBODYS, "", [403, 403, 403, 400, 400, 400, 400, 400]),
    line("GET", "/api/users/{user_id}/impersonate", NOBODYS_BELOW_API, "", [403, 403, 403, 400, 400, 400, 400, 400]),
    line("POST", "/users/{user_id}/impersonate", NOBODYS, "", [405, 405, 405, 400, 400, 400, 400, 400]),

    // The resource: the global client, and people by their own token as far as their roles go.
    line("POST", "/api/impersonations", "/api/impersonations", RESOURCE, [401, 401, 401, 403, 201, 403, 403, 201]),
    line("GET", "/api/impersonations", "/api/impersonations", "", [401, 401, 401, 403, 200, 403, 403, 200]),
    line("GET", "/api/impersonations/{id}", "/api/impersonations/{seen}", "", [401, 401, 401, 403, 200, 403, 403, 200]),

    // Applications prove themselves; nobody's bearer token or cookie does.
    line("POST", "/oauth/token", "/oauth/token", "grant_type=client_credentials", [401; 8]),
    line("POST", "/oauth/introspect", "/oauth/introspect", "token=x", [401; 8]),
    line("POST", "/oauth/revoke", "/oauth/revoke", "token=x", [401; 8]),
    line("POST", "/oauth2/token", "/oauth2/token", "grant_type=client_credentials", [400; 8]),
    line("POST", "/oauth2/revoke", "/oauth2/revoke", "token=x", [400; 8]),
    line("OPTIONS", "/oauth/token", "/oauth/token", "", [204; 8]),
    line("OPTIONS", "/oauth/revoke", "/oauth/revoke", "", [204; 8]),
    line("OPTIONS", "/userinfo", "/userinfo", "", [204; 8]),
    line("GET", "/userinfo", "/userinfo", "", [401, 401, 401, 200, 200, 200, 403, 403]),
    line("POST", "/userinfo", "/userinfo", "", [401, 401, 401, 200, 200, 200, 403, 403]),

    // Users in the manner of Box: tokens of applications that are set up for it. A sign-in elsewhere opens nothing here (K-01).
    line("GET", "/2.0/users/me", "/2.0/users/me", "", [401, 401, 401, 403, 403, 403, 403, 403]),
    line("GET", "/2.0/users", "/2.0/users", "", [401, 401, 401, 403, 403, 403, 403, 403]),
    line("POST", "/2.0/users", "/2.0/users", APP_USER, [401, 401, 401, 403, 403, 403, 403, 403]),
    line("GET", "/2.0/users/{user_id}", "/2.0/users/usr_alice", "", [401, 401, 401, 403, 403, 403, 403, 403]),
    line("PUT", "/2.0/users/{user_id}", "/2.0/users/usr_alice", r#"{"name":"A"}"#, [401, 401, 401, 403, 403, 403, 403, 403]),
    line("DELETE", "/2.0/users/{user_id}", "/2.0/users/usr_alice", "", [401, 401, 401, 403, 403, 403, 403, 403]),

    // A proxy asks for whoever calls it: a bearer that was made for what is behind it is somebody.
    line("GET", "/forward-auth", "/forward-auth", "", [401, 401, 401, 200, 200, 403, 403, 403]),
    line("GET", "/forward-auth/{path:.*}", "/forward-auth/2.0/folders/0", "", [401, 401, 401, 200, 200, 403, 403, 403]),
    line("GET", "/forward-auth-for/{path:.*}", "/forward-auth-for/scope=jobs%3Arun/2.0/folders/0", "", [401, 401, 401, 403, 403, 403, 200, 403]),

    // Pages: a bearer token is nobody.
    line("GET", "/authorize", "/authorize", "", [400; 8]),
    line("POST", "/authorize", "/authorize", "state=x", [400; 8]),
    line("GET", "/", "/", "", [302; 8]),
    line("GET", "/account", "/account", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/login", "/login", "", [200; 8]),
    line("GET", "/logout", "/logout", "", [200; 8]),
    line("GET", "/consent", "/consent", "", [302, 400, 400, 302, 302, 302, 302, 302]),
    line("GET", "/oidc/logout", "/oidc/logout", "", [302; 8]),
    line("GET", "/v2/logout", "/v2/logout", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/wsfed", "/wsfed?wa=wsignin1.0&wtrealm=urn:test:wsfed", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/wsfed/{client_id}", "/wsfed/shop-wsfed?wa=wsignin1.0&wtrealm=urn:test:wsfed", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/rms/{client_id}", "/rms/legacy-rms?wa=wsignin1.0&wtrealm=urn:test:legacy-rms", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/impersonation/stopped", "/impersonation/stopped", "", [302; 8]),
    line("POST", "/login", "/login", "email=a&password=b", [403; 8]),
    line("POST", "/logout", "/logout", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/consent", "/consent", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/oidc/logout", "/oidc/logout", "state=x", [303; 8]),
    line("POST", "/v2/logout", "/v2/logout", "csrf=x", [403; 8]),
    open("GET", "/samlp", 400),
    open("GET", "/samlp/logout", 302),
    line("POST", "/samlp/logout", "/samlp/logout", "SAMLRequest=x", [400; 8]),
    line("GET", "/samlp/{client_id}/logout", "/samlp/orders-saml/logout", "", [302; 8]),
    line("POST", "/samlp/{client_id}/logout", "/samlp/orders-saml/logout", "SAMLRequest=x", [400; 8]),
    line("GET", "/samlp/{client_id}/logout/done", "/samlp/orders-saml/logout/done", "", [302; 8]),
    line("POST", "/samlp", "/samlp", "SAMLRequest=x", [400; 8]),
    line("GET", "/samlp/{client_id}", "/samlp/orders-saml", "", [400; 8]),
    line("POST", "/samlp/{client_id}", "/samlp/orders-saml", "SAMLRequest=x", [400; 8]),
    line("POST", "/wsfed", "/wsfed", "wa=wsignin2.0", [400; 8]),
    line("POST", "/wsfed/{client_id}", "/wsfed/shop-wsfed", "wa=wsignin2.0", [400; 8]),
    line("POST", "/rms/{client_id}", "/rms/legacy-rms", "wa=wsignin2.0", [400; 8]),
    line("POST", "/wsfed/sign-out/confirmed", "/wsfed/sign-out/confirmed", "csrf=x", [403; 8]),
    line("POST", "/impersonation/stop", "/impersonation/stop", "csrf=x", [409, 409, 403, 409, 409, 409, 409, 409]),

    // The console, by the session of one's own: a user has no business there, a support agent who acts as
    // somebody is still who they are, and a bearer token is nobody.
    line("GET", "/console", "/console", "", [302, 403, 302, 302, 302, 302, 302, 302]),
    line("GET", "/console/users", "/console/users", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/users/{user_id}", "/console/users/usr_alice", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/users/{user_id}/preview", "/console/users/usr_alice/preview", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/users/{user_id}/sign-in-as", "/console/users/usr_alice/sign-in-as", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("POST", "/console/users/{user_id}/sign-in-as", "/console/users/usr_alice/sign-in-as", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/users/{user_id}/sign-in-as/link", "/console/users/usr_alice/sign-in-as/link", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/users/{user_id}/sign-in-as/code", "/console/users/usr_alice/sign-in-as/code", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/users/{user_id}/sessions/{id}/end", "/console/users/usr_alice/sessions/ses_none/end", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/organizations", "/console/organizations", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/new-organization", "/console/new-organization", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/new-organization", "/console/new-organization", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/organizations/{id}", "/console/organizations/org_acme", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/organizations/{id}", "/console/organizations/org_acme", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/users/{user_id}/end-sessions", "/console/users/usr_alice/end-sessions", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/users/{user_id}/end-sessions", "/console/users/usr_alice/end-sessions", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/organizations/{id}/end-sessions", "/console/organizations/org_acme/end-sessions", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/organizations/{id}/end-sessions", "/console/organizations/org_acme/end-sessions", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/keys/end-sessions", "/console/keys/end-sessions", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/keys/end-sessions", "/console/keys/end-sessions", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/organizations/{id}/status", "/console/organizations/org_acme/status", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/organizations/{id}/status", "/console/organizations/org_acme/status", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/organizations/{id}/delete", "/console/organizations/org_acme/delete", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/roles", "/console/roles", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/new-role", "/console/new-role", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/new-role", "/console/new-role", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/roles/{name}", "/console/roles/auditor", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("POST", "/console/roles/{name}", "/console/roles/auditor", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/roles/{name}/delete", "/console/roles/auditor/delete", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/users/{user_id}/roles/give", "/console/users/usr_alice/roles/give", "csrf=x&role=support", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/users/{user_id}/roles/take", "/console/users/usr_alice/roles/take", "csrf=x&role=support", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/users/{user_id}/status", "/console/users/usr_alice/status", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/users/{user_id}/status", "/console/users/usr_alice/status", "csrf=x&status=inactive", [303, 403, 403, 303, 303, 303, 303, 303]),
    // There is an administrator already.
    open("GET", "/setup", 404),
    line("POST", "/setup", "/setup", "csrf=x", [403; 8]),
    open("GET", "/reset-password", 200),
    line("POST", "/reset-password", "/reset-password", "csrf=x", [403; 8]),
    line("GET", "/console/applications", "/console/applications", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/new-application", "/console/new-application?kind=web", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/new-application", "/console/new-application?kind=web", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/new-application/metadata", "/console/new-application/metadata", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/applications/{client_id}", "/console/applications/portal", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/applications/{client_id}/setup", "/console/applications/portal/setup", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/applications/{client_id}/edit", "/console/applications/portal/edit", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/applications/{client_id}/secret", "/console/applications/portal/secret", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/applications/{client_id}/status", "/console/applications/portal/status", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/applications/{client_id}/end-tokens", "/console/applications/portal/end-tokens", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/applications/{client_id}/delete", "/console/applications/portal/delete", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/applications/{client_id}/edit", "/console/applications/portal/edit", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/applications/{client_id}/secret", "/console/applications/portal/secret", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/applications/{client_id}/status", "/console/applications/portal/status", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/applications/{client_id}/end-tokens", "/console/applications/portal/end-tokens", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/applications/{client_id}/delete", "/console/applications/portal/delete", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/applications/{client_id}/metadata", "/console/applications/orders-saml/metadata", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/keys", "/console/keys", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/console/keys/rotate", "/console/keys/rotate", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/keys/rotate", "/console/keys/rotate", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/keys/replace", "/console/keys/replace", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("POST", "/console/keys/replace", "/console/keys/replace", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/keys/{id}/public", "/console/keys/key_none/public", "", [302, 403, 403, 302, 302, 302, 302, 302]),
    line("GET", "/account/sessions", "/account/sessions", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/account/access", "/account/access", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/account/password", "/account/password", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("GET", "/account/profile", "/account/profile", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("POST", "/account/profile", "/account/profile", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/account/password", "/account/password", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/account/sessions/end", "/account/sessions/end", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/account/sessions/end-others", "/account/sessions/end-others", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/account/access/end", "/account/access/end", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/console/audit", "/console/audit", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/impersonations", "/console/impersonations", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/impersonations/history", "/console/impersonations/history", "", [302, 403, 200, 302, 302, 302, 302, 302]),
    line("GET", "/console/impersonations/{id}", "/console/impersonations/imp_none", "", [302, 403, 404, 302, 302, 302, 302, 302]),
    line("POST", "/console/audit/export", "/console/audit/export", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/impersonations/end-all", "/console/impersonations/end-all", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("POST", "/console/impersonations/{id}/end", "/console/impersonations/imp_none/end", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),
    line("GET", "/go", "/go", "", [302, 200, 200, 302, 302, 302, 302, 302]),
    line("POST", "/go", "/go", "csrf=x", [303, 403, 403, 303, 303, 303, 303, 303]),

    // What runs in this browser, or by this token.
    line("GET", "/me/impersonation", "/me/impersonation", "", [200, 200, 200, 200, 200, 200, 200, 200]),

    // What ends something.
    line("POST", "/api/impersonations/end-all", "/api/impersonations/end-all", r#"{"user_id":"usr_carol"}"#, [401, 401, 401, 403, 200, 403, 403, 200]),
    line("POST", "/api/sessions/end-all", "/api/sessions/end-all", r#"{"user_id":"usr_carol"}"#, [401, 401, 401, 403, 403, 403, 403, 403]),
    line("DELETE", "/api/impersonations/{id}", "/api/impersonations/{doomed}", "", [401, 401, 401, 204, 204, 403, 403, 204]),
    line("DELETE", "/me/impersonation", "/me/impersonation", "", [403, 409, 204, 409, 409, 204, 409, 409]),
];
