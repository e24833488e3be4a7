//! The on-call log as JSON: for a console, a search, a post-mortem written by a program.

use runbook_core::run::record::{Mode, Settlement};
use serde_json::{Map, Value as Json, json};

use crate::line::{Piece, View, plain};
use crate::moment;
use crate::report::{Fact, Next, Report, Standing, StepReport};

/// Writes the report as JSON (`v` is 1: members may be added, none changes its meaning), indented, with an LF at its end. Times are RFC 3339 in UTC; what is not known is left
/// out.
#[must_use]
pub fn json(report: &Report) -> String {
    format!("{:#}\n", value(report))
}

/// The report as a JSON value.
#[must_use]
pub fn value(report: &Report) -> Json {
    let view = View { zone: moment::utc(), start: report.started };
    let facts = |facts: &[Fact]| Json::Array(facts.iter().map(|fact| fact_value(fact, &view)).collect());
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| {
        if !value.is_null() {
            object.insert(key.to_owned(), value);
        }
    };
    put("v", json!(1));
    put("run", json!(report.run));
    put("runbook", json!(report.runbook));
    put("title", json!(report.title));
    put("mode", json!(report.mode.map(mode_word)));
    put("banner", json!(report.banner().map(|(mode, meaning)| format!("{mode}. {meaning}"))));
    put("standing", json!(report.standing.word()));
    put(
        "outcome",
        match report.standing {
            Standing::Over(outcome) => json!(outcome.word()),
            Standing::InDoubt
            | Standing::Waiting
            | Standing::Running
            | Standing::Interrupted
            | Standing::Unfinished => Json::Null,
        },
    );
    put("reason", json!(report.reason));
    put("summary", json!(plain(&report.summary_line(), &view)));
    put("started", json!(report.started.map(moment::exact)));
    put("ended", json!(report.ended.map(moment::exact)));
    put(
        "duration_ms",
        json!(report.duration().map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))),
    );
    put("operators", json!(report.operators));
    put(
        "alert",
        report.alert_value.as_ref().map_or(Json::Null, |alert| json!({"name": report.alert, "value": alert.to_json()})),
    );
    let params =
        report.params.iter().map(|(name, value, from)| (name.clone(), json!({"value": value.to_json(), "from": from})));
    put("params", Json::Object(params.collect()));
    put("commit", json!(report.commit));
    put("dirty", json!(report.dirty));
    put("host", json!(report.host));
    put("version", json!(report.version));
    put("source", json!(report.source));
    put("first", facts(&report.first));
    put("troubleshooting", facts(&report.troubleshooting));
    put("resolution", facts(&report.resolution));
    put("open", facts(&report.open));
    put("next", Json::Array(report.next.iter().map(|next| next_value(next, &view)).collect()));
    put("evidence", facts(&report.evidence));
    put("steps", Json::Array(report.steps.iter().map(step_value).collect()));
    harmless_value(Json::Object(object))
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Real => "real",
        Mode::Dry { probe: false } => "dry",
        Mode::Dry { probe: true } => "dry, probing",
        Mode::Drill => "drill",
    }
}

fn fact_value(fact: &Fact, view: &View) -> Json {
    let codes: Vec<&str> = fact
        .line
        .iter()
        .filter_map(|piece| match piece {
            Piece::Code(text) => Some(text.as_str()),
            Piece::Words(_) | Piece::Strong(_) | Piece::Time(_) => None,
        })
        .collect();
    let mut told =
        json!({"at": moment::exact(fact.at), "text": plain(&fact.line, view), "codes": codes, "entries": fact.entries});
    if let (true, Some(members)) = (fact.depth > 0, told.as_object_mut()) {
        members.insert("depth".to_owned(), json!(fact.depth));
    }
    told
}

fn next_value(next: &Next, view: &View) -> Json {
    json!({"command": next.command, "text": plain(&next.why, view), "entries": next.entries})
}

fn step_value(step: &StepReport) -> Json {
    let members = [
        ("step", json!(step.step)),
        ("kind", json!(step.kind.map(runbook_core::document::model::Kind::key))),
        ("title", json!(step.title)),
        ("within", json!(step.within)),
        ("item", step.item.as_ref().map_or(Json::Null, runbook_core::value::Value::to_json)),
        ("runs", json!(step.runs)),
        ("started", json!(moment::exact(step.started))),
        ("ended", json!(step.ended.map(moment::exact))),
        ("outcome", json!(step.outcome.map(runbook_core::run::record::Outcome::word))),
        ("settlement", json!(step.settlement.map(settlement_word))),
        ("reason", json!(step.reason)),
        ("command", json!(step.command)),
        ("attempts", json!(step.attempts)),
        ("entries", json!(step.entries)),
    ];
    let known = members.into_iter().filter(|(_, value)| !value.is_null());
    Json::Object(known.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn settlement_word(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Ran => "ran",
        Settlement::AlreadySo => "already so",
        Settlement::ByHand => "by hand",
        Settlement::Overruled => "overruled",
        Settlement::Settled => "settled",
        Settlement::Expired => "expired",
        Settlement::Unanswered => "unanswered",
        Settlement::Denied => "denied",
        Settlement::Withheld => "withheld",
    }
}

/// Params and alerts come as they are; their text must do no more to a terminal than the rest.
fn harmless_value(json: Json) -> Json {
    match json {
        Json::String(text) => Json::String(crate::harmless::harmless(&text)),
        Json::Array(items) => Json::Array(items.into_iter().map(harmless_value).collect()),
        Json::Object(members) => Json::Object(
            members.into_iter().map(|(key, value)| (crate::harmless::harmless(&key), harmless_value(value))).collect(),
        ),
        Json::Null | Json::Bool(_) | Json::Number(_) => json,
    }
}
