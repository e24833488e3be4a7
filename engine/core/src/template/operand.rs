//! What stands between `{{` and `}}`: a path, or a helper and its arguments.

use std::collections::BTreeMap;
use std::ops::Range;

use handlebars::template::{HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{Path, PathSeg};

use super::error::{TemplateError, TemplateErrorKind};
use crate::expression::Read;
use crate::limits::{INTERPOLATION_DEPTH_MAX, PATH_SEGMENTS_MAX};
use crate::value::Value;

/// A path, a literal or a helper's result.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// The path of the read with this number.
    Path(usize),
    Literal(Value),
    Helper {
        helper: Helper,
        arguments: Vec<Operand>,
    },
}

/// A pure helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Helper {
    /// `default x "…"`: the first when it exists and is neither null nor empty text, else the second.
    Default,
    /// `join list ", "`: the elements with the separator between them.
    Join,
    /// `json x`: the value as JSON.
    Json,
    /// `upper x`: the text in capitals.
    Upper,
    /// `words list`: in a command line a word of each element, elsewhere the elements with blanks between them.
    Words,
}

impl Helper {
    const ALL: [(&'static str, Self, usize, &'static str); 5] = [
        ("default", Self::Default, 2, "{{ default path \"text\" }}"),
        ("join", Self::Join, 2, "{{ join list \", \" }}"),
        ("json", Self::Json, 1, "{{ json path }}"),
        ("upper", Self::Upper, 1, "{{ upper path }}"),
        ("words", Self::Words, 1, "{{ words list }}"),
    ];
}

/// Parses what stands between the braces of an interpolation; its reads are added to `reads`.
pub(super) fn parse(text: &str, span: &Range<usize>, reads: &mut Vec<Read>) -> Result<Operand, TemplateError> {
    let tag = text.get(span.clone()).unwrap_or_default();
    let inside = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    let mut parser = Parser { tag, span, cursor: 2, reads };
    if let Some(path) = plain_path(inside.trim()) {
        return parser.path(path, inside.trim(), false);
    }
    parser.bound_depth()?;
    if let Some(at) = indexed(inside) {
        let (path, index) = inside.split_at(at);
        let error = parser.error("an element of a list is a member of the path");
        return Err(error.with_hint(format!("write {{{{ {}.{} }}}}", path.trim_start(), index.trim_end())));
    }
    let Ok(template) = handlebars::Template::compile(tag) else { return Err(parser.syntax()) };
    match template.elements.as_slice() {
        [TemplateElement::Expression(expression)] => parser.expression(expression),
        _ => Err(parser.syntax()),
    }
}

/// A path in its commonest form, `steps.active.outputs.server`, which needs no parser.
fn plain_path(text: &str) -> Option<Vec<String>> {
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    let plain = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let first = text.as_bytes().first()?;
    let is_name = first.is_ascii_alphabetic() || *first == b'_';
    let is_word = matches!(text, "true" | "false" | "null" | "as") || path.first().is_some_and(|name| name == "this");
    (is_name && path.iter().all(plain) && !is_word).then_some(path)
}

/// Where `a[0]` is written for `a.[0]`, quoted text aside.
fn indexed(inside: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = b' ';
    inside.bytes().position(|byte| {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            _ => {}
        }
        let found =
            quote.is_none() && byte == b'[' && (before.is_ascii_alphanumeric() || matches!(before, b'_' | b']'));
        before = byte;
        found
    })
}

struct Parser<'p> {
    /// The interpolation, braces included.
    tag: &'p str,
    /// Its bytes in the template.
    span: &'p Range<usize>,
    /// How far into the tag the operands so far reach.
    cursor: usize,
    reads: &'p mut Vec<Read>,
}

type Parsed = Result<Operand, TemplateError>;

impl Parser<'_> {
    /// Counts brackets outside quotes: handlebars parses them by recursion.
    fn bound_depth(&self) -> Result<(), TemplateError> {
        let mut depth = 0usize;
        let mut quote = None;
        let mut escaped = false;
        for byte in self.tag.bytes() {
            match (quote, byte) {
                (Some(open), byte) if open == byte && !escaped => quote = None,
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'(' | b'[' | b'{') => depth += 1,
                (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                (Some(_) | None, _) => {}
            }
            escaped = quote.is_some() && byte == b'\\' && !escaped;
            // The braces of the interpolation are two of the levels.
            if depth > INTERPOLATION_DEPTH_MAX + 2 {
                let message = format!("a {{{{ … }}}} nests at most {INTERPOLATION_DEPTH_MAX} levels deep");
                return Err(TemplateError::new(TemplateErrorKind::TooLong, message, self.span.clone()));
            }
        }
        Ok(())
    }

    fn error(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::syntax(message, self.span.clone())
    }

    /// The error for what handlebars does not parse, with what the author may have meant.
    fn syntax(&self) -> TemplateError {
        let error = self.error("between the braces stands a path, or a helper and its arguments");
        let inside = self.tag.trim_start_matches('{').trim_end_matches('}').trim();
        let operators = ["==", "!=", "&&", "||", " + ", " - ", " * ", " / ", " ? ", " > ", " < ", "(", "|"];
        if operators.iter().any(|operator| inside.contains(operator)) {
            return error.with_hint("compute it as an output of a step, and write the output's path here");
        }
        error.with_hint("write {{ steps.ID.outputs.NAME }} or {{ default path \"text\" }}")
    }

    fn expression(&mut self, expression: &HelperTemplate) -> Parsed {
        if expression.params.is_empty() && expression.hash.is_empty() {
            if let Parameter::Path(path) = &expression.name {
                return self.handlebars_path(path, false);
            }
            let Parameter::Subexpression(inner) = &expression.name else { return Err(self.syntax()) };
            return self.subexpression(inner);
        }
        let Some(name) = expression.name.as_name() else { return Err(self.syntax()) };
        if !expression.hash.is_empty() {
            return Err(self.error(format!("`{name}` takes no named arguments")).with_hint(usage(name)));
        }
        self.helper(name, &expression.params)
    }

    fn subexpression(&mut self, inner: &Subexpression) -> Parsed {
        let TemplateElement::Expression(expression) = inner.as_element() else { return Err(self.syntax()) };
        self.expression(expression)
    }

    fn helper(&mut self, name: &str, params: &[Parameter]) -> Parsed {
        let Some((_, helper, count, usage)) = Helper::ALL.iter().find(|(known, ..)| *known == name) else {
            return Err(self.unknown_helper(name));
        };
        if params.len() != *count {
            let arguments = if *count == 1 { "one argument" } else { "two arguments" };
            let message = format!("`{name}` takes {arguments}, and this has {}", params.len());
            return Err(self.error(message).with_hint(format!("write {usage}")));
        }
        self.skip(name);
        let mut arguments = Vec::with_capacity(params.len());
        for (position, param) in params.iter().enumerate() {
            let guarded = *helper == Helper::Default && position == 0;
            let before = self.reads.len();
            arguments.push(match param {
                Parameter::Path(path) => self.handlebars_path(path, guarded)?,
                Parameter::Literal(literal) => self.literal(literal)?,
                Parameter::Subexpression(inner) => self.subexpression(inner)?,
                Parameter::Name(_) | _ => return Err(self.syntax()),
            });
            for read in self.reads.iter_mut().skip(before) {
                read.guarded |= guarded;
            }
        }
        Ok(Operand::Helper { helper: *helper, arguments })
    }

    fn unknown_helper(&self, name: &str) -> TemplateError {
        let error = TemplateError::new(
            TemplateErrorKind::UnknownHelper,
            format!("there is no helper `{name}`"),
            self.span.clone(),
        );
        let nearest = Helper::ALL.iter().find(|(known, ..)| strsim::jaro_winkler(known, &name.to_lowercase()) > 0.8);
        match (name, nearest) {
            ("lookup", _) => error.with_hint("write the path: {{ a.b }}, or {{ a.[0] }} for an element"),
            (_, Some((.., usage))) => error.with_hint(format!("did you mean {usage}?")),
            (_, None) => error.with_hint(format!("there are {}", Helper::ALL.map(|(known, ..)| known).join(", "))),
        }
    }

    fn literal(&mut self, literal: &serde_json::Value) -> Parsed {
        if literal.is_array() || literal.is_object() {
            return Err(self.error("lists and mappings are not written in a template"));
        }
        if let serde_json::Value::String(_) = literal {
            // Steps over the quoted text, in which a path may be spelled.
            let rest = self.tag.get(self.cursor..).unwrap_or_default();
            if let Some(open) = rest.find(['"', '\'']) {
                let quote = rest.as_bytes().get(open).copied();
                let mut escaped = false;
                let length = rest.bytes().skip(open + 1).position(|byte| {
                    let closes = Some(byte) == quote && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    closes
                });
                self.cursor += open + 1 + length.map_or(0, |length| length + 1);
            }
        }
        Ok(Operand::Literal(Value::from_json(literal)))
    }

    fn handlebars_path(&mut self, path: &Path, guarded: bool) -> Parsed {
        let (segments, raw) = match path {
            Path::Relative((segments, raw)) => (segments, raw.trim()),
            Path::Local(..) => {
                return Err(self.error("there are no `@` names").with_hint("write each.host or each.index"));
            }
        };
        if raw.starts_with("this.") || raw == "this" || raw.starts_with("./") || raw.starts_with('@') {
            return Err(self
                .error("a path starts with a name")
                .with_hint("write params.NAME or steps.ID.outputs.NAME"));
        }
        if outside_brackets(raw, '/') {
            let error = self.error("the members of a path are divided by dots, and none leads outwards");
            return Err(error.with_hint(format!("write {{{{ {} }}}}", raw.trim_start_matches("../").replace('/', "."))));
        }
        let names: Option<Vec<String>> = segments
            .iter()
            .map(|segment| if let PathSeg::Named(name) = segment { Some(name.clone()) } else { None })
            .collect();
        match names {
            Some(names) if !names.is_empty() && !outside_brackets(raw, ' ') => self.path(names, raw, guarded),
            _ => Err(self.syntax()),
        }
    }

    /// Moves the cursor behind the next occurrence of what was written, and gives its bytes in the template.
    fn skip(&mut self, raw: &str) -> Range<usize> {
        let ahead = self.tag.get(self.cursor..).and_then(|rest| rest.find(raw)).unwrap_or_default();
        let start = self.cursor + ahead;
        self.cursor = (start + raw.len()).min(self.tag.len());
        self.span.start + start..self.span.start + self.cursor
    }

    fn path(&mut self, path: Vec<String>, raw: &str, guarded: bool) -> Parsed {
        let span = self.skip(raw);
        if let (1, Some((name, ..))) = (path.len(), Helper::ALL.iter().find(|(name, ..)| *name == raw)) {
            return Err(self
                .error(format!("`{name}` is a helper and wants something to work on"))
                .with_hint(usage(name)));
        }
        if path.len() > PATH_SEGMENTS_MAX {
            let message = format!("a path has at most {PATH_SEGMENTS_MAX} members");
            return Err(TemplateError::new(TemplateErrorKind::TooLong, message, span));
        }
        self.reads.push(Read { path, span, guarded });
        Ok(Operand::Path(self.reads.len() - 1))
    }
}

fn usage(name: &str) -> String {
    let known: BTreeMap<_, _> = Helper::ALL.iter().map(|(name, _, _, usage)| (*name, *usage)).collect();
    known.get(name).map_or_else(|| "write {{ path }}".to_owned(), |usage| format!("write {usage}"))
}

/// Whether a character stands in a path outside its `[…]` members.
fn outside_brackets(raw: &str, wanted: char) -> bool {
    let mut inside = false;
    raw.chars().any(|character| {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        character == wanted && !inside
    })
}
