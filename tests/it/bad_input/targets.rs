//! Where broken things are sent: each is a good request that is refused in the end, for what it asks.

/// The form of a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    /// Box's, on its own routes.
    Envelope,
    Page,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    None,
    Global,
}

pub struct Target {
    pub method: &'static str,
    pub path: &'static str,
    pub auth: Auth,
    pub form: Form,
    /// In the body of a POST, in the query of a GET.
    pub fields: &'static [(&'static str, &'static str)],
    /// Whether the body may be JSON.
    pub json: bool,
    /// The status when nothing is broken.
    pub untouched: u16,
}

impl Target {
    /// Besides a refusal: what a page that has nothing to read says, and a redirect with an error.
    pub fn admits(&self, status: u16) -> bool {
        (400..500).contains(&status) || (self.untouched < 400 && (200..400).contains(&status))
    }
}

const ASKED: &[(&str, &str)] = &[
    ("protocol", "oauth2"),
    ("impersonator_id", "usr_sam"),
    ("client_id", "nonesuch"),
    ("ttl", "60"),
    ("duration", "600"),
    ("mode", "full"),
    ("reason", "a ticket"),
    ("state", "s"),
];
const RESOURCE: &[(&str, &str)] = &[
    ("protocol", "oauth2"),
    ("impersonator_id", "usr_sam"),
    ("client_id", "nonesuch"),
    ("user_id", "usr_alice"),
    ("reason", "a ticket"),
];
const CODE: &[(&str, &str)] = &[
    ("grant_type", "authorization_code"),
    ("client_id", "orders"),
    ("client_secret", "orders-secret"),
    ("code", "nonesuch"),
    ("redirect_uri", "http://127.0.0.1:9/callback"),
];
const REFRESH: &[(&str, &str)] = &[
    ("grant_type", "refresh_token"),
    ("client_id", "orders"),
    ("client_secret", "orders-secret"),
    ("refresh_token", "nonesuch"),
    ("scope", "openid"),
];
const CREDENTIALS: &[(&str, &str)] = &[
    ("grant_type", "client_credentials"),
    ("client_id", "machine"),
    ("client_secret", "wrong"),
    ("scope", "jobs:run"),
    ("audience", "https://jobs.test/api"),
];
const ASSERTION: &[(&str, &str)] = &[
    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
    ("client_id", "box-app"),
    ("client_secret", "box-app-secret"),
    ("assertion", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"),
    ("scope", "item_upload"),
];
const NAMED: &[(&str, &str)] = &[
    ("grant_type", "client_credentials"),
    ("client_id", "box-app"),
    ("client_secret", "box-app-secret"),
    ("box_subject_type", "user"),
    ("box_subject_id", "usr_nobody"),
];
const NARROWED: &[(&str, &str)] = &[
    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ("subject_token", "nonesuch"),
    ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ("scope", "item_upload"),
];
const USER: &[(&str, &str)] = &[("name", "Ned"), ("login", "ned@acme.test"), ("role", "user")];
const TOKEN: &[(&str, &str)] =
    &[("token", "nonesuch"), ("client_id", "machine"), ("client_secret", "wrong")];
const AUTHORIZE: &[(&str, &str)] = &[
    ("client_id", "nonesuch"),
    ("response_type", "code"),
    ("redirect_uri", "http://127.0.0.1:9/callback"),
    ("scope", "openid"),
    ("state", "s"),
    ("nonce", "n"),
];
const LOGOUT: &[(&str, &str)] = &[
    ("client_id", "nonesuch"),
    ("post_logout_redirect_uri", "http://127.0.0.1:9/"),
    ("state", "s"),
];
const LOGIN: &[(&str, &str)] = &[
    ("csrf", "x"),
    ("return_to", "/"),
    ("email", "alice@acme.test"),
    ("password", "alice-password"),
];

const fn target(
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    form: Form,
    untouched: u16,
) -> Target {
    Target { method, path, auth: Auth::None, form, fields, json: false, untouched }
}

const fn api(
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    untouched: u16,
) -> Target {
    Target {
        method: "POST",
        path,
        auth: Auth::Global,
        form: Form::Json,
        fields,
        json: true,
        untouched,
    }
}

const fn oauth(
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    untouched: u16,
) -> Target {
    Target {
        method: "POST",
        path,
        auth: Auth::None,
        form: Form::Json,
        fields,
        json: true,
        untouched,
    }
}

pub const TARGETS: &[Target] = &[
    api("/users/usr_alice/impersonate", ASKED, 404),
    api("/api/impersonations", RESOURCE, 400),
    api("/api/impersonations/end-all", &[("user_id", "usr_nobody"), ("nonsense", "1")], 400),
    Target {
        auth: Auth::Global,
        ..target(
            "GET",
            "/api/impersonations",
            &[("status", "lost"), ("limit", "2")],
            Form::Json,
            400,
        )
    },
    Target {
        auth: Auth::Global,
        ..target("GET", "/api/impersonations/imp_nonesuch", &[], Form::Json, 404)
    },
    target("GET", "/users/usr_alice/impersonate", &[("bewit", "bm9uZQ")], Form::Json, 403),
    target("POST", "/users/usr_alice/impersonate", &[("csrf", "x")], Form::Json, 401),
    oauth("/oauth/token", CODE, 400),
    oauth("/oauth/token", REFRESH, 400),
    oauth("/oauth/token", CREDENTIALS, 401),
    oauth("/oauth/introspect", TOKEN, 401),
    oauth("/oauth/revoke", TOKEN, 401),
    oauth("/oauth2/token", ASSERTION, 400),
    oauth("/oauth2/token", NAMED, 400),
    oauth("/oauth2/token", NARROWED, 400),
    oauth("/oauth2/revoke", TOKEN, 400),
    Target { form: Form::Envelope, ..api("/2.0/users", USER, 400) },
    Target {
        auth: Auth::Global,
        ..target("GET", "/2.0/users", &[("limit", "3"), ("filter_term", "a")], Form::Envelope, 403)
    },
    Target {
        auth: Auth::Global,
        ..target("GET", "/2.0/users/usr_alice", &[("fields", "name")], Form::Envelope, 403)
    },
    target("GET", "/userinfo", &[("access_token", "nonesuch")], Form::Json, 401),
    target("POST", "/userinfo", &[("access_token", "nonesuch")], Form::Json, 401),
    target("GET", "/authorize", AUTHORIZE, Form::Page, 400),
    target("POST", "/authorize", AUTHORIZE, Form::Page, 400),
    target("GET", "/oidc/logout", LOGOUT, Form::Page, 302),
    target("POST", "/oidc/logout", LOGOUT, Form::Page, 303),
    target("GET", "/v2/logout", &[("client_id", "nonesuch")], Form::Page, 302),
    target("GET", "/login", &[("return_to", "/account")], Form::Page, 200),
    target("POST", "/login", LOGIN, Form::Page, 403),
    target("POST", "/logout", &[("csrf", "x")], Form::Page, 303),
    target("POST", "/consent", &[("csrf", "x"), ("decision", "allow")], Form::Page, 303),
    target("POST", "/impersonation/stop", &[("csrf", "x"), ("id", "imp_x")], Form::Page, 409),
    target("GET", "/impersonation/stopped", &[("id", "imp_x"), ("seal", "x")], Form::Page, 302),
    target("GET", "/me/impersonation", &[], Form::Json, 200),
    target("DELETE", "/me/impersonation", &[("id", "imp_x")], Form::Json, 403),
];
