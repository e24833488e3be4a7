//! The tables of the language reference.

use std::fmt::Write as _;

use crate::document::model::Kind;
use crate::document::shape::{Form, Key, Mapping, RUNBOOK_MAPPINGS, Rule, TEAM_MAPPINGS};
use crate::expression::functions;

const BEGIN: &str = "<!-- table: ";
const END: &str = "<!-- /table -->";

/// Puts every table of the reference in its place: between `<!-- table: NAME -->` and `<!-- /table -->`, whatever stood
/// there. `NAME` is a mapping, a group of a step's keys (`step/ways`), `functions` or `refused`.
///
/// # Errors
/// The name of a table there is not, or that is not closed.
pub fn tables(text: &str) -> Result<String, String> {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(" -->\n").ok_or_else(|| "a table without a name".to_owned())?;
        let (_, after) = after.split_once(END).ok_or_else(|| format!("table {name:?} is not closed"))?;
        let table = table(name).ok_or_else(|| format!("there is no table {name:?}"))?;
        // A string takes whatever is written to it.
        let _ = write!(made, "{before}{BEGIN}{name} -->\n{table}{END}");
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}

fn table(name: &str) -> Option<String> {
    if name == "functions" {
        return Some(of_functions());
    }
    if name == "refused" {
        return Some(refused());
    }
    let (mapping, group) = name.split_once('/').map_or((name, None), |(mapping, group)| (mapping, Some(group)));
    let mapping = RUNBOOK_MAPPINGS.iter().chain(TEAM_MAPPINGS).find(|known| known.name == mapping)?;
    let keys: Vec<&Key> = match group {
        None => mapping.keys().collect(),
        Some(group) => mapping.groups.iter().find(|known| known.name == group)?.keys.iter().collect(),
    };
    Some(of_keys(mapping, &keys))
}

fn of_keys(mapping: &Mapping, keys: &[&Key]) -> String {
    // Where all are of one kind, or each is a kind, the column would say nothing.
    let alike = keys.windows(2).all(|pair| matches!(pair, [one, other] if one.kinds == other.kinds));
    let with_kinds = !alike && !keys.iter().all(|key| is_kind(key.name));
    let mut table = if with_kinds {
        "| key | of | takes | meaning |\n|---|---|---|---|\n".to_owned()
    } else {
        "| key | takes | meaning |\n|---|---|---|\n".to_owned()
    };
    if let Some((names, form)) = &mapping.own {
        let of = if with_kinds { " |" } else { "" };
        let _ = writeln!(table, "| *a name* |{of} {} | {}. |", words(form), sentence(names.words()));
    }
    for key in keys {
        let required = if key.required && !is_kind(key.name) { " **required**" } else { "" };
        let later = if key.later { " ✗" } else { "" };
        let kinds = match (with_kinds, key.kinds) {
            (false, _) => String::new(),
            (true, []) => " every kind |".to_owned(),
            (true, kinds) => format!(" {} |", kinds.iter().map(|kind| kind.key()).collect::<Vec<_>>().join(", ")),
        };
        let beside = match key.beside {
            [] => String::new(),
            names => format!(" Beside {}.", listed(names)),
        };
        let takes = words(&key.form);
        let _ = writeln!(table, "| `{}`{later} |{kinds} {takes}{required} | {}{beside} |", key.name, key.doc);
    }
    for rule in mapping.rules {
        let _ = match rule {
            Rule::One(names) => writeln!(table, "\nExactly one of {} stands there.", listed(names)),
            Rule::Some(names) => writeln!(table, "\nOne of {} stands there, or both.", listed(names)),
            Rule::With(key, value, needed) => writeln!(table, "\n`{key}: {value}` needs `{needed}`."),
        };
    }
    table
}

fn is_kind(name: &str) -> bool {
    [Kind::Verify, Kind::Decide, Kind::Act, Kind::Escalate].iter().any(|kind| kind.key() == name)
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [rest @ .., last] => format!("`{}` or `{last}`", rest.join("`, `")),
    }
}

/// What a key takes, in words.
fn words(form: &Form) -> String {
    let plain = match form {
        Form::Text => "text",
        Form::Pattern(_, what) => what,
        Form::Template | Form::WordTemplate => "text with `{{ }}`",
        Form::Word => "text, number or boolean",
        Form::Expression => "expression",
        Form::Condition => "condition",
        Form::Boolean => "`true` or `false`",
        Form::Duration => "duration",
        Form::DurationSetting => "duration, or `{{ }}`",
        Form::Moment => "duration or time, or `{{ }}`",
        Form::Date => "date",
        Form::Clock => "time of day",
        Form::Days => "days",
        Form::Step => "step",
        Form::Steps => "step, or a list",
        Form::Target | Form::Ends => "road",
        Form::Runbook => "name of a runbook",
        Form::CommandLine => "command line, or its words",
        Form::Words => "words",
        Form::Any => "anything",
        Form::Integer(least, most) if least == most => return format!("`{least}`"),
        Form::Integer(least, most) => return format!("{least} to {most}"),
        Form::IntegerSetting(least, most) => return format!("{least} to {most}, or `{{{{ }}}}`"),
        Form::Number(least) => return format!("number, at least {least}"),
        Form::OneOf(known) => return known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        Form::Mapping(mapping) => return format!("[mapping](#{})", mapping.name),
        Form::Named(_, value) => return format!("names, each {}", words(value)),
        Form::List(item) => return format!("list of {}", words(item)),
        Form::OneOrMore(item) => return format!("{}, or a list", words(item)),
        Form::Either(forms) => return forms.iter().map(words).collect::<Vec<_>>().join(", or "),
        Form::OrNothing(value) => return format!("{}, or nothing", words(value)),
    };
    plain.to_owned()
}

fn of_functions() -> String {
    let mut table = "| function | what it does |\n|---|---|\n".to_owned();
    for function in functions() {
        let signature = function.signature.replace('|', "\\|");
        let _ = writeln!(table, "| `{signature}` | {} |", function.summary.replace('|', "\\|"));
    }
    table
}

/// The keys that are read and not yet carried out.
fn refused() -> String {
    let mut table = "| in | keys |\n|---|---|\n".to_owned();
    let mut told: Vec<&str> = Vec::new();
    for mapping in RUNBOOK_MAPPINGS.iter().chain(TEAM_MAPPINGS) {
        let mut keys: Vec<&str> = Vec::new();
        for key in mapping.keys().filter(|key| key.later) {
            if !keys.contains(&key.name) {
                keys.push(key.name);
            }
        }
        if !keys.is_empty() && !told.contains(&mapping.name) {
            told.push(mapping.name);
            let _ = writeln!(table, "| {} | `{}` |", mapping.what, keys.join("` `"));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_what_stood_there() {
        let made = tables("a\n<!-- table: stdin -->\nold\n<!-- /table -->\nb\n");
        let expected = "a\n<!-- table: stdin -->\n| key | takes | meaning |\n|---|---|---|\n\
            | `step` | step **required** | The step whose whole standard output it is. |\n<!-- /table -->\nb\n";
        assert_eq!(made.as_deref(), Ok(expected));
        assert_eq!(made.as_deref().map(tables), Ok(Ok(expected.to_owned())));
    }

    #[test]
    fn a_table_there_is_not_is_told() {
        assert_eq!(tables("<!-- table: x -->\n<!-- /table -->"), Err("there is no table \"x\"".to_owned()));
        assert_eq!(tables("<!-- table: stdin -->\n"), Err("table \"stdin\" is not closed".to_owned()));
    }
}
