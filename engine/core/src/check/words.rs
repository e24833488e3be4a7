//! How names are put into sentences.

/// `` `a`, `b` and 3 more ``: at most so many are named.
pub(super) fn listed(names: &[&str], most: usize) -> String {
    let quoted: Vec<String> = names.iter().take(most).map(|name| format!("`{name}`")).collect();
    match (quoted.as_slice(), names.len().saturating_sub(most)) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([rest @ .., last], 0) => format!("{} and {last}", rest.join(", ")),
        (some, more) => format!("{} and {more} more", some.join(", ")),
    }
}

/// The names with something between them; of more than `most`, the middle is left out.
pub(super) fn listed_with(names: &[&str], between: &str, most: usize) -> String {
    let Some(head) = names.get(..most / 2).filter(|_| names.len() > most) else { return names.join(between) };
    let tail = names.get(names.len() - most / 2..).unwrap_or_default();
    let left_out = format!("({} more)", names.len() - head.len() - tail.len());
    head.iter().copied().chain([left_out.as_str()]).chain(tail.iter().copied()).collect::<Vec<_>>().join(between)
}

/// `an act`.
pub(super) fn with_article(word: &str) -> String {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { format!("an {word}") } else { format!("a {word}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_said_to_be() {
        assert_eq!((listed(&["a"], 2), listed(&["a", "b"], 2)), ("`a`".to_owned(), "`a` and `b`".to_owned()));
        assert_eq!(listed(&["a", "b", "c", "d"], 2), "`a`, `b` and 2 more");
        assert_eq!(listed_with(&["a", "b"], " → ", 4), "a → b");
        assert_eq!(listed_with(&["a", "b", "c", "d", "e"], " → ", 4), "a → b → (1 more) → d → e");
        assert_eq!((with_article("act"), with_article("step")), ("an act".to_owned(), "a step".to_owned()));
    }
}
