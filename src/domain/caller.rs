//! The origin of a request, for the audit trail and for throttling.
use super::network::{ClientOrigin, ThrottleKey, throttle_key};
use std::net::IpAddr;
use std::ops::Deref;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    pub ip: Option<CallerAddress>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    /// The application whose token was shown to our own API. It stands in every event of the request, beside the
    /// application that the event is about.
    pub bearer_client: Option<String>,
}

impl Caller {
    /// What failed attempts of this caller are counted by; `None` where its address is not known, so that one
    /// stranger's failures are not those of everybody else whose address is not known either.
    pub fn throttle_key(&self) -> Option<ThrottleKey> {
        let known = self.ip.as_ref().filter(|ip| ip.readable);
        known.map(|ip| throttle_key(ip.address))
    }
}

/// The address of a caller; reads as text, as the audit trail has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerAddress {
    text: String,
    address: IpAddr,
    /// False: this is a proxy of ours that could not say who the caller is.
    readable: bool,
}

impl CallerAddress {
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl From<&ClientOrigin> for CallerAddress {
    fn from(origin: &ClientOrigin) -> Self {
        Self {
            text: origin.address.to_string(),
            address: origin.address,
            readable: origin.unreadable.is_none(),
        }
    }
}

impl Deref for CallerAddress {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}
