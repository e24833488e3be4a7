//! What stands in a file: read before it is rendered, refused where it reaches outside or nests too deep.

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};

use super::calls;
use super::{FILE_TEMPLATE_BYTES_MAX, FileTemplateError};

/// Blocks inside one another, and `else` in a chain: handlebars reads and renders them by recursion.
const BLOCK_DEPTH_MAX: usize = 32;
/// `(…)` inside one another.
const BRACKETS_MAX: usize = 4;

/// A name that a file reads whatever its blocks go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// The path: `["steps", "active", "outputs", "server"]`.
    pub path: Vec<String>,
    /// The line, from 1.
    pub line: usize,
    /// Whether `default` says that it may be missing.
    pub guarded: bool,
}

/// Names that a file reads. What is read inside an `each` or `with` may be a member of what they go through, and is left
/// out, unless it begins with `@root`.
///
/// # Errors
/// [`FileTemplateError`] when it is no template, reaches outside, nests too deep or is too long.
pub fn reads(text: &str) -> Result<Vec<FileRead>, FileTemplateError> {
    let template = compile(text)?;
    let mut found = Vec::new();
    for_each(&template, true, 1, &mut |path, line, guarded| {
        found.push(FileRead { path, line, guarded });
    });
    Ok(found)
}

/// Compiles it, each `{{ path }}` made a call of the helper that refuses what is no text.
pub(super) fn compile(text: &str) -> Result<Template, FileTemplateError> {
    if text.len() > FILE_TEMPLATE_BYTES_MAX {
        return Err(FileTemplateError {
            line: None,
            message: format!("it has more than {FILE_TEMPLATE_BYTES_MAX} bytes"),
        });
    }
    bound(text)?;
    let mut template = Template::compile(text).map_err(|error| {
        let line = error.pos().map(|(line, _)| line);
        FileTemplateError { line, message: format!("no handlebars: {}", first_line(&error.reason().to_string())) }
    })?;
    refuse_and_mend(&mut template, 1)?;
    Ok(template)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Bounds what handlebars does by recursion.
fn bound(text: &str) -> Result<(), FileTemplateError> {
    let mut depth = 0usize;
    for (number, line) in text.lines().enumerate() {
        let too_deep = |what: &str, most: usize| FileTemplateError {
            line: Some(number + 1),
            message: format!("{what} nest at most {most} deep"),
        };
        let mut brackets = 0usize;
        for sign in line.bytes() {
            match sign {
                b'(' => brackets += 1,
                b')' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            // Plain text may hold brackets too; only a tag's count, but a line of tags is not that deep either.
            if brackets > BRACKETS_MAX && line.contains("{{") {
                return Err(too_deep("brackets", BRACKETS_MAX));
            }
        }
        let mut rest = line;
        while let Some(at) = rest.find("{{") {
            rest = rest.get(at + 2..).unwrap_or_default();
            let tag = rest.trim_start_matches(['{', '~']).trim_start();
            if tag.starts_with(['#', '^']) || tag.starts_with("else") {
                depth += 1;
            } else if tag.starts_with('/') {
                depth = depth.saturating_sub(1);
            }
            if depth > BLOCK_DEPTH_MAX {
                return Err(too_deep("blocks", BLOCK_DEPTH_MAX));
            }
        }
    }
    Ok(())
}

/// The line of each element, where handlebars says it.
fn lines(template: &Template, outer: usize) -> Vec<usize> {
    (0..template.elements.len()).map(|at| template.mapping.get(at).map_or(outer, |mapping| mapping.0)).collect()
}

fn refuse_and_mend(template: &mut Template, outer: usize) -> Result<(), FileTemplateError> {
    let lines = lines(template, outer);
    for (element, line) in template.elements.iter_mut().zip(lines) {
        match element {
            TemplateElement::PartialExpression(partial) | TemplateElement::PartialBlock(partial) => {
                return Err(outside(line, "another file", partial));
            }
            TemplateElement::DecoratorExpression(decorator) | TemplateElement::DecoratorBlock(decorator) => {
                return Err(outside(line, "a decorator", decorator));
            }
            TemplateElement::HtmlExpression(helper) | TemplateElement::Expression(helper) => {
                known(helper, line)?;
                if helper.params.is_empty() && helper.hash.is_empty() && matches!(helper.name, Parameter::Path(_)) {
                    let path = std::mem::replace(&mut helper.name, Parameter::Name(calls::TEXT.to_owned()));
                    helper.params.push(path);
                }
            }
            TemplateElement::HelperBlock(helper) => {
                known(helper, line)?;
                for inner in helper.template.iter_mut().chain(&mut helper.inverse) {
                    refuse_and_mend(inner, line)?;
                }
            }
            TemplateElement::RawString(_) | TemplateElement::Comment(_) | _ => {}
        }
    }
    Ok(())
}

fn outside(line: usize, what: &str, decorator: &DecoratorTemplate) -> FileTemplateError {
    let name = decorator.name.as_name().map(|name| format!(" (`{name}`)")).unwrap_or_default();
    FileTemplateError {
        line: Some(line),
        message: format!("{what}{name}: a file is made of itself and of values alone"),
    }
}

/// Helpers that nobody has are said before anything is rendered.
fn known(helper: &HelperTemplate, line: usize) -> Result<(), FileTemplateError> {
    let is_call = helper.block || !helper.params.is_empty() || !helper.hash.is_empty();
    let name = helper.name.as_name().unwrap_or_default();
    if is_call && !name.is_empty() && !calls::NAMES.contains(&name) {
        let message = format!("there is no helper `{name}`: there are {}", calls::NAMES.join(", "));
        return Err(FileTemplateError { line: Some(line), message });
    }
    Ok(())
}

type Visit<'v> = &'v mut dyn FnMut(Vec<String>, usize, bool);

fn for_each(template: &Template, at_root: bool, outer: usize, visit: Visit<'_>) {
    for (element, line) in template.elements.iter().zip(lines(template, outer)) {
        let TemplateElement::HelperBlock(helper) = element else {
            if let TemplateElement::HtmlExpression(helper) | TemplateElement::Expression(helper) = element {
                of_call(helper, at_root, line, visit);
            }
            continue;
        };
        of_call(helper, at_root, line, visit);
        let moves = !matches!(helper.name.as_name(), Some("if" | "unless"));
        if let Some(inner) = &helper.template {
            for_each(inner, at_root && !moves, line, visit);
        }
        if let Some(inner) = &helper.inverse {
            for_each(inner, at_root, line, visit);
        }
    }
}

fn of_call(helper: &HelperTemplate, at_root: bool, line: usize, visit: Visit<'_>) {
    let guards = helper.name.as_name() == Some("default");
    for (number, param) in helper.params.iter().chain(helper.hash.values()).enumerate() {
        of_param(param, at_root, guards && number == 0, line, visit);
    }
}

fn of_param(param: &Parameter, at_root: bool, guarded: bool, line: usize, visit: Visit<'_>) {
    match param {
        Parameter::Path(Path::Relative((segments, raw))) if at_root && !raw.starts_with("this") => {
            let names = segments.iter().map(|segment| match segment {
                PathSeg::Named(name) => Some(name.clone()),
                PathSeg::Ruled(_) | _ => None,
            });
            if let Some(path) = names.collect::<Option<Vec<_>>>()
                && !path.is_empty()
            {
                visit(path, line, guarded);
            }
        }
        Parameter::Path(Path::Relative((_, raw))) if raw.starts_with("@root") => {
            let path = raw.split(['.', '/']).skip(1).map(str::to_owned).collect();
            visit(path, line, guarded);
        }
        Parameter::Subexpression(inner) => {
            if let TemplateElement::Expression(helper) = inner.as_element() {
                of_call(helper, at_root, line, visit);
            }
        }
        Parameter::Path(_) | Parameter::Name(_) | Parameter::Literal(_) | _ => {}
    }
}
