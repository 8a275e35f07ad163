//! Work over whole tables: in batches and pages, beside what goes on, however much there is.
mod cleaning;
mod directory;
