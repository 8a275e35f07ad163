use std::fmt;
use url::{Host, Url};

/// The canonical URL of this installation: the issuer, and the beginning of every link and MAC.
///
/// Never taken from a request's `Host` header. Kept without a trailing slash, so that the issuer is the
/// same text in `iss`, in discovery and in links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    url: Url,
    text: String,
}

impl PublicUrl {
    /// Plain http is for a loopback address only: anywhere else a link or a code could be read on its way.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user name or password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must have no query (`?`) and no fragment (`#`)".to_owned());
        }
        // The well-known documents of a host are one to a host, and cookies are held for a whole host.
        if url.path() != "/" {
            return Err("must have no path: it needs a host name of its own".to_owned());
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err("must be https; http is accepted only for localhost, 127.0.0.0/8 \
                            and [::1]"
                    .to_owned());
            }
            _ => return Err("must begin with https://".to_owned()),
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, text })
    }

    /// The issuer: no trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Cookies are `Secure` and carry the `__Host-` prefix exactly then.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
