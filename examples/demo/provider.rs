//! The identity provider, as its discovery document describes it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AsyncHttpClient, Client, ClientId, ClientSecret, EmptyExtraTokenFields, EndSessionUrl,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken,
    IdTokenFields, IssuerUrl, ProviderMetadataWithLogout, RedirectUrl, StandardErrorResponse,
    StandardTokenResponse, UserInfoClaims,
};
use tokio::sync::Mutex;

use crate::marks::Marks;
use crate::settings::Settings;

/// How long the provider's metadata and keys are cached.
const FRESH: Duration = Duration::from_mins(5);
/// An unknown key makes us look again, but a stream of them not more often than this.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const LARGEST_ANSWER: usize = 256 * 1024;

pub type OurIdToken =
    IdToken<Marks, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub type OurUserInfo = UserInfoClaims<Marks, CoreGenderClaim>;
type OurTokenFields = IdTokenFields<
    Marks,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
/// The library's own `CoreClient`, with [`Marks`] as additional claims.
type OurClient = Client<
    Marks,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<OurTokenFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

pub struct Provider {
    pub client: OurClient,
    pub end_session: Option<EndSessionUrl>,
    pub keys: jsonwebtoken::jwk::JwkSet,
}

/// The provider, looked up when it is first needed: it may start later than we do.
pub struct Directory {
    pub http: Http,
    known: Mutex<Option<(Instant, Arc<Provider>)>>,
}

impl Directory {
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self { http: Http(http), known: Mutex::new(None) })
    }

    pub async fn provider(&self, settings: &Settings) -> Result<Arc<Provider>, Unreachable> {
        self.no_older_than(FRESH, settings).await
    }

    /// For a signature by a key we do not know: the provider may have rotated its keys.
    pub async fn look_again(&self, settings: &Settings) -> Result<Arc<Provider>, Unreachable> {
        self.no_older_than(LOOK_AGAIN, settings).await
    }

    async fn no_older_than(
        &self,
        age: Duration,
        settings: &Settings,
    ) -> Result<Arc<Provider>, Unreachable> {
        let mut known = self.known.lock().await;
        if let Some((since, provider)) = known.as_ref()
            && since.elapsed() < age
        {
            return Ok(provider.clone());
        }
        let provider = discover(settings, &self.http).await.map_err(|error| {
            tracing::warn!(issuer = %settings.issuer, %error, "cannot discover the provider");
            Unreachable
        })?;
        let provider = Arc::new(provider);
        *known = Some((Instant::now(), provider.clone()));
        Ok(provider)
    }
}

async fn discover(
    settings: &Settings,
    http: &Http,
) -> Result<Provider, Box<dyn std::error::Error>> {
    let issuer = IssuerUrl::new(settings.issuer.clone())?;
    // The library refuses a document that names another issuer than the one we asked.
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, http).await?;
    let keys = serde_json::from_value(serde_json::to_value(metadata.jwks())?)?;
    let end_session = metadata.additional_metadata().end_session_endpoint.clone();
    let client = OurClient::from_provider_metadata(
        metadata,
        ClientId::new(settings.client_id.clone()),
        settings.client_secret.clone().map(ClientSecret::new),
    )
    .set_redirect_uri(RedirectUrl::new(settings.callback())?);
    Ok(Provider { client, end_session, keys })
}

/// The reason is in the log; a visitor can only try again.
#[derive(Debug)]
pub struct Unreachable;

/// `openidconnect` brings no HTTP client along: it takes any function from request to response.
pub struct Http(reqwest::Client);

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    #[error(transparent)]
    Response(#[from] openidconnect::http::Error),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is no text")]
    NotText,
}

impl Http {
    /// A document of the provider's that is text.
    pub async fn text(&self, address: &str) -> Result<String, HttpError> {
        let request = openidconnect::http::Request::get(address).body(Vec::new())?;
        let response = self.call(request).await?;
        if !response.status().is_success() {
            return Err(HttpError::Status(response.status().as_u16()));
        }
        String::from_utf8(response.into_body()).map_err(|_| HttpError::NotText)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.0.execute(request.try_into()?).await?;
            let mut response = openidconnect::http::Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                response = response.header(name, value);
            }
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                if body.len() + chunk.len() > LARGEST_ANSWER {
                    return Err(HttpError::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(response.body(body)?)
        })
    }
}
