//! What a process tells operators about itself: counters of the domain, and the trace that a request belongs to.
//!
//! Every module may count here, so it is near the top and needs nothing but atomics. Rules are not here, and neither
//! is the format in which the numbers leave the process: see [`crate::telemetry`]. Start at [`counters`].
pub mod counters;
pub mod trace_context;
