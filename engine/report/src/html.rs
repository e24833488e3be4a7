//! The on-call log as one HTML file that needs nothing beside it.

use handlebars::Handlebars;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::line::{Piece, View, plain};
use crate::moment;
use crate::report::{Fact, Next, Report};

/// The page. Every value is escaped by handlebars; none is put in unescaped.
const TEMPLATE: &str = include_str!("../templates/log.html.hbs");
/// A list of facts.
const FACTS: &str = include_str!("../templates/facts.html.hbs");
/// The pieces of a line.
const LINE: &str = include_str!("../templates/line.html.hbs");

/// Writes the on-call log. Times are in `zone`; the heading tells UTC too, and each time its exact UTC.
///
/// # Panics
/// When a template is wrong, which is our own mistake.
#[must_use]
pub fn html(report: &Report, zone: &TimeZone) -> String {
    let mut handlebars = Handlebars::new();
    handlebars.set_strict_mode(true);
    let rendered = handlebars
        .register_partial("facts", FACTS.trim_end())
        .and_then(|()| handlebars.register_partial("line", LINE.trim_end()))
        .map_err(|error| error.to_string())
        .and_then(|()| handlebars.render_template(TEMPLATE, &page(report, zone)).map_err(|error| error.to_string()));
    assert!(rendered.is_ok(), "the templates of the log are right: {rendered:?}");
    rendered.unwrap_or_default()
}

fn page(report: &Report, zone: &TimeZone) -> Json {
    let view = View { zone: zone.clone(), start: report.started };
    let facts = |facts: &[Fact]| Json::Array(facts.iter().map(|fact| fact_value(fact, &view)).collect());
    let section = |title: &str, list: &[Fact]| json!({"title": title, "facts": facts(list)});
    let mut sections = Vec::new();
    if !report.first.is_empty() {
        sections.push(section("Read first", &report.first));
    }
    sections.push(section("Troubleshooting", &report.troubleshooting));
    sections.push(section("Resolution", &report.resolution));
    sections.push(section("What is open", &report.open));
    let summary = report.summary_line();
    json!({
        "when": report.started.map(|at| moment::heading(at, zone)).unwrap_or_default(),
        "exact": report.started.map(moment::exact).unwrap_or_default(),
        "subject": crate::harmless::excerpt(&report.subject()),
        "banner": report.banner().map(|(mode, meaning)| json!({"mode": mode, "meaning": meaning})),
        "standing": report.standing.word(),
        "class": report.standing.word().replace(' ', "-"),
        "summary": pieces(&summary, &view),
        "summary_text": plain(&summary, &view),
        "last_entry": report.last_entry.map(|n| n.to_string()).unwrap_or_default(),
        "run": report.run,
        "start": facts(&report.start),
        "sections": sections,
        "next": report.next.iter().map(|next| next_value(next, &view)).collect::<Vec<_>>(),
        "evidence": facts(&report.evidence),
    })
}

fn numbers(entries: &[u64]) -> String {
    let numbers: Vec<String> = entries.iter().map(u64::to_string).collect();
    numbers.join(", ")
}

fn fact_value(fact: &Fact, view: &View) -> Json {
    json!({
        "time": view.time(fact.at),
        "exact": moment::exact(fact.at),
        "line": pieces(&fact.line, view),
        "entries": numbers(&fact.entries),
    })
}

fn next_value(next: &Next, view: &View) -> Json {
    json!({"command": next.command, "line": pieces(&next.why, view), "entries": numbers(&next.entries)})
}

fn pieces(line: &[Piece], view: &View) -> Json {
    let piece = |piece: &Piece| match piece {
        Piece::Words(text) => json!({"words": text, "strong": false, "code": false}),
        Piece::Strong(text) => json!({"words": false, "strong": text, "code": false}),
        Piece::Code(text) => {
            json!({"words": false, "strong": false, "code": if text.is_empty() { "(empty)" } else { text }})
        }
        Piece::Time(at) => json!({"words": view.time(*at), "strong": false, "code": false}),
    };
    Json::Array(line.iter().map(piece).collect())
}
