//! TIMESTAMP of the SRP responses: made once, signed and sent as the very same string.
//!
//! Cognito wants English names, UTC, and a day of the month without leading zero or space. Written out by hand: a locale
//! or a stock format would be wrong for part of the month or part of the world.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, from the caller's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub u64);

/// Displays as `Tue Mar 3 04:05:06 UTC 2026`.
pub(crate) struct Timestamp(pub(crate) UnixSeconds);

const DAY: u64 = 24 * 60 * 60;

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnixSeconds(now) = self.0;
        let (year, month, day) = date(now / DAY);
        let (hour, minute, second) = (now / 3600 % 24, now / 60 % 60, now % 60);
        let (weekday, month) = (weekday(now / DAY), month_name(month));
        write!(
            f,
            "{weekday} {month} {day} {hour:02}:{minute:02}:{second:02} UTC {year}"
        )
    }
}

/// (year, month 1–12, day 1–31) of the proleptic Gregorian calendar.
///
/// Counts in eras of 400 years (146,097 days) that begin on 1 March, so that the leap day ends a year: the method of
/// Howard Hinnant's `civil_from_days`.
const fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468; // from 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

const fn weekday(days_since_1970: u64) -> &'static str {
    match days_since_1970 % 7 {
        0 => "Thu",
        1 => "Fri",
        2 => "Sat",
        3 => "Sun",
        4 => "Mon",
        5 => "Tue",
        _ => "Wed",
    }
}

const fn month_name(month: u64) -> &'static str {
    match month {
        1 => "Jan",
        2 => "Feb",
        3 => "Mar",
        4 => "Apr",
        5 => "May",
        6 => "Jun",
        7 => "Jul",
        8 => "Aug",
        9 => "Sep",
        10 => "Oct",
        11 => "Nov",
        _ => "Dec",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: u64) -> String {
        Timestamp(UnixSeconds(seconds)).to_string()
    }

    #[test]
    fn the_day_of_the_month_has_no_leading_zero_and_the_time_has() {
        assert_eq!(text(1_772_510_706), "Tue Mar 3 04:05:06 UTC 2026");
        assert_eq!(text(1_775_812_087), "Fri Apr 10 09:08:07 UTC 2026");
    }

    #[test]
    fn leap_days_and_turns_of_the_year_are_right() {
        assert_eq!(text(0), "Thu Jan 1 00:00:00 UTC 1970");
        assert_eq!(text(951_782_400), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(text(951_868_800), "Wed Mar 1 00:00:00 UTC 2000");
        assert_eq!(text(1_709_164_800), "Thu Feb 29 00:00:00 UTC 2024");
        assert_eq!(text(1_798_761_599), "Thu Dec 31 23:59:59 UTC 2026");
        assert_eq!(text(4_107_542_400), "Mon Mar 1 00:00:00 UTC 2100");
    }

    #[test]
    fn every_day_follows_its_day_before_for_four_hundred_years() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(date(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, d) if d == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn no_clock_value_makes_it_panic() {
        assert!(text(u64::MAX).contains(" UTC "));
    }
}
