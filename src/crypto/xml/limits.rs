//! How much of a document is read.

/// How much of everything a document may have. Counted before the parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub bytes: usize,
    pub depth: usize,
    /// With comments and CDATA sections.
    pub elements: usize,
    /// Of one element, namespace declarations included.
    pub attributes_of_one: usize,
    /// Of all elements together.
    pub attributes: usize,
    /// Declarations, of all elements together.
    pub namespaces: usize,
}

impl Limits {
    /// A request or logout message from the network: 256 KiB (D13). Any content is read within 50 ms.
    pub const MESSAGE: Self = Self {
        bytes: 256 * 1024,
        depth: 32,
        elements: 2_000,
        attributes_of_one: 64,
        attributes: 4_000,
        namespaces: 256,
    };
    /// Metadata that an administrator brings, with room for a federation of 2,000 entities (D35).
    pub const METADATA: Self = Self {
        bytes: 48 * 1024 * 1024,
        depth: 48,
        elements: 1_000_000,
        attributes_of_one: 64,
        attributes: 2_000_000,
        namespaces: 200_000,
    };
}
