//! The keys of one mapping, held to the table of the language.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, suggest};
use crate::document::Cursor;
use crate::document::model::Kind;
use crate::document::shape::{Key, Mapping, Names, Rule};
use crate::source::Spanned;

/// All known keys are told when there are at most so many.
const LISTED_KEYS_MAX: usize = 8;

/// A mapping whose keys were checked. Keys that do not belong are left out.
pub(super) struct Fields<'a> {
    cursor: Cursor<'a>,
    shape: &'static Mapping,
    pairs: Vec<(Spanned<&'a str>, Cursor<'a>)>,
    own: Vec<(Spanned<&'a str>, Cursor<'a>)>,
}

impl<'a> Fields<'a> {
    /// Reads a mapping and reports the keys that are unknown, missing or too many. `None`: it is no mapping.
    pub(super) fn read(cursor: Cursor<'a>, shape: &'static Mapping, sink: &mut Diagnostics) -> Option<Self> {
        Self::of_kind(cursor, shape, None, sink)
    }

    /// The same of a step of this kind.
    pub(super) fn of_kind(
        cursor: Cursor<'a>,
        shape: &'static Mapping,
        kind: Option<Kind>,
        sink: &mut Diagnostics,
    ) -> Option<Self> {
        let what = kind.map_or_else(|| shape.what.to_owned(), |kind| with_article(kind.key()));
        let all = cursor.entries(sink)?;
        let mut fields = Self { cursor, shape, pairs: Vec::with_capacity(all.len()), own: Vec::new() };
        let mut misplaced = Vec::new();
        for (key, value) in all {
            if let Some(row) = shape.rows(key.value, kind).next() {
                misplaced.push((key, row));
                fields.pairs.push((key, value));
            } else if let Some(row) = shape.rows(key.value, None).next() {
                // That a step is of two kinds is said by whoever looked for them.
                let is_kind = row.kinds.iter().any(|kind| kind.key() == row.name);
                if !is_kind {
                    sink.push(of_another_kind(key, row, shape, kind));
                }
            } else if shape.own.is_some() {
                fields.own.push((key, value));
            } else {
                sink.push(unknown(key, shape, kind, &what));
            }
        }
        for (key, row) in misplaced {
            if !row.beside.is_empty() && !row.beside.iter().any(|name| cursor.get(name).is_some()) {
                let wanted = listed(row.beside, "or");
                let title = format!("`{}` without {wanted}", key.value);
                let label = format!("means something only beside {wanted}");
                sink.push(Diagnostic::new(Code::KeyOfAnotherKind, key.span, title).label(label));
            }
        }
        for row in shape.keys().filter(|row| row.required && kind.is_none_or(|kind| row.is_of(kind))) {
            // That a step has no kind is said by whoever looked for it.
            let is_kind = kind.is_some_and(|kind| kind.key() == row.name);
            if !is_kind && !fields.has(row.name) {
                fields.missing(row.name, &what, sink);
            }
        }
        for rule in shape.rules {
            fields.check_rule(*rule, sink);
        }
        Some(fields)
    }

    /// The value of a key.
    pub(super) fn get(&self, name: &str) -> Option<Cursor<'a>> {
        debug_assert!(self.shape.rows(name, None).next().is_some(), "the table has no `{name}` of {}", self.shape.what);
        self.pairs.iter().find(|(key, _)| key.value == name).map(|(_, value)| *value)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The mapping itself.
    pub(super) fn cursor(&self) -> Cursor<'a> {
        self.cursor
    }

    /// The author's own names beside the keys, and their values.
    pub(super) fn own(&self) -> &[(Spanned<&'a str>, Cursor<'a>)] {
        &self.own
    }

    /// Reports a key that is not there.
    pub(super) fn missing(&self, name: &str, what: &str, sink: &mut Diagnostics) {
        let title = format!("missing key `{name}`");
        sink.push(Diagnostic::new(Code::MissingKey, self.cursor.place(), title).label(format!("{what} needs it")));
    }

    fn check_rule(&self, rule: Rule, sink: &mut Diagnostics) {
        let names = match rule {
            Rule::One(names) | Rule::Some(names) => names,
            Rule::With(key, value, needed) => {
                let written = self.get(key).and_then(|key| key.as_text(&mut Diagnostics::new()));
                if written.is_some_and(|written| written.value == value) && !self.has(needed) {
                    self.missing(needed, &with_article(value), sink);
                }
                return;
            }
        };
        let there: Vec<Spanned<&str>> =
            self.pairs.iter().map(|(key, _)| *key).filter(|key| names.contains(&key.value)).collect();
        match (there.as_slice(), rule) {
            ([], _) => {
                let title = format!("{} without {}", self.shape.what, listed(names, "or"));
                sink.push(Diagnostic::new(Code::MissingKey, self.cursor.place(), title).label("one of them is needed"));
            }
            ([first, second, ..], Rule::One(_)) => {
                let code = if names.contains(&"run") || names.contains(&"script") {
                    Code::WayCount
                } else {
                    Code::KeyOfAnotherKind
                };
                let title = format!("`{}` beside `{}`", second.value, first.value);
                let label = format!("{} takes exactly one", self.shape.what);
                sink.push(Diagnostic::new(code, second.span, title).label(label).related(first.span, "the other one"));
            }
            _ => {}
        }
    }
}

/// A key that other kinds of step have.
fn of_another_kind(key: Spanned<&str>, row: &Key, shape: &'static Mapping, kind: Option<Kind>) -> Diagnostic {
    let mut kinds: Vec<&str> = Vec::new();
    for row in shape.rows(row.name, None) {
        kinds.extend(row.kinds.iter().map(|kind| kind.key()));
    }
    let title = match kind {
        Some(kind) => format!("`{}` on {}", key.value, with_article(kind.key())),
        None => format!("`{}` here", key.value),
    };
    let label = format!("a key of {}", kinds.iter().map(|kind| with_article(kind)).collect::<Vec<_>>().join(" and "));
    let help = match (key.value, kind) {
        ("ask", Some(Kind::Act)) => Some("`instruct` tells a person what to do by hand"),
        ("instruct", Some(Kind::Verify)) => Some("`ask` asks a person yes or no"),
        ("to" | "message", Some(_)) => Some("an escalate tells people"),
        ("approve", Some(_)) => Some("only what changes the world is approved: make it an act"),
        ("expect", Some(Kind::Decide)) => Some("a decide reads what the steps above found, in `cases`"),
        ("timeout", Some(Kind::Escalate)) => Some("`ack: { within: 10m }` bounds the wait for an answer"),
        ("timeout", Some(Kind::Decide)) => Some("`within` bounds the wait for an answer"),
        _ => None,
    };
    Diagnostic::new(Code::KeyOfAnotherKind, key.span, title).label(label).maybe_help(help.map(str::to_owned))
}

/// A key there is not.
fn unknown(key: Spanned<&str>, shape: &'static Mapping, kind: Option<Kind>, what: &str) -> Diagnostic {
    let folded = key.value.to_ascii_lowercase().replace('-', "_");
    let known: Vec<&str> =
        shape.keys().filter(|row| kind.is_none_or(|kind| row.is_of(kind))).map(|row| row.name).collect();
    let meant = shape
        .keys()
        .filter(|row| kind.is_none_or(|kind| row.is_of(kind)))
        .find(|row| row.also.contains(&folded.as_str()))
        .map(|row| row.name)
        .or_else(|| suggest(key.value, known.iter().copied()))
        .or_else(|| suggest(key.value, shape.keys().map(|row| row.name)));
    let help = match meant {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if known.len() <= LISTED_KEYS_MAX => Some(format!("the keys are {}", listed(&known, "and"))),
        None => None,
    };
    Diagnostic::new(Code::UnknownKey, key.span, format!("unknown key `{}`", key.value))
        .label(format!("not a key of {what}"))
        .maybe_help(help)
}

/// The entries of a mapping of names the author gives; those that are no names are reported and left out.
pub(super) fn named<'a>(
    cursor: Cursor<'a>,
    names: Names,
    what: &str,
    sink: &mut Diagnostics,
) -> Vec<(Spanned<&'a str>, Cursor<'a>)> {
    let mut entries = cursor.entries(sink).unwrap_or_default();
    entries.retain(|(key, _)| {
        let right = is_name(names, key.value);
        if !right {
            let title = format!("`{}` is no name of {what}", key.value);
            sink.push(Diagnostic::new(Code::BadId, key.span, title).label(format!("wanted: {}", names.words())));
        }
        right
    });
    entries
}

/// Whether a text is such a name: what [`Names::pattern`] says, without a regular expression.
pub(super) fn is_name(names: Names, text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match names {
        Names::Snake => crate::id::VariableName::new(text).is_ok(),
        Names::Environment | Names::Label => {
            bytes.len() <= 128 && bytes.first().is_some_and(|byte| !byte.is_ascii_digit()) && bytes.iter().all(word)
        }
        Names::Account => {
            bytes.len() <= 64
                && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
                && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
                && bytes.iter().all(|byte| word(byte) || b".@-".contains(byte))
        }
        Names::Any => !text.trim().is_empty() && !text.contains(['\r', '\n']),
    }
}

/// ``the words `a`, `b` or `c` ``.
pub(super) fn listed(names: &[&str], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [rest @ .., end] => format!("`{}` {last} `{end}`", rest.join("`, `")),
    }
}

/// `an act`.
pub(super) fn with_article(kind: &str) -> String {
    if kind.starts_with(['a', 'e']) { format!("an {kind}") } else { format!("a {kind}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn names_are_what_their_patterns_say() {
        let long = "a".repeat(65);
        let texts =
            ["a", "a_b1", "a_", "_a", "1a", "A_B", "svega", "j.doe@x", "a-b", "-a", "a-", "", " ", "a b", "é", &long];
        for names in [Names::Snake, Names::Environment, Names::Account, Names::Label] {
            let pattern = regex::Regex::new(names.pattern()).unwrap();
            for text in texts {
                assert_eq!(is_name(names, text), pattern.is_match(text), "{names:?} {text:?}");
            }
        }
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listed(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!((with_article("act"), with_article("decide")), ("an act".to_owned(), "a decide".to_owned()));
    }
}
