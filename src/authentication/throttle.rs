//! Slowing down whoever guesses passwords, without locking a victim out.
//!
//! Failures are counted twice over a window: for an account *from one address*, and for one address
//! over all accounts. So an attacker exhausts their own address, while the owner of the account still
//! signs in from another. The answer is the same whether or not the account exists.
use chrono::Duration;

pub const WINDOW: Duration = Duration::minutes(15);
/// Failures for one account from one address.
pub const ACCOUNT_AND_ADDRESS: i64 = 10;
/// Failures from one address, whatever the account.
pub const ADDRESS: i64 = 100;

/// The failures in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    pub account_and_address: i64,
    pub address: i64,
}

/// Whether the next attempt has to wait; asked before a password is hashed.
pub fn must_wait(failures: Failures) -> bool {
    failures.account_and_address >= ACCOUNT_AND_ADDRESS || failures.address >= ADDRESS
}
