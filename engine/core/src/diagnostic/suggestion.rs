//! *Did you mean*: the nearest of the names that would have been right.

/// Longest name that is compared, in bytes: the distance of two names costs the product of their lengths.
const COMPARED_BYTES_MAX: usize = 64;

/// The candidate a mistyped name most likely stands for: at most a third of its characters differ (one always may),
/// swapped neighbours count as one, and the first or the last character is right. Of equally near ones, the first.
#[must_use]
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let name = fold(name);
    let length = name.chars().count();
    let allowed = (length / 3).max(1);
    let mut nearest = None;
    for candidate in candidates {
        if candidate.len() > COMPARED_BYTES_MAX {
            continue;
        }
        let folded = fold(candidate);
        let near = folded.chars().count().abs_diff(length) <= allowed
            && (folded.chars().next() == name.chars().next() || folded.chars().last() == name.chars().last());
        if !near {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&name, &folded);
        if distance <= allowed && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, candidate));
        }
    }
    nearest.map(|(_, candidate)| candidate)
}

/// Upper case and the two ways to join words are no difference worth counting.
fn fold(name: &str) -> String {
    name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let steps = ["active", "shut_down", "failover", "force"];
        assert_eq!(suggest("shutdwn", steps), Some("shut_down"));
        assert_eq!(suggest("Shut-Down", steps), Some("shut_down"));
        assert_eq!(suggest("fialover", steps), Some("failover"));
        assert_eq!(suggest("forces", steps), Some("force"));
    }

    #[test]
    fn keeps_silent_rather_than_guess() {
        assert_eq!(suggest("restore", ["active", "failover"]), None);
        assert_eq!(suggest("", ["a"]), None);
        assert_eq!(suggest(&"a".repeat(65), ["a"]), None);
    }

    #[test]
    fn of_equally_near_ones_gives_the_first() {
        assert_eq!(suggest("cat", ["car", "cap"]), Some("car"));
    }
}
