//! Walking down a document. Only down: who holds an element sees nothing above or beside it.
use super::XmlError;
use super::algorithm::DSIG;
use super::values::collapse;
use std::fmt;
use uppsala::{NodeId, NodeKind};

/// A name with its namespace. Prefixes are nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    pub namespace: &'static str,
    pub local: &'static str,
}

impl Name {
    pub const fn new(namespace: &'static str, local: &'static str) -> Self {
        Self { namespace, local }
    }
}

/// An element of a [`Document`](super::Document). A `ds:Signature` is no content: no method shows one.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    pub(super) dom: &'d uppsala::Document<'static>,
    pub(super) id: NodeId,
}

impl<'d> Element<'d> {
    fn data(&self) -> Option<&'d uppsala::Element<'static>> {
        self.dom.element(self.id)
    }

    /// Empty for none.
    pub fn namespace(&self) -> &'d str {
        self.data().and_then(|e| e.name.namespace_uri.as_deref()).unwrap_or("")
    }

    pub fn local_name(&self) -> &'d str {
        self.data().map_or("", |e| &e.name.local_name)
    }

    pub fn is(&self, name: Name) -> bool {
        self.local_name() == name.local && self.namespace() == name.namespace
    }

    /// The attribute of this name without a prefix. One in a namespace is another attribute.
    pub fn attribute(&self, local: &str) -> Option<&'d str> {
        self.attribute_in("", local)
    }

    pub fn attribute_in(&self, namespace: &str, local: &str) -> Option<&'d str> {
        let attribute = self.data()?.attributes.iter().find(|a| {
            a.name.local_name == local && a.name.namespace_uri.as_deref().unwrap_or("") == namespace
        })?;
        Some(&attribute.value)
    }

    /// The value of a typed attribute, with its white space collapsed ([`collapse`]).
    pub fn collapsed(&self, local: &str) -> Option<String> {
        self.attribute(local).map(collapse)
    }

    /// As [`Self::collapsed`], for an optional attribute; an empty one says nothing, as if it were absent.
    pub fn filled(&self, local: &str) -> Option<String> {
        self.collapsed(local).filter(|value| !value.is_empty())
    }

    /// [`XmlError::Missing`] if it is not there.
    pub fn required(&self, local: &str) -> Result<&'d str, XmlError> {
        self.attribute(local).ok_or(XmlError::Missing)
    }

    /// The elements in it, in order.
    pub fn children(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        self.all_children().filter(|child| !child.is(Name::new(DSIG, "Signature")))
    }

    pub(super) fn all_children(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        let dom = self.dom;
        dom.children_iter(self.id)
            .filter(move |id| dom.element(*id).is_some())
            .map(move |id| Element { dom, id })
    }

    /// Those of one name, in order.
    pub fn children_named(&self, name: Name) -> impl Iterator<Item = Element<'d>> + use<'d> {
        self.children().filter(move |child| child.is(name))
    }

    /// The one child of this name, if there is one. Two are refused: nobody picks the first.
    pub fn child(&self, name: Name) -> Result<Option<Element<'d>>, XmlError> {
        let mut found = self.children_named(name);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(XmlError::Repeated),
            (one, _) => Ok(one),
        }
    }

    /// As [`Self::child`], and [`XmlError::Missing`] if there is none.
    pub fn required_child(&self, name: Name) -> Result<Element<'d>, XmlError> {
        self.child(name)?.ok_or(XmlError::Missing)
    }

    /// All of its text, if text is all it holds; empty for an empty element. Not trimmed.
    ///
    /// Comments, CDATA sections and elements inside a value are refused: two readers may see two values (D15).
    pub fn text(&self) -> Result<String, XmlError> {
        let mut text = String::new();
        for id in self.dom.children_iter(self.id) {
            match self.dom.node_kind(id) {
                Some(NodeKind::Text(part)) => text.push_str(part),
                Some(
                    NodeKind::Document
                    | NodeKind::Element(_)
                    | NodeKind::CData(_)
                    | NodeKind::Comment(_)
                    | NodeKind::ProcessingInstruction(_)
                    | NodeKind::Attribute(..),
                )
                | None => return Err(XmlError::NotText),
            }
        }
        Ok(text)
    }
}

/// The name only: values may be personal.
impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({{{}}}{})", self.namespace(), self.local_name())
    }
}
