//! `DATABASE_URL`, as libpq reads it: what concerns TLS is kept apart from the rest.
//!
//! Only `require` means more here than there: the certificate is always verified, because a connection to somebody
//! else is no better than one in clear.
use percent_encoding::percent_decode_str;
use std::path::PathBuf;

/// Which connection is good enough ([libpq, 32.19]).
///
/// [libpq, 32.19]: https://www.postgresql.org/docs/current/libpq-ssl.html
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerProof {
    /// A certificate of a known authority, whatever name it has: `verify-ca`.
    Chain,
    /// One for the very host.
    ChainAndName,
}

/// Whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// Those of this machine.
    System,
    /// Those of a file, and no other.
    File(PathBuf),
}

/// The certificate and key by which we show who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What is to be had of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseTls {
    pub proof: ServerProof,
    pub authorities: Authorities,
    pub client: Option<ClientCertificate>,
}

/// A URL in the words of our driver, which knows `disable`, `prefer` and `require`, and the rest.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub driver_url: String,
    pub tls: DatabaseTls,
}

/// What has been read of the query so far.
#[derive(Default)]
struct UrlParameters {
    others: Vec<String>,
    mode: Option<String>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl DatabaseUrl {
    /// # Errors
    ///
    /// In fixed words, so that none can repeat the password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut read = UrlParameters::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            read.take(pair)?;
        }
        let (driver_mode, proof) = match read.mode.as_deref() {
            None => (None, ServerProof::ChainAndName),
            Some("disable") => (Some("disable"), ServerProof::ChainAndName),
            Some("prefer") => (Some("prefer"), ServerProof::ChainAndName),
            Some("require" | "verify-full") => (Some("require"), ServerProof::ChainAndName),
            Some("verify-ca") => (Some("require"), ServerProof::Chain),
            Some(_) => {
                return Err(
                    "sslmode must be disable, prefer, require, verify-ca or verify-full (require \
                     verifies like verify-full)",
                );
            }
        };
        let authorities = match read.root.as_deref() {
            None | Some("system") => Authorities::System,
            Some(file) => Authorities::File(file.into()),
        };
        let client = match (read.certificate, read.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: certificate.into(), key: key.into() })
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err("sslcert and sslkey go together: give both or neither");
            }
        };
        read.others.extend(driver_mode.map(|mode| format!("sslmode={mode}")));
        let driver_url = match read.others.join("&") {
            query if query.is_empty() => base.to_owned(),
            query => format!("{base}?{query}"),
        };
        Ok(Self { driver_url, tls: DatabaseTls { proof, authorities, client } })
    }
}

impl UrlParameters {
    fn take(&mut self, pair: &str) -> Result<(), &'static str> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || {
            let decoded = percent_decode_str(value).decode_utf8();
            let decoded = decoded.map_err(|_| "a parameter is no UTF-8")?;
            if decoded.is_empty() {
                Err("a parameter of TLS is empty")
            } else {
                Ok(decoded.into_owned())
            }
        };
        match name {
            "sslmode" => self.mode = Some(value()?),
            "sslrootcert" => self.root = Some(value()?),
            "sslcert" => self.certificate = Some(value()?),
            "sslkey" => self.key = Some(value()?),
            // Unread, each would be taken for kept.
            "sslcrl" | "sslcrldir" => return Err("sslcrl is not supported here"),
            "sslpassword" => {
                return Err("sslpassword is not supported: sslkey must be without a password");
            }
            name if name.starts_with("ssl") && name != "sslnegotiation" => {
                return Err("of TLS only sslmode, sslrootcert, sslcert and sslkey are known");
            }
            _ => self.others.push(pair.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(query: &str) -> DatabaseTls {
        DatabaseUrl::parse(&format!("postgres://u:p@h/d?{query}")).unwrap().tls
    }

    #[test]
    fn l20_the_parameters_of_tls_are_read_as_libpq_does() {
        let url = "postgres://u:p@h1,h2/d?application_name=x&sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem&\
             target_session_attrs=read-write";
        let read = DatabaseUrl::parse(url).unwrap();
        let driver = "postgres://u:p@h1,h2/d?application_name=x&target_session_attrs=read-write&sslmode=require";
        assert_eq!(read.driver_url, driver);
        assert_eq!(read.tls.proof, ServerProof::Chain);
        assert_eq!(read.tls.authorities, Authorities::File("/etc/ca.pem".into()));
        for full in ["sslmode=verify-full", "sslmode=require", "sslmode=prefer", ""] {
            assert_eq!(tls(full).proof, ServerProof::ChainAndName, "{full}");
        }
        assert_eq!(tls("sslrootcert=system").authorities, Authorities::System);
        let own = tls("sslcert=/c.pem&sslkey=/k.pem").client.unwrap();
        assert_eq!((own.certificate, own.key), ("/c.pem".into(), "/k.pem".into()));
        let plain = DatabaseUrl::parse("postgres://u@h/d").unwrap();
        assert_eq!(plain.driver_url, "postgres://u@h/d");
    }

    #[test]
    fn l20_what_is_not_understood_of_tls_is_refused() {
        for wrong in [
            "sslmode=verify",
            "sslmode=",
            "sslmode=allow",
            "sslcert=/c.pem",
            "sslkey=/k.pem",
            "sslcrl=/x",
            "sslpassword=x",
            "sslrootcrt=/x",
            "sslrootcert=",
        ] {
            let url = format!("postgres://u:geheim@h/d?{wrong}");
            let problem = DatabaseUrl::parse(&url).err().unwrap_or_else(|| panic!("{wrong}"));
            assert!(!problem.contains("geheim"), "{problem}");
        }
    }
}
