//! The on-call log as one HTML file that needs nothing beside it.

use std::sync::LazyLock;

use handlebars::Handlebars;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::line::{Piece, View, numbers};
use crate::moment;
use crate::report::{Fact, Next, Report};

/// The page. Every value is escaped by handlebars; none is put in unescaped.
const TEMPLATE: &str = include_str!("../templates/log.html.hbs");
/// A list of facts.
const FACTS: &str = include_str!("../templates/facts.html.hbs");
/// The pieces of a line.
const LINE: &str = include_str!("../templates/line.html.hbs");

/// The templates, read once.
static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    for (name, text) in [("log", TEMPLATE), ("facts", FACTS), ("line", LINE)] {
        let read = templates.register_template_string(name, text.trim_end());
        assert!(read.is_ok(), "the template {name} is right: {read:?}");
    }
    templates
});

/// Writes the on-call log. Times are in `zone`; the heading tells UTC too, and each time its exact UTC.
///
/// # Panics
/// When a template is wrong, which is our own mistake.
#[must_use]
pub fn html(report: &Report, zone: &TimeZone) -> String {
    let rendered = TEMPLATES.render("log", &page(report, zone));
    assert!(rendered.is_ok(), "the templates of the log ask for what the page has: {rendered:?}");
    rendered.unwrap_or_default() + "\n"
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
        "class": report.standing_word().replace(' ', "-"),
        "summary": pieces(&summary, &view),
        "last_entry": report.last_entry.map(|n| n.to_string()).unwrap_or_default(),
        "run": report.run,
        "start": facts(&report.start),
        "sections": sections,
        "next": report.next.iter().map(|next| next_value(next, &view)).collect::<Vec<_>>(),
        "evidence": facts(&report.evidence),
    })
}

fn fact_value(fact: &Fact, view: &View) -> Json {
    json!({
        "time": view.time(fact.at),
        "exact": moment::exact(fact.at),
        "line": pieces(&fact.line, view),
        "entries": numbers(&fact.entries),
        "depth": fact.depth,
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
