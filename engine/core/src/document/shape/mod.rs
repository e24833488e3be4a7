//! The table of the language: every mapping a file may hold, its keys, and what each takes.
//!
//! One table for three readers: the decoder takes its known keys and suggestions from it, the JSON Schema is made of
//! it, and so are the tables of the language reference. None of them can fall behind.

mod file;
mod parts;
mod step;
mod team;

use super::model::Kind;

pub use file::{DEFAULTS, FILE, MATCHERS, PARAM, REVIEW, SECRET};
pub use parts::{
    ACK, APPROVAL, ATTACH, BRANCH, CASE, FIELD, FOR_EACH, HTTP, OUTPUT, RETRY, STDIN, UNDO, UNLESS, WRITING,
};
pub use step::{STEP, WAYS};
pub use team::{
    CHANNEL, CHANNEL_EMAIL, CHANNEL_PAGERDUTY, CHANNEL_SLACK, CHANNEL_WEBHOOK, GROUP, HOURS, PERSON, POLICY, TEAM,
};

/// A mapping of the language.
#[derive(Debug)]
pub struct Mapping {
    /// Its name among the definitions of the schema: `retry`.
    pub name: &'static str,
    /// What a message calls it: `a retry`.
    pub what: &'static str,
    /// What it is for, one sentence.
    pub doc: &'static str,
    keys: &'static [Key],
    /// Its keys by what they are about, in the order a reader wants to meet them; empty where they are few.
    pub groups: &'static [Group],
    /// Names of the author's own that may stand beside the keys, and what they take.
    pub own: Option<(Names, Form)>,
    /// Which keys exclude or demand one another.
    pub rules: &'static [Rule],
}

impl Mapping {
    const fn new(name: &'static str, what: &'static str, doc: &'static str, keys: &'static [Key]) -> Self {
        Self { name, what, doc, keys, groups: &[], own: None, rules: &[] }
    }

    const fn groups(mut self, groups: &'static [Group]) -> Self {
        self.groups = groups;
        self
    }

    const fn rules(mut self, rules: &'static [Rule]) -> Self {
        self.rules = rules;
        self
    }

    const fn own(mut self, names: Names, form: Form) -> Self {
        self.own = Some((names, form));
        self
    }

    /// Its keys, in the order a reader wants to meet them. A key that means two things has two rows.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().chain(self.groups.iter().flat_map(|group| group.keys))
    }

    /// The rows of a key that a step of this kind may have. Of mappings other than steps, all rows of the key.
    pub fn rows<'n>(&self, name: &'n str, kind: Option<Kind>) -> impl Iterator<Item = &'static Key> + use<'n> {
        self.keys().filter(move |key| key.name == name && kind.is_none_or(|kind| key.is_of(kind)))
    }
}

/// Keys of a mapping that are about one thing.
#[derive(Debug)]
pub struct Group {
    /// Its name in the reference: `ways`.
    pub name: &'static str,
    /// The keys.
    pub keys: &'static [Key],
}

/// Which keys of a mapping exclude or demand one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Exactly one of them.
    One(&'static [&'static str]),
    /// One of them, or more.
    Some(&'static [&'static str]),
    /// Where the first key has this value, the last must be there: `type`, `choice`, `choices`.
    With(&'static str, &'static str, &'static str),
}

/// A key of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What it takes.
    pub form: Form,
    /// Whether it must be there.
    pub required: bool,
    /// The kinds of step that have it; empty: all of them, and every mapping that is no step.
    pub kinds: &'static [Kind],
    /// It means something only where one of these stands beside it; empty: always.
    pub beside: &'static [&'static str],
    /// It is read and checked, and a run that would need it is refused before the first step.
    pub later: bool,
    /// What it is called elsewhere, for suggestions.
    pub also: &'static [&'static str],
    /// What it means, one line.
    pub doc: &'static str,
}

impl Key {
    const fn new(name: &'static str, form: Form, doc: &'static str) -> Self {
        Self { name, form, required: false, kinds: &[], beside: &[], later: false, also: &[], doc }
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn of(mut self, kinds: &'static [Kind]) -> Self {
        self.kinds = kinds;
        self
    }

    const fn beside(mut self, keys: &'static [&'static str]) -> Self {
        self.beside = keys;
        self
    }

    const fn later(mut self) -> Self {
        self.later = true;
        self
    }

    const fn also(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
    }

    /// Whether a step of this kind may have it.
    #[must_use]
    pub fn is_of(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Text, as it is.
    Text,
    /// Text of this pattern; the words say what it is.
    Pattern(&'static str, &'static str),
    /// Text in which `{{ … }}` is rendered.
    Template,
    /// As [`Form::Template`]; a number or boolean is its text.
    WordTemplate,
    /// Text, or a number or boolean, which is its text.
    Word,
    /// An expression.
    Expression,
    /// An expression that gives true or false.
    Condition,
    /// True or false.
    Boolean,
    /// A whole number within bounds, both included.
    Integer(i64, i64),
    /// As [`Form::Integer`], or a template that renders to one.
    IntegerSetting(i64, i64),
    /// A number, at least this.
    Number(u32),
    /// A duration.
    Duration,
    /// A duration, or a template that renders to one.
    DurationSetting,
    /// A duration, a time, or a template that renders to either.
    Moment,
    /// A date.
    Date,
    /// A time of day.
    Clock,
    /// Days of the week.
    Days,
    /// The id of a step.
    Step,
    /// The id of a step, or a list of them.
    Steps,
    /// Where a road leads: an id, a list, `done`, `failed`, or `{ then, because }`.
    Target,
    /// The same, but for the last.
    Ends,
    /// The name of a runbook.
    Runbook,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A command line, or a list of its words.
    CommandLine,
    /// Words: a text split at its blanks, or a list.
    Words,
    /// Any value, its texts rendered.
    Any,
    /// A mapping with these keys.
    Mapping(&'static Mapping),
    /// Names of the author's own, each with such a value.
    Named(Names, &'static Form),
    /// A list of them.
    List(&'static Form),
    /// One, or a list of them.
    OneOrMore(&'static Form),
    /// Any of these.
    Either(&'static [Form]),
    /// Such a value, or nothing.
    OrNothing(&'static Form),
}

/// The names an author gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Of steps, params and outputs: `snake_case`.
    Snake,
    /// Of environment variables and secrets.
    Environment,
    /// Of people, teams, channels, hosts and hours.
    Account,
    /// Of an alert's labels.
    Label,
    /// Any text.
    Any,
}

impl Names {
    /// The pattern of the whole name, as JSON Schema and [`regex`] both read it.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Snake => "^[a-z]([a-z0-9_]{0,62}[a-z0-9])?$",
            Self::Environment | Self::Label => "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
            Self::Account => "^[A-Za-z0-9]([A-Za-z0-9_.@-]{0,62}[A-Za-z0-9])?$",
            Self::Any => "^[^\\r\\n]+$",
        }
    }

    /// What is wanted, for a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Snake => "lowercase letters, digits and `_`, beginning with a letter",
            Self::Environment | Self::Label => "letters, digits and `_`, beginning with no digit",
            Self::Account => "letters, digits, `_`, `.`, `@` and `-`, beginning and ending with a letter or digit",
            Self::Any => "one line of text",
        }
    }
}

/// Every mapping of runbook files, those inside after those around them.
pub const RUNBOOK_MAPPINGS: &[&Mapping] = &[
    &FILE, &REVIEW, &PARAM, &SECRET, &DEFAULTS, &STEP, &HTTP, &WRITING, &CASE, &BRANCH, &RETRY, &OUTPUT, &ATTACH,
    &STDIN, &FOR_EACH, &APPROVAL, &UNLESS, &UNDO, &ACK, &FIELD, &MATCHERS,
];

/// Every mapping of team files, those inside after those around them.
pub const TEAM_MAPPINGS: &[&Mapping] = &[
    &TEAM,
    &PERSON,
    &GROUP,
    &CHANNEL,
    &CHANNEL_SLACK,
    &CHANNEL_PAGERDUTY,
    &CHANNEL_EMAIL,
    &CHANNEL_WEBHOOK,
    &HOURS,
    &POLICY,
    &SECRET,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_of_a_mapping_has_two_rows_for_one_kind() {
        for mapping in RUNBOOK_MAPPINGS.iter().chain(TEAM_MAPPINGS) {
            for key in mapping.keys() {
                for kind in [Kind::Verify, Kind::Decide, Kind::Act, Kind::Escalate] {
                    let rows = mapping.rows(key.name, Some(kind)).count();
                    assert!(rows <= 1, "{} has {rows} rows `{}` for {kind:?}", mapping.name, key.name);
                }
            }
        }
    }

    #[test]
    fn rules_and_conditions_name_keys_there_are() {
        for mapping in RUNBOOK_MAPPINGS.iter().chain(TEAM_MAPPINGS) {
            let has = |name: &&str| mapping.keys().any(|key| key.name == *name);
            for key in mapping.keys() {
                assert!(key.beside.iter().all(has), "{}.{}", mapping.name, key.name);
                assert!(key.also.iter().all(|name| !has(name)), "{}.{}", mapping.name, key.name);
                assert!(key.doc.ends_with('.') && !key.doc.contains('\n'), "{}.{}", mapping.name, key.name);
            }
            for rule in mapping.rules {
                let named = match rule {
                    Rule::One(keys) | Rule::Some(keys) => keys.iter().all(has),
                    Rule::With(key, _, needed) => has(key) && has(needed),
                };
                assert!(named, "{}: {rule:?}", mapping.name);
            }
        }
    }
}
