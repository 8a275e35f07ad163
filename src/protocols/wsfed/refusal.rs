//! Why a request of WS-Federation is not served, in words for the person.

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadWsfedRequest {
    Unreadable,
    Twice,
    TooLong,
    TwoPlaces,
    Action,
    UnknownApplication,
    Realm,
    Reply,
    Context,
    Time,
    Freshness,
    Method,
    Pointer,
    Token,
    Request,
}

impl BadWsfedRequest {
    /// For the person at the browser.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unreadable => "The request cannot be read.",
            Self::Twice => "A parameter is given twice.",
            Self::TooLong => "The request is too long.",
            Self::TwoPlaces => "The request has parameters in two places.",
            Self::Action => "It is not said what is to be done (wa).",
            Self::UnknownApplication => "The application is unknown.",
            Self::Realm => "The application is not the one that it says (wtrealm).",
            Self::Reply => {
                "The application asked to be answered at a place it has not registered (wreply)."
            }
            Self::Context => "What the application wants back is too long (wctx).",
            Self::Time => {
                "The request is too old or too new, or does not say its time as it should (wct)."
            }
            Self::Freshness => {
                "How fresh a sign-in is asked for is not a number of minutes (wfresh)."
            }
            Self::Method => {
                "The application asks for a way to sign in that there is not here (wauth)."
            }
            Self::Pointer => "The request lies elsewhere, and nothing is fetched from there.",
            Self::Token => "This server gives tokens and takes none.",
            Self::Request => "The token request in it cannot be served (wreq).",
        }
    }
}
