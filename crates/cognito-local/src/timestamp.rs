//! The TIMESTAMP of a password claim: `Tue Mar 3 04:05:06 UTC 2026`, in English whatever the locale.

use std::time::Duration;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How far a client's clock may be off.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The time a TIMESTAMP names, since the Unix epoch; `None` when it has another form. The weekday is not compared.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let parts: Vec<&str> = text.split(' ').collect();
    let [weekday, month, day, clock, "UTC", year] = parts.as_slice() else {
        return None;
    };
    if !WEEKDAYS.contains(weekday) {
        return None;
    }
    let month = i64::try_from(MONTHS.iter().position(|name| name == month)?).ok()?;
    let [hour, minute, second] = clock
        .split(':')
        .map(|part| number(part, 2))
        .collect::<Option<Vec<_>>>()?
        .try_into()
        .ok()?;
    let (day, year) = (number(day, 2)?, number(year, 4)?);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds =
        days_since_epoch(year, month + 1, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain =
        (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Days from 1 January 1970 in the Gregorian calendar, counting years from March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_to_the_second() {
        for (text, seconds) in [
            ("Thu Jan 1 00:00:00 UTC 1970", 0),
            ("Tue Mar 3 04:05:06 UTC 2026", 1_772_510_706),
            ("Thu Feb 29 23:59:59 UTC 2024", 1_709_251_199),
            ("Sat Mar 07 04:05:06 UTC 2026", 1_772_856_306),
            ("Fri Dec 31 12:00:00 UTC 2100", 4_133_937_600),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "Tue Mar 3 04:05:06 2026",
            "Tue Mar  3 04:05:06 UTC 2026",
            "Di Mar 3 04:05:06 UTC 2026",
            "Tue Mrz 3 04:05:06 UTC 2026",
            "Tue Mar 0 04:05:06 UTC 2026",
            "Tue Mar 3 24:05:06 UTC 2026",
            "Tue Mar 3 04:05 UTC 2026",
            "Tue Mar 3 04:05:06 CET 2026",
            "Tue Mar -3 04:05:06 UTC 2026",
            "Tue Mar 3 04:05:06 UTC 1969",
            "2026-03-03T04:05:06Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
