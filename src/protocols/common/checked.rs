//! A checked request on its way through the sign-in page and back.
//!
//! Applications that post their request post it once: what was checked then comes back under a MAC of
//! ours, whatever binding it came by, and is not checked again but for what may have changed.
//!
//! It is good for an hour, in the browser that asked, for the application as it was registered then, and once: what
//! was proven at one time about one browser proves nothing about another.
use crate::crypto::hash::sha256;
use crate::crypto::mac::MacKey;
use crate::crypto::random;
use crate::domain::Timestamp;
use crate::domain::client::Client;
use crate::flows::login::authorize::{Acr, Ask, Prompt};
use crate::flows::login::use_once::{URL_TTL, is_recent};
use crate::login::LoginRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const PURPOSE: &str = "checked request";

/// What an application asked for, and how the user is to have signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub request: LoginRequest,
    /// The user is to sign in again: `ForceAuthn`, `wfresh=0`.
    pub again: bool,
    /// Nothing may be asked: `IsPassive`.
    pub silent: bool,
    /// Seconds since the sign-in: `wfresh`.
    pub max_age: Option<i64>,
    /// Milliseconds; we sent the browser to sign in at that time.
    pub auth_after: Option<i64>,
    /// Authentication contexts, one of which has to be met; none: any.
    pub contexts: Vec<String>,
}

impl Checked {
    pub fn plain(request: LoginRequest) -> Self {
        Self {
            request,
            again: false,
            silent: false,
            max_age: None,
            auth_after: None,
            contexts: Vec::new(),
        }
    }

    /// What the flow is asked. `None`: the application has changed since, and no longer takes answers there.
    pub fn ask(&self, client: &Arc<Client>) -> Option<Ask> {
        let request = &self.request;
        let stands = request.client == client.id
            && client.kind.speaks(request.protocol)
            && client.redirect_uris.contains(&request.return_url);
        stands.then(|| Ask {
            client: Arc::clone(client),
            request: request.clone(),
            prompt: Prompt { none: self.silent, login: self.again, consent: false },
            max_age: self.max_age,
            auth_after: self.auth_after,
            consent_after: None,
            consent_denied: false,
            query: String::new(),
            id_token_hint: None,
            acr_values: self.contexts.clone(),
            acr: if self.contexts.is_empty() { Acr::Voluntary } else { Acr::Essential },
        })
    }
}

/// A checked request with what it is bound to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRequest {
    pub checked: Checked,
    /// Of this one request; used up by its answer.
    pub id: String,
    /// Milliseconds: when it came.
    at: i64,
    /// The application as it was registered then.
    settings: String,
}

impl SealedRequest {
    pub fn new(checked: Checked, client: &Client, now: Timestamp) -> Self {
        let (id, at) = (random::secret(), now.timestamp_millis());
        Self { checked, id, at, settings: fingerprint(client) }
    }

    /// The same request, with what is still to be done; it does not get younger by it.
    #[must_use]
    pub fn with(&self, checked: Checked) -> Self {
        Self { checked, ..self.clone() }
    }

    /// For a URL of ours, in the browser that has the secret `browser` in a cookie. It holds no secret: what it says,
    /// the application has sent through the browser.
    pub fn seal(&self, key: &MacKey, browser: &str) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let mac = key.sign(PURPOSE, &[&text, browser]);
        Ok(format!("{}.{mac}", URL_SAFE_NO_PAD.encode(text)))
    }

    /// `browsers` says which secrets the browser has in cookies, for the id of a request.
    pub fn open(
        key: &MacKey,
        sealed: &str,
        browsers: impl FnOnce(&str) -> Vec<String>,
    ) -> Option<Self> {
        let (text, mac) = sealed.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let read: Self = serde_json::from_str(&text).ok()?;
        let bound = browsers(&read.id);
        bound.iter().any(|secret| key.verify(PURPOSE, &[&text, secret], mac)).then_some(read)
    }

    /// It is not too old, and nothing of the application has changed since: its keys were what it was checked with.
    pub fn stands(&self, client: &Client, now: Timestamp) -> bool {
        is_recent(self.at, URL_TTL, now) && self.settings == fingerprint(client)
    }
}

/// All that is registered, new settings included: so it is made of the whole, not of a list of fields.
fn fingerprint(client: &Client) -> String {
    URL_SAFE_NO_PAD.encode(sha256(format!("{client:?}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ClientId;
    use crate::domain::protocol::ProtocolName;

    fn request(checked: Checked) -> SealedRequest {
        SealedRequest { checked, id: "id".to_owned(), at: 17, settings: "f".to_owned() }
    }

    #[test]
    fn k27_a_checked_request_comes_back_whole_to_its_browser_and_nobody_changes_it() {
        let key = MacKey::new(&[7; 32]).unwrap();
        let to = "https://sp.example/acs".to_owned();
        let client = ClientId::parse("sp").unwrap();
        let checked = Checked {
            again: true,
            auth_after: Some(17),
            ..Checked::plain(LoginRequest::plain(ProtocolName::Samlp, client, to))
        };
        let sent = request(checked);
        let sealed = sent.seal(&key, "mine").unwrap();
        let open = |key: &MacKey, sealed: &str, browser: &str| {
            SealedRequest::open(key, sealed, |_| vec!["another".to_owned(), browser.to_owned()])
        };
        assert!(open(&key, &sealed, "mine") == Some(sent));
        assert!(open(&key, &sealed, "theirs").is_none());
        assert!(SealedRequest::open(&key, &sealed, |_| Vec::new()).is_none());
        let (text, mac) = sealed.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode(
            String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap())
                .unwrap()
                .replace("\"again\":true", "\"again\":false"),
        );
        for forged in [format!("{other}.{mac}"), text.to_owned(), format!("{text}."), String::new()]
        {
            assert!(open(&key, &forged, "mine").is_none(), "{forged}");
        }
        assert!(open(&MacKey::new(&[8; 32]).unwrap(), &sealed, "mine").is_none());
    }
}
