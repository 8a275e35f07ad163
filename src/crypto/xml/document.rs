//! A document that was read and is not verified yet.
use super::element::Element;
use std::fmt;
use uppsala::NodeId;

/// A document as the parser saw it once. Nothing in it is believed yet.
pub struct Document {
    pub(super) dom: uppsala::Document<'static>,
    pub(super) root: NodeId,
}

impl Document {
    /// The message before anybody has vouched for it: good for finding out whose keys to
    /// [`verify`](super::verify()) with, and for what needs no signature.
    pub fn unverified(&self) -> Element<'_> {
        Element { dom: &self.dom, id: self.root }
    }
}

/// The outermost name only: values may be personal.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Document").field(&self.unverified()).finish()
    }
}
