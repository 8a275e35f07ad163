// What diesel knows of the schema; `tests/it/schema.rs` compares it with the database.
diesel::table! { settings (only) { only -> Bool, impersonation_enabled -> Bool, } }
diesel::table! { organizations (id) {
    id -> Text, name -> Text, status -> Text, impersonation_enabled -> Bool,
    created_at -> Timestamptz, updated_at -> Timestamptz,
} }
diesel::table! { roles (name) { name -> Text, permissions -> Array<Text>, rank -> Int4, built_in -> Bool, } }
diesel::table! { users (id) {
    id -> Text, organization_id -> Nullable<Text>, kind -> Text, status -> Text,
    email -> Nullable<Text>, email_canonical -> Nullable<Text>, email_verified -> Bool,
    name -> Nullable<Text>, given_name -> Nullable<Text>, family_name -> Nullable<Text>,
    nickname -> Nullable<Text>, picture -> Nullable<Text>, phone_number -> Nullable<Text>,
    user_metadata -> Jsonb, app_metadata -> Jsonb,
    created_at -> Timestamptz, updated_at -> Timestamptz,
    last_login_at -> Nullable<Timestamptz>, login_count -> Int8,
    created_by_client_id -> Nullable<Text>, external_app_user_id -> Nullable<Text>,
    #[sql_name = "box"] box_ -> Jsonb,
} }
diesel::table! { user_roles (user_id, role) { user_id -> Text, role -> Text, } }
diesel::table! { credentials (user_id) {
    user_id -> Text, password_hash -> Nullable<Text>, totp_secret_sealed -> Nullable<Binary>,
    changed_at -> Timestamptz,
} }
// A view.
diesel::table! { people (id) {
    id -> Text, kind -> Text, status -> Text,
    email -> Nullable<Text>, email_canonical -> Nullable<Text>, email_verified -> Bool,
    name -> Nullable<Text>, given_name -> Nullable<Text>, family_name -> Nullable<Text>,
    nickname -> Nullable<Text>, picture -> Nullable<Text>, phone_number -> Nullable<Text>,
    organization_id -> Nullable<Text>, organization_status -> Nullable<Text>,
    organization_impersonation_enabled -> Nullable<Bool>, permissions -> Array<Text>,
    created_by_client_id -> Nullable<Text>,
} }
diesel::table! { clients (id) {
    id -> Text, organization_id -> Nullable<Text>, name -> Text, status -> Text, kind -> Text,
    first_party -> Bool, auth_method -> Text, jwks -> Nullable<Jsonb>,
    redirect_uris -> Array<Text>, post_logout_redirect_uris -> Array<Text>,
    initiate_login_uri -> Nullable<Text>, backchannel_logout_uri -> Nullable<Text>,
    grant_types -> Array<Text>, scopes -> Array<Text>, audiences -> Array<Text>,
    api_scopes -> Array<Text>, introspect -> Bool,
    id_token_algorithm -> Text, access_token_lifetime -> Int4,
    impersonation_enabled -> Bool, redeem -> Text, unsolicited -> Bool, read_scopes -> Array<Text>,
    read_only -> Bool,
    saml -> Nullable<Jsonb>, wsfed -> Nullable<Jsonb>, #[sql_name = "box"] box_ -> Nullable<Jsonb>,
    created_at -> Timestamptz, updated_at -> Timestamptz,
} }
diesel::table! { client_secrets (client_id, secret_hash) {
    client_id -> Text, secret_hash -> Binary, created_at -> Timestamptz,
} }
// A view: clients with their organization and secrets.
diesel::table! { applications (id) {
    id -> Text, organization_id -> Nullable<Text>, name -> Text, status -> Text, kind -> Text,
    first_party -> Bool, auth_method -> Text, jwks -> Nullable<Jsonb>,
    redirect_uris -> Array<Text>, post_logout_redirect_uris -> Array<Text>,
    initiate_login_uri -> Nullable<Text>, backchannel_logout_uri -> Nullable<Text>,
    grant_types -> Array<Text>, scopes -> Array<Text>, audiences -> Array<Text>,
    api_scopes -> Array<Text>, introspect -> Bool,
    id_token_algorithm -> Text, access_token_lifetime -> Int4,
    impersonation_enabled -> Bool, redeem -> Text, unsolicited -> Bool, read_scopes -> Array<Text>,
    read_only -> Bool,
    saml -> Nullable<Jsonb>, wsfed -> Nullable<Jsonb>,
    #[sql_name = "box"] box_ -> Nullable<Jsonb>,
    organization_status -> Nullable<Text>, organization_impersonation_enabled -> Nullable<Bool>,
    secret_hashes -> Array<Binary>,
} }
diesel::table! { signing_keys (id) {
    id -> Text, algorithm -> Text, purpose -> Text, state -> Text, public_jwk -> Nullable<Jsonb>,
    private_sealed -> Binary, created_at -> Timestamptz, retires_at -> Nullable<Timestamptz>,
    certificate -> Nullable<Binary>,
} }
diesel::table! { impersonations (id) {
    id -> Text, status -> Text, channel -> Text, protocol -> Text, mode -> Text,
    actor_id -> Text, subject_id -> Text, client_id -> Text, organization_id -> Nullable<Text>,
    requested_by -> Text, reason -> Nullable<Text>, reason_code -> Nullable<Text>, ticket -> Nullable<Text>,
    request -> Nullable<Jsonb>, target_link_uri -> Nullable<Text>, redeem -> Nullable<Text>,
    duration_seconds -> Nullable<Int4>, ticket_hash -> Nullable<Binary>, created_at -> Timestamptz,
    link_expires_at -> Nullable<Timestamptz>,
    redeemed_at -> Nullable<Timestamptz>, actor_proof -> Nullable<Text>, actor_session_id -> Nullable<Text>,
    ends_at -> Nullable<Timestamptz>, last_seen_at -> Nullable<Timestamptz>,
    ended_at -> Nullable<Timestamptz>, end_reason -> Nullable<Text>, bearer_hash -> Nullable<Binary>,
    requester_kind -> Nullable<Text>, requester_application -> Nullable<Text>,
} }
diesel::table! { sessions (id) {
    id -> Text, token_hash -> Binary, user_id -> Text, created_at -> Timestamptz,
    authenticated_at -> Timestamptz, last_seen_at -> Timestamptz, expires_at -> Timestamptz,
    ended_at -> Nullable<Timestamptz>, ip -> Nullable<Text>, user_agent -> Nullable<Text>,
    impersonation_id -> Nullable<Text>, impersonator -> Nullable<Jsonb>, bound_client_id -> Nullable<Text>,
    superseded_hash -> Nullable<Binary>, superseded_until -> Nullable<Timestamptz>,
} }
diesel::table! { session_participants (id) {
    id -> Text, protocol -> Text, client_id -> Text, user_id -> Text, session_id -> Text,
    impersonation_id -> Nullable<Text>, return_url -> Text, name_id -> Nullable<Text>,
    name_id_format -> Nullable<Text>, created_at -> Timestamptz, left_at -> Nullable<Timestamptz>,
} }
diesel::table! { consents (user_id, client_id) {
    user_id -> Text, client_id -> Text, scope -> Text, granted_at -> Timestamptz,
} }
diesel::table! { authorization_codes (id) {
    id -> Text, code_hash -> Binary, client_id -> Text, user_id -> Text, session_id -> Text,
    impersonation_id -> Nullable<Text>, redirect_uri -> Text, scope -> Text, nonce -> Nullable<Text>,
    code_challenge -> Nullable<Text>, audience -> Nullable<Text>, authenticated_at -> Timestamptz,
    created_at -> Timestamptz, expires_at -> Timestamptz, redeemed_at -> Nullable<Timestamptz>,
    revoked_at -> Nullable<Timestamptz>,
} }
diesel::table! { access_tokens (token_hash) {
    token_hash -> Binary, client_id -> Text, user_id -> Nullable<Text>, grant_id -> Nullable<Text>,
    session_id -> Nullable<Text>, impersonation_id -> Nullable<Text>, scope -> Text, audience -> Nullable<Text>,
    issued_at -> Timestamptz, authenticated_at -> Nullable<Timestamptz>, expires_at -> Timestamptz,
    revoked_at -> Nullable<Timestamptz>, narrowed_from -> Nullable<Binary>,
} }
diesel::table! { vetoes (id, kind) { id -> Text, kind -> Text, since -> Timestamptz, } }
diesel::table! { refresh_tokens (token_hash) {
    token_hash -> Binary, grant_id -> Text, client_id -> Text, user_id -> Text, session_id -> Text,
    scope -> Text, issued_at -> Timestamptz, expires_at -> Timestamptz, ends_at -> Timestamptz,
    used_at -> Nullable<Timestamptz>,
} }
diesel::table! { replay_guard (kind, key_hash) { kind -> Text, key_hash -> Binary, expires_at -> Timestamptz, } }
diesel::table! { login_failures (key_hash, failed_at) {
    key_hash -> Binary, failed_at -> Timestamptz, kept_until -> Timestamptz, client_id -> Nullable<Text>,
    ip -> Nullable<Text>, reported_at -> Nullable<Timestamptz>,
} }
diesel::table! { handover_codes (code_hash) {
    code_hash -> Binary, actor_id -> Text, subject_id -> Text, client_id -> Text, request -> Jsonb,
    created_at -> Timestamptz, expires_at -> Timestamptz, used_at -> Nullable<Timestamptz>,
} }
diesel::table! { setup_codes (code_hash) {
    code_hash -> Binary, created_at -> Timestamptz, expires_at -> Timestamptz, used_at -> Nullable<Timestamptz>,
} }
diesel::table! { password_resets (user_id) {
    user_id -> Text, code_hash -> Binary, created_at -> Timestamptz, expires_at -> Timestamptz,
} }
diesel::table! { logout_deliveries (id) {
    id -> Int8, client_id -> Text, user_id -> Text, session_id -> Text, impersonation_id -> Nullable<Text>,
    attempts -> Int4, due_at -> Timestamptz, delivered_at -> Nullable<Timestamptz>, failure -> Nullable<Text>,
    traceparent -> Nullable<Text>,
} }
diesel::table! { audit_events (seq) {
    seq -> Int8, at -> Timestamptz, #[sql_name = "type"] kind -> Text,
    actor -> Nullable<Text>, subject -> Nullable<Text>, impersonation_id -> Nullable<Text>,
    client_id -> Nullable<Text>, organization_id -> Nullable<Text>, channel -> Nullable<Text>,
    protocol -> Nullable<Text>, ip -> Nullable<Text>, user_agent -> Nullable<Text>,
    request_id -> Nullable<Text>, reason -> Nullable<Text>, ticket -> Nullable<Text>, detail -> Jsonb,
} }
diesel::allow_tables_to_appear_in_same_query!(
    people,
    applications,
    impersonations,
    sessions,
    session_participants,
    authorization_codes,
    access_tokens,
    refresh_tokens,
    settings,
    users,
    user_roles,
    roles,
    credentials,
    clients,
    client_secrets,
    organizations,
    consents,
    signing_keys,
    audit_events,
);

/// An expression that is written out, without values: always the same text.
pub trait Written: 'static {
    type SqlType: diesel::sql_types::SingleValue + 'static;
    const SQL: &'static str;
}

/// `W` as an expression of a statement that is prepared once.
#[derive(Debug)]
pub struct Raw<W>(std::marker::PhantomData<fn() -> W>);

pub fn written<W: Written>() -> Raw<W> {
    Raw(std::marker::PhantomData)
}

/// The one clock, the database's: a function that Postgres inlines, and that tests replace.
#[derive(Debug)]
pub struct Clock;

impl Written for Clock {
    type SqlType = diesel::sql_types::Timestamptz;
    const SQL: &'static str = "clock_now()";
}

pub type ClockNow = Raw<Clock>;

pub fn clock_now() -> ClockNow {
    written()
}

/// Which versions of the directory a statement sees. NULL in a transaction that has written anything: what it sees
/// may be its own and never come to be.
#[derive(Debug)]
pub struct SeenVersions;

impl Written for SeenVersions {
    type SqlType = diesel::sql_types::Nullable<diesel::sql_types::Array<diesel::sql_types::Text>>;
    const SQL: &'static str = "(CASE WHEN pg_current_xact_id_if_assigned() IS NULL \
         THEN ARRAY(SELECT version || ' ' || key FROM directory_versions) END)";
}

/// The columns of a [`super::Moment`].
pub type MomentColumns = (ClockNow, Raw<SeenVersions>);

pub fn moment() -> MomentColumns {
    (written(), written())
}

impl<W> Clone for Raw<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Raw<W> {}

impl<W: Written> diesel::query_builder::QueryId for Raw<W> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<W, G> diesel::expression::ValidGrouping<G> for Raw<W> {
    type IsAggregate = diesel::expression::is_aggregate::Never;
}

impl<W: Written> diesel::expression::Expression for Raw<W> {
    type SqlType = W::SqlType;
}

impl<Table, W: Written> diesel::expression::SelectableExpression<Table> for Raw<W> {}
impl<Table, W: Written> diesel::expression::AppearsOnTable<Table> for Raw<W> {}

impl<W: Written> diesel::query_builder::QueryFragment<diesel::pg::Pg> for Raw<W> {
    fn walk_ast<'b>(
        &'b self,
        mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
    ) -> diesel::QueryResult<()> {
        out.push_sql(W::SQL);
        Ok(())
    }
}
