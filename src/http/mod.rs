//! Everything HTTP that is no protocol: the API, the pages, and what every endpoint shares.
//!
//! A handler's first argument is proof of its caller ([`extract`]); it parses, calls one flow, and
//! responds. Reasons become status codes and words in [`error`].
pub mod api;
pub mod box_error;
pub mod cookies;
pub mod edge;
pub mod error;
pub mod extract;
pub mod form;
pub mod header_name;
pub mod limits;
pub mod middleware;
pub mod pages;
pub mod reason;
pub mod ui;
pub mod account;
pub mod console;

pub use edge::{Edge, caller};
