//! The name that was probably meant.

/// The candidate nearest to `written`, if it is near enough to be a slip.
///
/// Near is a key with a third of its letters or fewer wrong, in a table that is near as well; or the very
/// key under another table: `client_id` means `cognito.client_id`.
pub(super) fn nearest<'a>(
    written: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Longer than any key: not worth the arithmetic.
    if written.len() > 80 {
        return None;
    }
    let (table, key) = table_and_key(written);
    let is_near = |distance: usize, of: &str| distance <= of.chars().count().div_ceil(3);
    candidates
        .filter_map(|candidate| {
            let (its_table, its_key) = table_and_key(candidate);
            let (of_keys, of_tables) = (distance(key, its_key), distance(table, its_table));
            let same_table = is_near(of_tables, its_table) || table.is_empty();
            let near = of_keys == 0 || (same_table && is_near(of_keys, its_key));
            near.then_some(((of_keys, of_tables), candidate))
        })
        .min_by_key(|(distances, _)| *distances)
        .map(|(_, candidate)| candidate)
}

fn table_and_key(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
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
        assert_eq!(nearest("sesion.idle_timout"), Some("session.idle_timeout"));
        assert_eq!(nearest("log.idle_timeout"), Some("session.idle_timeout"));
        assert_eq!(nearest("redis.url"), None);
        assert_eq!(nearest("session.redis"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(nearest(&"x".repeat(1_000_000)), None);
    }
}
