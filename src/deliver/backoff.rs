//! When to try again. Pure.

use std::time::Duration;

/// The wait before the next attempt after `attempts` failed ones: `first`, doubled each time,
/// at most `max`, and spread by up to a fifth either way so that many do not come at once.
/// `spread` is a random number from 0 to 1.
#[must_use]
pub fn delay(first: Duration, max: Duration, attempts: u32, spread: f64) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1).min(30));
    let plain = first.saturating_mul(doubled).min(max);
    plain.mul_f64(0.8 + 0.4 * spread.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_limit_and_never_overflows() {
        let (first, max) = (Duration::from_secs(5), Duration::from_secs(3600));
        let at = |attempts| delay(first, max, attempts, 0.5).as_secs();
        assert_eq!([1, 2, 3, 4].map(at), [5, 10, 20, 40]);
        assert_eq!(at(20), 3600);
        assert_eq!(at(u32::MAX), 3600);
        assert_eq!(at(0), 5);
    }

    #[test]
    fn it_is_spread_by_a_fifth_either_way() {
        let (first, max) = (Duration::from_secs(10), Duration::from_secs(3600));
        assert_eq!(delay(first, max, 1, 0.0).as_secs(), 8);
        assert_eq!(delay(first, max, 1, 1.0).as_secs(), 12);
    }
}
