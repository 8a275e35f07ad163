//! Configuration for libraries that many use, with the values of one application. Never a secret.
use crate::domain::client::{Client, ClientKind};
use crate::domain::protocol::ProtocolName;

pub struct Snippet {
    /// On the page.
    pub id: String,
    pub title: &'static str,
    pub text: String,
}

/// Text as JSON writes it, which JavaScript, Python and YAML read as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One word of a shell.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

pub fn snippets(issuer: &str, client: &Client, protocol: ProtocolName) -> Vec<Snippet> {
    let all: Vec<(&'static str, String)> = match (protocol, client.kind) {
        (ProtocolName::Oauth2, ClientKind::Web) => vec![
            ("Node.js: openid-client", node(issuer, client)),
            ("Spring Boot: application.yaml", spring(issuer, client)),
            ("ASP.NET Core: Program.cs", dotnet(issuer, client)),
            ("Python: Authlib", python(issuer, client)),
        ],
        (ProtocolName::Oauth2, ClientKind::Spa) => {
            vec![("Browser: oidc-client-ts", browser(issuer, client))]
        }
        (ProtocolName::Oauth2, ClientKind::Native) => {
            vec![("Android and iOS: react-native-app-auth", native(issuer, client))]
        }
        (ProtocolName::Oauth2, _) => vec![("curl: a token", curl(issuer, client))],
        (ProtocolName::Samlp, _) => {
            vec![("Node.js: @node-saml/node-saml", node_saml(issuer, client))]
        }
        (ProtocolName::Wsfed, _) => {
            vec![("ASP.NET Core: Program.cs", dotnet_wsfed(issuer, client))]
        }
        (ProtocolName::WsfedRms, _) => Vec::new(),
    };
    let id = |nth: usize| format!("{}-snippet-{nth}", protocol.as_str());
    all.into_iter()
        .enumerate()
        .map(|(nth, (title, text))| Snippet { id: id(nth), title, text })
        .collect()
}

fn redirect(client: &Client) -> String {
    let first = client.redirect_uris.first().map(String::as_str);
    quoted(first.unwrap_or("https://your-application.example/callback"))
}

fn node(issuer: &str, client: &Client) -> String {
    let (issuer, id, redirect) = (quoted(issuer), quoted(client.id.as_str()), redirect(client));
    format!(
        "import * as client from 'openid-client';\n\n\
         const config = await client.discovery(\n  new URL({issuer}),\n  {id},\n  process.env.CLIENT_SECRET,\n);\n\
         const redirect_uri = {redirect};\n\
         const scope = 'openid profile email';\n"
    )
}

fn spring(issuer: &str, client: &Client) -> String {
    let (issuer, id) = (quoted(issuer), quoted(client.id.as_str()));
    format!(
        "spring:\n  security:\n    oauth2:\n      client:\n        registration:\n          understudy:\n\
         \x20           client-id: {id}\n            client-secret: ${{CLIENT_SECRET}}\n\
         \x20           scope: openid, profile, email\n        provider:\n          understudy:\n\
         \x20           issuer-uri: {issuer}\n"
    )
}

fn dotnet(issuer: &str, client: &Client) -> String {
    let (issuer, id) = (quoted(issuer), quoted(client.id.as_str()));
    format!(
        "builder.Services.AddAuthentication(options => {{\n\
         \x20   options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;\n\
         \x20   options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;\n\
         }})\n.AddCookie()\n.AddOpenIdConnect(options => {{\n\
         \x20   options.Authority = {issuer};\n    options.ClientId = {id};\n\
         \x20   options.ClientSecret = builder.Configuration[\"ClientSecret\"];\n\
         \x20   options.ResponseType = \"code\";\n}});\n"
    )
}

fn python(issuer: &str, client: &Client) -> String {
    let id = quoted(client.id.as_str());
    let discovery = quoted(&format!("{issuer}/.well-known/openid-configuration"));
    format!(
        "oauth.register(\n    name=\"understudy\",\n    server_metadata_url={discovery},\n\
         \x20   client_id={id},\n    client_secret=os.environ[\"CLIENT_SECRET\"],\n\
         \x20   client_kwargs={{\"scope\": \"openid profile email\"}},\n)\n"
    )
}

fn browser(issuer: &str, client: &Client) -> String {
    let (issuer, id, redirect) = (quoted(issuer), quoted(client.id.as_str()), redirect(client));
    format!(
        "import {{ UserManager }} from 'oidc-client-ts';\n\n\
         const manager = new UserManager({{\n  authority: {issuer},\n  client_id: {id},\n\
         \x20 redirect_uri: {redirect},\n  response_type: 'code',\n  scope: 'openid profile email',\n}});\n"
    )
}

fn native(issuer: &str, client: &Client) -> String {
    let (issuer, id, redirect) = (quoted(issuer), quoted(client.id.as_str()), redirect(client));
    format!(
        "import {{ authorize }} from 'react-native-app-auth';\n\n\
         await authorize({{\n  issuer: {issuer},\n  clientId: {id},\n  redirectUrl: {redirect},\n\
         \x20 scopes: ['openid', 'profile', 'email'],\n}});\n"
    )
}

fn curl(issuer: &str, client: &Client) -> String {
    let endpoint = word(&format!("{issuer}/oauth/token"));
    let id = word(&format!("client_id={}", client.id));
    format!(
        "curl {endpoint} \\\n  --data grant_type=client_credentials \\\n  --data-urlencode {id} \\\n\
         \x20 --data-urlencode client_secret=\"$CLIENT_SECRET\"\n"
    )
}

/// The addresses are those of the metadata, and so are the values that stand above.
fn value(issuer: &str, client: &Client, path: &str) -> String {
    use crate::flows::impersonation::start_impersonation::encode;
    quoted(&format!("{issuer}{path}{}", encode(client.id.as_str())))
}

fn node_saml(issuer: &str, client: &Client) -> String {
    let settings = client.saml.as_deref();
    let entity_id = quoted(settings.map_or("", |settings| &settings.entity_id));
    let acs = settings.and_then(|settings| settings.acs_urls.first());
    let acs = quoted(acs.map_or("", String::as_str));
    let entry = value(issuer, client, "/samlp/");
    format!(
        "import {{ SAML }} from '@node-saml/node-saml';\n\n\
         const saml = new SAML({{\n  issuer: {entity_id},\n  callbackUrl: {acs},\n  entryPoint: {entry},\n\
         \x20 idpIssuer: {},\n  idpCert: readFileSync('understudy.pem', 'utf8'),\n\
         \x20 wantAssertionsSigned: true,\n}});\n",
        quoted(issuer)
    )
}

fn dotnet_wsfed(issuer: &str, client: &Client) -> String {
    let realm = quoted(client.wsfed.as_ref().map_or("", |settings| &settings.realm));
    let metadata = value(issuer, client, "/wsfed/");
    let metadata = metadata.trim_end_matches('"');
    format!(
        "builder.Services.AddAuthentication(options => {{\n\
         \x20   options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;\n\
         \x20   options.DefaultChallengeScheme = WsFederationDefaults.AuthenticationScheme;\n\
         }})\n.AddCookie()\n.AddWsFederation(options => {{\n    options.Wtrealm = {realm};\n\
         \x20   options.MetadataAddress =\n        {metadata}/FederationMetadata/2007-06/FederationMetadata.xml\";\n}});\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_breaks_out_of_where_it_stands() {
        assert_eq!(quoted("a\"b\n</script>"), r#""a\"b\n</script>""#);
        assert_eq!(word("a'b; rm"), r"'a'\''b; rm'");
    }
}
