//! A runbook file, but for what is inside its steps.

use indexmap::IndexMap;
use jiff::civil::Date;

use super::commands::words;
use super::fields::{Fields, named};
use super::param::params;
use super::step::{retry, step};
use super::text::{Least, count, duration, duration_setting, one_of, runbook_name, step_id, step_ids, template, text};
use super::work::{default_environment, outputs};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::model::{
    Alert, Defaults, Document, MatchOperator, Matcher, Review, Rollback, SecretSource, Severity, Step, Surroundings,
};
use crate::document::shape::{DEFAULTS, FILE, Names, PARAM, REVIEW, SECRET};
use crate::document::{Cursor, Shape};
use crate::id::RunbookName;
use crate::limits::STEPS_MAX;
use crate::source::Spanned;

/// The version of the language this reads.
const VERSION: i64 = 1;

/// A runbook. `None`: it is no mapping, is of another version, or has no steps.
pub(super) fn document(file_name: &str, root: Cursor<'_>, sink: &mut Diagnostics) -> Option<Document> {
    // What the other keys of another version mean is not known.
    if let Some(version) = root.get("version")
        && version.shape() == Shape::Integer
        && let Some(number) = version.as_integer(sink)
        && number.value != VERSION
    {
        let title = format!("version {} of the language is not known", number.value);
        let help = format!("this program reads version {VERSION}");
        sink.push(Diagnostic::new(Code::UnknownVersion, number.span, title).help(help));
        return None;
    }
    if root.shape() == Shape::Null {
        sink.push(
            Diagnostic::new(Code::NoSteps, root.place(), "an empty file")
                .help("`runbook new` writes one to begin with"),
        );
        return None;
    }
    // A missing `steps` is told as a runbook that does nothing.
    let fields = fields_but_steps(root, sink)?;
    if let Some(version) = fields.get("version")
        && version.shape() != Shape::Integer
    {
        version.wrong_type("the number 1", sink);
    }
    let name = fields.get("runbook").and_then(|name| runbook_name(name, sink));
    let steps = steps(&fields, sink);
    let place = root.place();
    let document = Document {
        name: name.or_else(|| Some(Spanned::new(name_of_file(file_name)?, place)))?,
        title: fields
            .get("title")
            .and_then(|title| text(title, sink))
            .unwrap_or_else(|| Spanned::new("?".to_owned(), place)),
        summary: fields.get("summary").and_then(|summary| summary.as_text(sink)).map(|text| text.value.to_owned()),
        owner: fields.get("owner").and_then(|owner| text(owner, sink)),
        severity: fields
            .get("severity")
            .and_then(|severity| one_of(severity, &SEVERITIES, sink))
            .map(|word| word.value),
        alerts: fields.get("alerts").map(|value| alerts(value, sink)).unwrap_or_default(),
        review: fields.get("review").and_then(|value| review(value, sink)),
        params: fields.get("params").map(|value| params(value, &PARAM, "param", sink)).unwrap_or_default(),
        secrets: fields.get("secrets").map(|value| secrets(value, sink)).unwrap_or_default(),
        defaults: fields.get("defaults").and_then(|value| defaults(value, sink)).unwrap_or_default(),
        parallel: fields.get("parallel").and_then(|value| count(value, 1, 64, sink)).map_or(1, |count| count.value),
        lock: fields.get("lock").and_then(|lock| template(lock, sink)),
        timeout: fields.get("timeout").and_then(|timeout| duration_setting(timeout, Least::Some, sink)),
        steps,
        fallback: fields.get("fallback").and_then(|fallback| step_id(fallback, sink)),
        rollback: fields
            .get("rollback")
            .and_then(|rollback| one_of(rollback, &ROLLBACKS, sink))
            .map(|word| word.value)
            .unwrap_or_default(),
        finally: fields.get("finally").map(|finally| step_ids(finally, sink)).unwrap_or_default(),
        outputs: fields.get("outputs").map(|value| outputs(value, sink)).unwrap_or_default(),
    };
    (!document.steps.is_empty()).then_some(document)
}

const SEVERITIES: [(&str, Severity); 4] =
    [("critical", Severity::Critical), ("high", Severity::High), ("medium", Severity::Medium), ("low", Severity::Low)];

const ROLLBACKS: [(&str, Rollback); 3] = [("ask", Rollback::Ask), ("auto", Rollback::Auto), ("never", Rollback::Never)];

/// The keys of the file. That `steps` is missing is left for [`steps`] to say.
fn fields_but_steps<'a>(root: Cursor<'a>, sink: &mut Diagnostics) -> Option<Fields<'a>> {
    let mut found = Diagnostics::new();
    let fields = Fields::read(root, &FILE, &mut found);
    let is_steps =
        |diagnostic: &Diagnostic| diagnostic.code == Code::MissingKey && diagnostic.title.contains("`steps`");
    sink.extend(found.finish().into_iter().filter(|diagnostic| !is_steps(diagnostic)));
    fields
}

fn steps(fields: &Fields<'_>, sink: &mut Diagnostics) -> Vec<Step> {
    let cursor = fields.get("steps");
    let entries = match cursor.map(|cursor| (cursor, cursor.shape())) {
        None | Some((_, Shape::Null)) => Vec::new(),
        Some((cursor, Shape::List)) => {
            let help = "write each step below its id: `steps:`, then `active:`, then `verify: …`";
            sink.push(
                Diagnostic::new(Code::WrongType, cursor.place(), "`steps` must be a mapping")
                    .label("this is a list")
                    .help(help),
            );
            return Vec::new();
        }
        Some((cursor, _)) => match cursor.entries(sink) {
            Some(entries) => entries,
            None => return Vec::new(),
        },
    };
    if entries.is_empty() {
        let place = cursor.map_or_else(|| fields.cursor().place(), |cursor| cursor.place());
        let help = "begin with one act that tells a person what to do by hand: `act: …`, `instruct: …`";
        sink.push(Diagnostic::new(Code::NoSteps, place, "a runbook without steps").help(help));
    }
    if let Some((key, _)) = entries.get(STEPS_MAX) {
        let title = format!("more than {STEPS_MAX} steps");
        sink.push(Diagnostic::new(Code::OverLimit, key.span, title).label("one too many"));
    }
    entries.into_iter().take(STEPS_MAX).filter_map(|(key, value)| step(key, value, sink)).collect()
}

/// The name of a runbook whose own cannot be read: its file's, so that nothing is said about a name it does not have.
fn name_of_file(file_name: &str) -> Option<RunbookName> {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = base.strip_suffix(".yaml").or_else(|| base.strip_suffix(".yml")).unwrap_or(base);
    RunbookName::new(stem).or_else(|_| RunbookName::new("unnamed")).ok()
}

fn alerts(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Vec<Alert> {
    let alert = |item: Cursor<'_>| {
        if item.shape() == Shape::Text {
            let text = item.as_text(sink)?;
            let matcher = matcher("alertname", text, sink)?;
            return Some(Alert { matchers: vec![matcher], span: text.span });
        }
        if item.shape() != Shape::Mapping {
            item.wrong_type("the name of an alert, or labels and what they must be", sink);
            return None;
        }
        let entries = named(item, Names::Label, "a label", sink);
        if entries.is_empty() {
            let title = "an alert without a matcher";
            sink.push(Diagnostic::new(Code::BadMatcher, item.place(), title).label("it would match every alert"));
            return None;
        }
        let matchers: Option<Vec<Matcher>> =
            entries.into_iter().map(|(label, value)| matcher(label.value, value.as_word(sink)?, sink)).collect();
        Some(Alert { matchers: matchers?, span: item.span() })
    };
    cursor.one_or_items(&mut Diagnostics::new()).into_iter().filter_map(alert).collect()
}

/// `dns1`, `!=dns1`, `=~dns.*`, `!~dns.*`.
fn matcher(label: &str, text: Spanned<&str>, sink: &mut Diagnostics) -> Option<Matcher> {
    let operators = [
        ("=~", MatchOperator::Regex),
        ("!~", MatchOperator::NotRegex),
        ("!=", MatchOperator::NotEqual),
        ("=", MatchOperator::Equal),
    ];
    let found = operators.iter().find_map(|(sign, operator)| Some((text.value.strip_prefix(sign)?, *operator)));
    let (value, operator) = found.unwrap_or((text.value, MatchOperator::Equal));
    let is_pattern = matches!(operator, MatchOperator::Regex | MatchOperator::NotRegex);
    let problem = match crate::params::compile(value) {
        Err(why) if is_pattern => Some((format!("`{value}` is no regular expression: {why}"), None)),
        _ if found.is_none() && value.starts_with(['~', '!']) => {
            let rest = value.trim_start_matches(['~', '!', '=']);
            let meant = if value.starts_with('~') { format!("=~{rest}") } else { format!("!={rest}") };
            Some((format!("`{value}` is no matcher"), Some(format!("did you mean `\"{meant}\"`?"))))
        }
        _ if label == "alertname" && value.trim().is_empty() => Some(("an alert without a name".to_owned(), None)),
        _ => None,
    };
    if let Some((title, help)) = problem {
        sink.push(Diagnostic::new(Code::BadMatcher, text.span, title).maybe_help(help));
        return None;
    }
    Some(Matcher { label: label.to_owned(), operator, value: value.to_owned() })
}

fn review(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Review> {
    let fields = Fields::read(cursor, &REVIEW, sink)?;
    Some(Review {
        by: fields.get("by").and_then(|by| date(by, sink)),
        drill_every: fields.get("drill_every").and_then(|every| duration(every, Least::Some, sink)),
    })
}

fn date(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Date>> {
    let text = cursor.as_word(sink)?;
    // Exactly this form: a date with a time would be cut without a word.
    let exact = text.value.len() == "2027-03-01".len();
    match text.value.parse() {
        Ok(date) if exact => Some(Spanned::new(date, text.span)),
        _ => {
            let title = format!("`{}` is no date", text.value);
            sink.push(Diagnostic::new(Code::BadDuration, text.span, title).help("write it as `2027-03-01`"));
            None
        }
    }
}

fn secrets(cursor: Cursor<'_>, sink: &mut Diagnostics) -> IndexMap<String, Spanned<SecretSource>> {
    let entries = named(cursor, Names::Environment, "a secret", sink);
    let mut all = IndexMap::new();
    for (name, value) in entries {
        if let Some(source) = secret(value, sink) {
            all.insert(name.value.to_owned(), source);
        }
    }
    all
}

/// Where a secret comes from. A text is the secret itself, which belongs in no file.
pub(super) fn secret(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<SecretSource>> {
    if matches!(cursor.shape(), Shape::Text | Shape::Integer | Shape::Number) {
        let title = "a secret written in the file";
        let help = "say where it comes from: `{ env: NAME }`, `{ file: path }` or `{ command: [words] }`";
        sink.push(
            Diagnostic::new(Code::WrongType, cursor.span(), title)
                .label("everybody who reads the file knows it")
                .help(help),
        );
        return None;
    }
    let fields = Fields::read(cursor, &SECRET, sink)?;
    let source = if let Some(env) = fields.get("env") {
        let name = text(env, sink)?;
        if !super::fields::is_name(Names::Environment, &name.value) {
            let title = format!("`{}` is no name of an environment variable", name.value);
            sink.push(
                Diagnostic::new(Code::BadId, name.span, title).label(format!("wanted: {}", Names::Environment.words())),
            );
            return None;
        }
        SecretSource::Env(name.value)
    } else if let Some(file) = fields.get("file") {
        SecretSource::File(text(file, sink)?.value)
    } else {
        SecretSource::Command(words(fields.get("command")?, sink)?.value)
    };
    Some(Spanned::new(source, cursor.span()))
}

fn defaults(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Defaults> {
    let fields = Fields::read(cursor, &DEFAULTS, sink)?;
    let (env, pass) = fields.get("env").map(|env| default_environment(env, sink)).unwrap_or_default();
    Some(Defaults {
        timeout: fields.get("timeout").and_then(|timeout| duration_setting(timeout, Least::Some, sink)),
        grace: fields.get("grace").and_then(|grace| duration_setting(grace, Least::Zero, sink)),
        surroundings: Surroundings {
            env,
            dir: fields.get("dir").and_then(|dir| template(dir, sink)),
            stdin: None,
            on: fields.get("on").and_then(|on| template(on, sink)),
            shell: fields.get("shell").and_then(|shell| words(shell, sink)),
        },
        pass,
        retry: fields.get("retry").and_then(|value| retry(value, sink)),
    })
}
