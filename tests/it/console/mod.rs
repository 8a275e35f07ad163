//! The console, as staff use it.
mod history;
mod trail;
