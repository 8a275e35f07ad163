//! Signed XML: read, verified, signed, encrypted.
//!
//! What is read is what was signed. Untrusted text goes through [`read()`] once; the tree that comes out is the
//! one that [`verify()`] judges and the one that is read from, so there are no two parsers to disagree and
//! nothing is written out before it is verified. What a document says before that is [`Document::unverified`].
//! No DTD, no entities, no processing instructions, nothing external, and limits before the parse.
//!
//! Rooms see [`Document`] and [`Element`], never the crates behind them. Our own XML is written by templates;
//! every value in them goes through [`escape()`], and [`Signer`] puts the signature in.
mod algorithm;
mod decode;
mod document;
mod element;
mod encrypt;
mod escape;
mod limits;
mod read;
mod scan;
mod shape;
mod sign;
pub mod values;
mod verify;

#[cfg(test)]
mod tests;

pub use algorithm::{DIGESTS, SignatureMethod};
pub use decode::{decode, without_old_declaration};
pub use document::Document;
pub use element::{Element, Name};
pub use encrypt::{Cipher, encrypt};
pub use escape::{escape, is_xml_text};
pub use limits::Limits;
pub use read::read;
pub use shape::is_signed;
pub use sign::{SignaturePlace, Signer};
pub use verify::{MAX_KEYS, verify, verify_octets};

use super::keys::KeyError;

/// Why XML was not read, not believed, or not made. Says nothing about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("larger, deeper or with more parts than any message of its kind")]
    TooMuch,
    #[error("not UTF-8, or it says so of itself")]
    Encoding,
    #[error("a character that XML does not have")]
    Character,
    #[error("a document type declaration")]
    Doctype,
    #[error("a processing instruction")]
    Instruction,
    #[error("not well-formed XML with namespaces")]
    Malformed,
    #[error("an ID twice, or two IDs on one element")]
    DuplicateId,
    #[error("another element than expected here")]
    Unexpected,
    #[error("an element or attribute that must be there is not")]
    Missing,
    #[error("an element twice where it belongs once")]
    Repeated,
    #[error("markup, a comment or CDATA where a plain value belongs")]
    NotText,
    #[error("not signed")]
    NotSigned,
    #[error("the signature is not one, direct and over the whole message")]
    SignatureShape,
    #[error("an algorithm that is not accepted")]
    Algorithm,
    #[error("signed with none of the registered keys, or changed since")]
    BadSignature,
    #[error("no key to verify with")]
    NoKey,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("could not be signed or encrypted")]
    NotMade,
}
