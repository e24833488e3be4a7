//! From what is written to a request and to a file: addresses, headers and bodies rendered, secrets left as references.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::effect::{Call, EnvPiece, EnvValue, Writing};
use super::record::Settlement;
use super::render::with_secrets;
use super::scope::RunScope;
use super::state::RunState;
use crate::document::model::{self, Http, Tree};
use crate::expression::Scope;
use crate::file_template::Values;
use crate::template::{Template, plain_json};
use crate::value::Value;

/// Renders a request.
///
/// # Errors
/// A sentence with the key that cannot be rendered.
pub(crate) fn call(http: &Http, scope: &RunScope<'_>) -> Result<Call, String> {
    let url = http.url.value.render_changed(scope, &in_address).map_err(|error| format!("url: {error}"))?;
    let mut headers = Vec::new();
    for (name, value) in &http.headers {
        let value = with_secrets(&value.value, scope).map_err(|error| format!("header {name}: {error}"))?;
        headers.push((name.clone(), value));
    }
    let (body, json) = match &http.body {
        None => (EnvValue(Vec::new()), false),
        Some(body) => body_of(&body.value, scope).map_err(|error| format!("body: {error}"))?,
    };
    let says_what = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if json && !says_what("content-type") {
        headers.push(("Content-Type".to_owned(), EnvValue(vec![EnvPiece::Text("application/json".to_owned())])));
    }
    Ok(Call { method: http.method.value.clone(), url, headers, body, json, redirects: http.redirects })
}

/// A value as a part of an address: it never becomes another part of it. One that the address begins with is the
/// address, or its beginning, and stands as it is.
fn in_address(before: &str, value: String) -> String {
    if before.is_empty() {
        return value;
    }
    let of_a_path = if before.contains(['?', '#']) { "" } else { "/:[]" };
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        let sign = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(sign) || of_a_path.contains(sign) {
            out.push(sign);
        } else {
            // Text can always be appended to a string.
            let _done = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What is sent, and whether it is JSON: text is sent as it is, everything else as JSON.
fn body_of(tree: &Tree, scope: &RunScope<'_>) -> Result<(EnvValue, bool), String> {
    if let Tree::Text(template) = tree {
        if template.single_path().is_some_and(|read| read.path.first().map(String::as_str) != Some("secrets"))
            && let value @ (Value::List(_) | Value::Map(_)) =
                template.render_value(scope).map_err(|error| error.to_string())?
        {
            return Ok((EnvValue(vec![EnvPiece::Text(plain_json(&value).to_string())]), true));
        }
        return Ok((with_secrets(template, scope)?, false));
    }
    let mut pieces = Pieces::default();
    write_json(tree, scope, &mut pieces)?;
    Ok((EnvValue(pieces.finish()), true))
}

/// JSON text with references to secrets between, each inside its quotes.
#[derive(Default)]
struct Pieces {
    pieces: Vec<EnvPiece>,
    text: String,
}

impl Pieces {
    fn secret(&mut self, name: String) {
        if !self.text.is_empty() {
            self.pieces.push(EnvPiece::Text(std::mem::take(&mut self.text)));
        }
        self.pieces.push(EnvPiece::Secret(name));
    }

    fn finish(mut self) -> Vec<EnvPiece> {
        if !self.text.is_empty() {
            self.pieces.push(EnvPiece::Text(self.text));
        }
        self.pieces
    }
}

/// The depth is bounded by the scan of the file.
fn write_json(tree: &Tree, scope: &dyn Scope, out: &mut Pieces) -> Result<(), String> {
    match tree {
        Tree::Scalar(value) => out.text.push_str(&plain_json(value).to_string()),
        Tree::Text(template) => write_text(template, scope, out)?,
        Tree::List(items) => {
            out.text.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.text.push(',');
                }
                write_json(item, scope, out)?;
            }
            out.text.push(']');
        }
        Tree::Map(members) => {
            out.text.push('{');
            for (number, (name, member)) in members.iter().enumerate() {
                if number > 0 {
                    out.text.push(',');
                }
                out.text.push_str(&serde_json::Value::from(name.as_str()).to_string());
                out.text.push(':');
                write_json(member, scope, out).map_err(|error| format!("{name}: {error}"))?;
            }
            out.text.push('}');
        }
    }
    Ok(())
}

fn write_text(template: &Template, scope: &dyn Scope, out: &mut Pieces) -> Result<(), String> {
    let EnvValue(pieces) = match template.single_path() {
        // It keeps its type.
        Some(read) if read.path.first().map(String::as_str) != Some("secrets") => {
            let value = template.render_value(scope).map_err(|error| error.to_string())?;
            out.text.push_str(&plain_json(&value).to_string());
            return Ok(());
        }
        _ => with_secrets(template, scope)?,
    };
    out.text.push('"');
    for piece in pieces {
        match piece {
            EnvPiece::Secret(name) => out.secret(name),
            EnvPiece::Text(text) => {
                let quoted = serde_json::Value::from(text).to_string();
                out.text.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
            }
        }
    }
    out.text.push('"');
    Ok(())
}

impl RunState {
    /// Renders where a file is to be written, and gathers what it can read.
    pub(crate) fn writing(&self, writing: &model::Writing, scope: &RunScope<'_>) -> Result<Writing, String> {
        let source = writing.source.value.render(scope).map_err(|error| format!("source: {error}"))?;
        let to = writing.to.value.render(scope).map_err(|error| format!("to: {error}"))?;
        Ok(Writing { source, to, mode: writing.mode, values: self.values(scope) })
    }

    /// What a file can read: the params, the run, what the steps so far came to, and the element of a loop.
    fn values(&self, scope: &RunScope<'_>) -> Values {
        let mut withheld = Vec::new();
        let mut steps = BTreeMap::new();
        // Within an item of a loop the other steps are those of the run around it.
        let around = self.place.as_ref().map_or(self, |place| &*place.outer);
        for (index, written) in around.plan.graph().steps().zip(&around.plan.document().steps) {
            let id = written.id.value.to_string();
            let Some(settled) = around.steps.get(index.get()).and_then(|state| state.settled()) else { continue };
            if settled.settlement == Settlement::Withheld {
                withheld.push(id);
                continue;
            }
            let read = |member: &str| {
                let path = ["steps".to_owned(), id.clone(), member.to_owned()];
                scope.read(&path).ok().flatten().map(|value| (member.to_owned(), value))
            };
            let members =
                ["passed", "failed", "skipped", "unknown", "outcome", "reason", "outputs", "branch", "answer"];
            steps.insert(id.clone(), Value::Map(members.into_iter().filter_map(read).collect()));
        }
        let mut all = BTreeMap::from([("steps".to_owned(), Value::Map(steps))]);
        let of_run = ["id", "runbook", "started_at", "now", "operator", "mode", "failure"].map(|member| {
            let read = scope.read(&["run".to_owned(), member.to_owned()]).ok().flatten();
            read.map(|value| (member.to_owned(), value))
        });
        all.insert("run".to_owned(), Value::Map(of_run.into_iter().flatten().collect()));
        for root in ["params", "alert", "each"] {
            if let Ok(Some(value)) = scope.read(&[root.to_owned()]) {
                all.insert(root.to_owned(), value);
            }
        }
        Values { all: Value::Map(all), withheld }
    }
}

#[cfg(test)]
mod tests {
    use super::in_address;

    #[test]
    fn a_value_in_an_address_stays_the_part_it_is() {
        let cases = [
            ("", "https://shop.internal:8443/a?b", "https://shop.internal:8443/a?b"),
            ("https://", "shop.internal:8443", "shop.internal:8443"),
            ("https://", "[::1]", "[::1]"),
            ("https://h/", "a/b?c=d#e", "a/b%3Fc%3Dd%23e"),
            ("https://h/", "x@evil", "x%40evil"),
            ("https://h/?q=", "a/b&c=d é", "a%2Fb%26c%3Dd%20%C3%A9"),
        ];
        for (before, value, wanted) in cases {
            assert_eq!(in_address(before, value.to_owned()), wanted, "behind {before:?}");
        }
    }
}
