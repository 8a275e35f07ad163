//! Limits that slow down guessing without locking out the owner of the account.
//!
//! Failures are counted three times: for an account *from one network* and for one network over all accounts, both
//! over a window, and in a row for an account from everywhere. So an attacker exhausts their own network, many
//! networks together are slowed down more and more, and the owner of the account still signs in: from another network,
//! after a while, or at once with a browser that has been signed in before. The answer is the same whether or not the
//! account exists.
use crate::domain::Timestamp;
use chrono::Duration;

/// How far back failures of one network count.
pub const WINDOW: Duration = Duration::minutes(15);
/// Failures for one account from one network.
pub const ACCOUNT_AND_NETWORK: u16 = 10;
/// Failures from one network, over all accounts.
pub const NETWORK: u16 = 100;

/// How far back wrong secrets of one application from one network count.
pub const CLIENT_WINDOW: Duration = Duration::minutes(1);
/// Wrong secrets of one application from one network.
pub const CLIENT_AND_NETWORK: u16 = 100;
/// How long a network that has shown a wrong secret of an application is one of those that its brake holds back.
pub const CLIENT_SUSPICION: Duration = Duration::minutes(15);

/// Waiting times that grow with the number of failures: one second after `free` failures, then twice as long after each
/// further one, at most `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brake {
    pub free: i64,
    pub longest: Duration,
}

/// For an account, over all networks. [NIST SP 800-63B §5.2.2] allows a hundred failures in a row, and names waiting
/// times that grow up to an hour: with these the hundredth is a day away.
///
/// [NIST SP 800-63B §5.2.2]: https://pages.nist.gov/800-63-3/sp800-63b.html#throttle
pub const ACCOUNT_BRAKE: Brake = Brake { free: 64, longest: Duration::hours(1) };
/// For an application, over all networks that have shown a wrong secret of it.
pub const CLIENT_BRAKE: Brake = Brake { free: 100, longest: Duration::minutes(1) };

/// How long failures in a row are remembered after the last one.
pub const STREAK_KEPT: Duration = Duration::days(30);
/// How long wrong secrets in a row are remembered. A correct secret does not reset them, because a busy application
/// sends one each second.
pub const CLIENT_STREAK_KEPT: Duration = Duration::hours(1);

impl Brake {
    /// When the next attempt may be made after so many failures, the last of them at `last`.
    pub fn releases(self, failures: i64, last: Timestamp) -> Timestamp {
        let doublings = failures - self.free;
        if doublings < 0 {
            return last;
        }
        // Beyond 2³⁰ seconds every brake is at its longest.
        let exponent = u32::try_from(doublings).unwrap_or(u32::MAX).min(30);
        let wait = Duration::seconds(1_i64 << exponent);
        last + wait.min(self.longest)
    }
}

/// How long to wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(i64);

impl RetryAfter {
    /// Up to this many seconds are told exactly, more in whole minutes: never less than it takes.
    const EXACT: i64 = 32;

    /// `None` when `until` is not in the future.
    pub fn until(until: Timestamp, now: Timestamp) -> Option<Self> {
        let wait = until - now;
        if wait <= Duration::zero() {
            return None;
        }
        let seconds = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
        let minutes = (seconds + 59) / 60;
        Some(Self(if seconds <= Self::EXACT { seconds } else { minutes * 60 }))
    }

    pub fn seconds(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn waits(brake: Brake, failures: i64) -> i64 {
        (brake.releases(failures, at(0)) - at(0)).num_seconds()
    }

    #[test]
    fn k08_each_further_failure_takes_twice_as_long_up_to_a_limit() {
        assert_eq!(waits(ACCOUNT_BRAKE, 0), 0);
        assert_eq!(waits(ACCOUNT_BRAKE, 63), 0);
        let growing: Vec<i64> = (64..80).map(|failures| waits(ACCOUNT_BRAKE, failures)).collect();
        let expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600, 3600];
        assert_eq!(growing, expected);
        assert_eq!(waits(ACCOUNT_BRAKE, i64::MAX), 3600);
        assert_eq!(waits(CLIENT_BRAKE, 99), 0);
        assert_eq!(waits(CLIENT_BRAKE, 200), 60);
    }

    /// With these pauses the hundredth failure in a row is not reached within a day.
    #[test]
    fn k08_the_hundredth_failure_in_a_row_is_a_day_away() {
        let mut now = at(0);
        for failures in 1..100 {
            now = ACCOUNT_BRAKE.releases(failures, now);
        }
        assert!(now - at(0) >= Duration::hours(24), "{}", now - at(0));
    }

    #[test]
    fn k08_the_seconds_to_wait_are_never_too_few() {
        let told = |milliseconds: i64| {
            RetryAfter::until(at(0) + Duration::milliseconds(milliseconds), at(0))
                .map(RetryAfter::seconds)
        };
        assert_eq!(told(-1), None);
        assert_eq!(told(0), None);
        assert_eq!(told(1), Some(1));
        assert_eq!(told(1000), Some(1));
        assert_eq!(told(1001), Some(2));
        assert_eq!(told(32_000), Some(32));
        assert_eq!(told(32_001), Some(60));
        assert_eq!(told(899_200), Some(900));
        assert_eq!(told(3_600_000), Some(3600));
    }
}
