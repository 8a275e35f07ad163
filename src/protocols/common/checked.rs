//! A checked request on its way through the sign-in page and back.
//!
//! Applications that post their request post it once: what was checked then comes back under a MAC of
//! ours, whatever binding it came by, and is not checked again but for what may have changed.
use crate::crypto::mac::MacKey;
use crate::domain::client::Client;
use crate::flows::authorize::{Acr, Ask, Prompt};
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

    /// For a URL of ours. It holds no secret: what it says, the application has sent through the browser.
    pub fn seal(&self, key: &MacKey) -> Result<String, serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let mac = key.sign(PURPOSE, &[&text]);
        Ok(format!("{}.{mac}", URL_SAFE_NO_PAD.encode(text)))
    }

    pub fn open(key: &MacKey, sealed: &str) -> Option<Self> {
        let (text, mac) = sealed.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        if !key.verify(PURPOSE, &[&text], mac) {
            return None;
        }
        serde_json::from_str(&text).ok()
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
            id_token_hint: None,
            acr_values: self.contexts.clone(),
            acr: if self.contexts.is_empty() { Acr::Voluntary } else { Acr::Essential },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ClientId;
    use crate::domain::protocol::ProtocolName;

    #[test]
    fn a_checked_request_comes_back_whole_and_nobody_changes_it() {
        let key = MacKey::new(&[7; 32]).unwrap();
        let to = "https://sp.example/acs".to_owned();
        let client = ClientId::parse("sp").unwrap();
        let checked = Checked {
            again: true,
            auth_after: Some(17),
            ..Checked::plain(LoginRequest::plain(ProtocolName::Samlp, client, to))
        };
        let sealed = checked.seal(&key).unwrap();
        assert!(Checked::open(&key, &sealed) == Some(checked));
        let (text, mac) = sealed.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode(
            String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap())
                .unwrap()
                .replace("\"again\":true", "\"again\":false"),
        );
        for forged in [format!("{other}.{mac}"), text.to_owned(), format!("{text}."), String::new()]
        {
            assert!(Checked::open(&key, &forged).is_none(), "{forged}");
        }
        assert!(Checked::open(&MacKey::new(&[8; 32]).unwrap(), &sealed).is_none());
    }
}
