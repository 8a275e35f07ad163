//! Whether and how assertions for a service provider are encrypted, by the file and by its metadata.
use super::saml_keys::MetadataKeys;
use super::saml_metadata::ReadMetadata;
use super::section::FileSection;
use crate::crypto::certificate::PublicKey;
use crate::crypto::xml::Cipher;

/// A default is a guess where nothing is listed, so it is told ([SAML metadata §2.4.1.1]).
///
/// [SAML metadata §2.4.1.1]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
const GUESSED: &str = "assertions will be encrypted with AES-256-GCM, because its metadata lists no cipher; if the \
    application cannot decrypt that (.NET Framework and older AD FS cannot), set `encryption_algorithm` or \
    `encrypt_assertion: false`";

pub(super) struct Encryption {
    pub(super) certificate: Option<String>,
    pub(super) algorithm: Option<String>,
    pub(super) on: bool,
}

/// Metadata with a key for encryption alone ask for it. When none of their keys can be encrypted to, the import is
/// refused unless the file says `encrypt_assertion: false`: assertions are never sent in clear instead (D26).
pub(super) fn read(
    section: &FileSection<'_>,
    told: Option<&ReadMetadata>,
    notices: &mut Vec<String>,
) -> Encryption {
    let own = section.checked_text("encryption_certificate", check_encryption);
    let algorithm = section.checked_text("encryption_algorithm", check_algorithm);
    let switch = section.flag("encrypt_assertion");
    let keys = told.map(|told| &told.keys).filter(|_| own.is_none());
    let keys = match keys {
        Some(Ok(keys)) => Some(keys),
        // Where the signing keys are read from the metadata too, this has been said.
        Some(Err(problem)) if switch != Some(false) && signing_by_hand(section) => {
            section.wrong("metadata", problem.as_str());
            None
        }
        Some(Err(_)) | None => None,
    };
    let theirs = keys.and_then(|keys| keys.encryption.as_ref());
    let wanted = keys.is_some_and(|keys| keys.encryption_wanted);
    let on = switch.unwrap_or(wanted);
    let certificate = own.or(theirs.map(|theirs| theirs.certificate.clone()));
    if on && certificate.is_none() {
        let problem = keys.filter(|keys| !keys.bad_encryption.is_empty()).map(unusable);
        let problem = problem.unwrap_or("needs an `encryption_certificate`".to_owned());
        section.wrong("encrypt_assertion", problem);
    }
    let cipher = theirs.and_then(|theirs| theirs.cipher);
    let guessed = on && algorithm.is_none() && cipher.is_none();
    if let Some(keys) = keys {
        note(keys, switch, notices);
    }
    if told.is_some() && guessed && certificate.is_some() {
        notices.push(GUESSED.to_owned());
    }
    let algorithm = algorithm.or(cipher.map(|cipher| cipher.uri().to_owned()));
    Encryption { certificate, algorithm, on }
}

fn unusable(keys: &MetadataKeys) -> String {
    let problems = keys.bad_encryption.join("; ");
    format!(
        "cannot be done with the application's metadata: {problems}. Give an `encryption_certificate`, or say \
         `encrypt_assertion: false` if assertions may go in clear"
    )
}

fn note(keys: &MetadataKeys, switch: Option<bool>, notices: &mut Vec<String>) {
    match (switch, &keys.encryption) {
        (Some(false), _) if keys.encryption_wanted => {
            let problems = keys.bad_encryption.iter().map(|bad| format!(" ({bad})"));
            notices.push(format!(
                "its metadata asks for encrypted assertions{}; they go in clear, because `encrypt_assertion: false` \
                 is said",
                problems.collect::<String>()
            ));
        }
        (_, Some(_)) => {
            let bad = keys.bad_encryption.iter();
            notices.extend(bad.map(|bad| format!("{bad}; another key is encrypted to")));
        }
        (_, None) => {}
    }
}

fn signing_by_hand(section: &FileSection<'_>) -> bool {
    section.gives("certificate") || section.gives("certificates")
}

fn check_encryption(text: &str) -> Result<(), String> {
    match PublicKey::parse(text) {
        Ok(key) if key.may_encrypt() => Ok(()),
        Ok(_) => Err("has no RSA key, and others are not encrypted to".to_owned()),
        Err(problem) => Err(format!("cannot be used: {problem}")),
    }
}

fn check_algorithm(uri: &str) -> Result<(), String> {
    let known = Cipher::ALL.map(Cipher::uri).join(", ");
    Cipher::parse(uri).map(|_| ()).ok_or_else(|| format!("is none of: {known}"))
}
