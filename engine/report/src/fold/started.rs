//! What a run was started with.

use runbook_core::run::record::RunStarted;
use runbook_core::value::Value;

use crate::entry::{About, Folded};
use crate::harmless::harmless;
use crate::line::Line;
use crate::report::Fact;

/// The name of the alert: its `alertname` label, its `name` or `title`, or itself where it is text.
pub(super) fn alert_name(run: &RunStarted) -> Option<String> {
    fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
        match value {
            Value::Map(members) => match members.get(key)? {
                Value::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
    let alert = run.alert.as_ref()?;
    if let Value::Text(name) = alert {
        return Some(harmless(name));
    }
    let labels = match alert {
        Value::Map(members) => members.get("labels"),
        _ => None,
    };
    let name = labels
        .and_then(|labels| text(labels, "alertname"))
        .or_else(|| text(alert, "alertname"))
        .or_else(|| text(alert, "name"))
        .or_else(|| text(alert, "title"));
    name.map(harmless)
}

/// The alerts the runbook answers, for a run that none was handed to.
pub(super) fn answers(about: &About) -> Option<String> {
    (!about.alerts.is_empty()).then(|| harmless(&about.alerts.join(", ")))
}

pub(super) fn params(run: &RunStarted) -> Vec<(String, Value, String)> {
    run.params.iter().map(|(name, (value, from))| (harmless(name), value.clone(), harmless(from))).collect()
}

/// The facts of the start, all of the first entry.
pub(super) fn facts(about: &About, entry: &Folded, run: &RunStarted) -> Vec<Fact> {
    let mut lines = Vec::new();
    let line = Line::new().say("Runbook ").code(&run.runbook).say(", ").code(&run.path);
    lines.push(match (&run.commit, run.dirty) {
        (Some(commit), Some(true)) => line.say(", ").strong("changed").say(" since commit ").code(commit),
        (Some(commit), Some(false)) => line.say(", as in commit ").code(commit),
        (Some(commit), None) => line.say(", at commit ").code(commit),
        (None, _) => line.say(", in no repository"),
    });
    let line = Line::new().say("Started by ").strong(&entry.actor.id).say(" at ").time(entry.ts).say(" on ");
    let line = line.code(&run.host).say(" in ").code(&run.directory).say(", runbook ").say(&run.version);
    let line = if run.attended { line } else { line.say(", with nobody at a terminal") };
    let line = if run.yes { line.say(", with ").code("--yes") } else { line };
    lines.push(if run.step_by_step { line.say(", with ").code("--step") } else { line });
    if let Some(earlier) = &run.retry_of {
        let line = Line::new().strong("Tries again").say(" run ").code(&earlier.run).say("; taken over from it: ");
        lines.push(if earlier.steps.is_empty() {
            line.say("nothing")
        } else {
            line.codes(earlier.steps.iter().map(String::as_str))
        });
    }
    if let Some(alert) = &run.alert {
        lines.push(Line::new().say("Alert: ").code_excerpt(&alert.to_string()));
    } else if !about.alerts.is_empty() {
        let line = Line::new().say("Answers the alert ").codes(about.alerts.iter().map(String::as_str));
        lines.push(line.say("; it was started by hand, without one"));
    }
    if !run.params.is_empty() {
        let line = Line::new().say("Params: ");
        lines.push(run.params.iter().enumerate().fold(line, |line, (index, (name, (value, from)))| {
            let line = if index == 0 { line } else { line.say(", ") };
            line.code(name).say(" = ").code_excerpt(&value.to_string()).say(" (").say(from).say(")")
        }));
    }
    lines.into_iter().map(|line| Fact::new(entry.ts, line, [entry.n])).collect()
}
