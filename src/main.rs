//! The command line. All of it is in [`understudy::cli`].
use std::process::ExitCode;

fn main() -> ExitCode {
    understudy::cli::run()
}
