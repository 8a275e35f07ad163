//! From where a request came, for the audit trail.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    /// The application whose token was shown to our own API. It stands in every event of the request, beside the
    /// application that the event is about.
    pub bearer_client: Option<String>,
}
