//! Shows times and durations. All times are UTC.

use jiff::Timestamp;
use maud::{Markup, html};

/// Shows a date and time, machine-readable too.
pub fn moment(at_ms: i64) -> Markup {
    html! { time datetime=(stamp(at_ms, "%Y-%m-%dT%H:%M:%SZ")) { (stamp(at_ms, "%-d %b %Y, %H:%M UTC")) } }
}

/// Shows a time, and how long ago it was or how far ahead it is.
pub fn moment_and_distance(at_ms: i64, now_ms: i64) -> Markup {
    html! { (moment(at_ms)) " " span.quiet { "(" (distance(at_ms, now_ms)) ")" } }
}

/// Shows how long ago a time was; the exact time is in the tooltip and machine-readable.
pub fn ago(at_ms: i64, now_ms: i64) -> Markup {
    html! {
        time datetime=(stamp(at_ms, "%Y-%m-%dT%H:%M:%SZ")) title=(stamp(at_ms, "%-d %b %Y, %H:%M:%S UTC")) {
            (distance(at_ms, now_ms))
        }
    }
}

/// Returns the distance between two times: `3 min ago`, `in 2 d 4 h`.
pub fn distance(at_ms: i64, now_ms: i64) -> String {
    let apart = now_ms.saturating_sub(at_ms);
    match apart {
        -999..=999 => "now".to_owned(),
        1_000.. => format!("{} ago", duration(apart.unsigned_abs())),
        _ => format!("in {}", duration(apart.unsigned_abs())),
    }
}

/// Returns a day: `25 Nov`.
pub fn day(at_ms: i64) -> String {
    stamp(at_ms, "%-d %b")
}

/// Returns a duration in its two largest units: `340 ms`, `12.4 s`, `3 min 20 s`, `1 d 22 h`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", seconds, ms % 1_000 / 100),
        60..3_600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// Returns the time between two times, in milliseconds; 0 if they are reversed.
pub fn between(from_ms: i64, to_ms: i64) -> u64 {
    u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or(0)
}

fn stamp(at_ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| "an invalid time".to_owned(), |at| at.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (ms, shown) in [
            (0, "0 ms"),
            (340, "340 ms"),
            (12_449, "12.4 s"),
            (200_000, "3 min 20 s"),
            (3_600_000, "1 h"),
            (165_600_000, "1 d 22 h"),
        ] {
            assert_eq!(duration(ms), shown);
        }
    }

    #[test]
    fn distances_know_their_direction() {
        for (at, shown) in [
            (0, "1 min ago"),
            (59_500, "now"),
            (120_000, "in 1 min"),
            (i64::MIN, "106751991167 d 7 h ago"),
        ] {
            assert_eq!(distance(at, 60_000), shown);
        }
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(
            moment(1_795_582_445_000).into_string(),
            "<time datetime=\"2026-11-25T04:54:05Z\">25 Nov 2026, 04:54 UTC</time>"
        );
        assert!(moment(i64::MAX).into_string().contains("an invalid time"));
    }
}
