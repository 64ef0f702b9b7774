//! The name that was probably meant.

/// The candidate nearest to `written`, if it is near enough to be a slip: a third of its letters or fewer.
///
/// A key under the wrong table counts as near: `client_id` means `cognito.client_id`.
pub(super) fn nearest<'a>(
    written: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Longer than any key: not worth the arithmetic.
    if written.len() > 80 {
        return None;
    }
    candidates
        .map(|candidate| (distance_of_keys(written, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance_of_keys(written: &str, candidate: &str) -> usize {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let whole = distance(written, candidate);
    if last(written) == last(candidate) {
        whole.min(2)
    } else {
        whole
    }
}

/// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, letter) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
        for (column, other) in b.iter().enumerate() {
            let change = cell(&last, column) + usize::from(letter != *other);
            let add_or_drop = cell(&last, column + 1).min(cell(&current, column)) + 1;
            let mut best = change.min(add_or_drop);
            let neighbour = column.checked_sub(1).and_then(|at| Some((at, b.get(at)?)));
            if let Some((at, before)) = neighbour
                && previous == Some(*other)
                && *before == letter
            {
                best = best.min(cell(&before_last, at) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_counts_once() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "acb", 1),
            ("timout", "timeout", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_a_slip_has_a_nearest_name() {
        let keys = ["session.idle_timeout", "cognito.client_id", "log.level"];
        let nearest = |written| nearest(written, keys.into_iter());
        assert_eq!(nearest("session.idle_timout"), Some("session.idle_timeout"));
        assert_eq!(nearest("client_id"), Some("cognito.client_id"));
        assert_eq!(nearest("log.levle"), Some("log.level"));
        assert_eq!(nearest("redis.url"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(nearest(&"x".repeat(1_000_000)), None);
    }
}
