//! A server a test, over real HTTP, on a database of its own; time moves only when a test moves it.
pub mod browser;
pub mod counterpart;
pub mod db;
pub mod detour;
pub mod dev;
pub mod node;
pub mod protocols;
pub mod server;
pub mod trail;
pub mod words;
pub mod xmlsec;

pub use browser::{Browser, Page};
pub use db::TestDb;
pub use node::Node;
pub use server::TestServer;
