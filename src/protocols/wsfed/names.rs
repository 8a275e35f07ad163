//! The fixed names of WS-Federation and WS-Trust.

pub const SIGN_IN: &str = "wsignin1.0";
pub const SIGN_OUT: &str = "wsignout1.0";
pub const CLEANUP: &str = "wsignoutcleanup1.0";

pub const FEB_2005: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
pub const V13: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
