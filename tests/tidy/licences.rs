//! Licences of everything that is built, against the list in `deny.toml`.

use std::iter::Peekable;
use std::slice::Iter;

use crate::cargo::Metadata;
use crate::manifests::list;

/// Packages whose licence the list does not allow.
pub(crate) fn refused(metadata: &Metadata, deny: &str) -> Vec<String> {
    let allowed: Vec<&str> = list(deny, "allow").collect();
    if allowed.is_empty() {
        return vec!["deny.toml allows no licence at all".to_owned()];
    }
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let licence = package.license.as_deref().unwrap_or("");
        if !allows(licence, &allowed) {
            problems.push(format!(
                "{} {} is under `{licence}`, which deny.toml does not allow: do without it, or allow it there and say why",
                package.name, package.version
            ));
        }
    }
    problems
}

/// Whether an SPDX expression can be met with the allowed licences. What cannot be read is not allowed.
fn allows(expression: &str, allowed: &[&str]) -> bool {
    // Old manifests write a slash for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.iter().peekable();
    any_of(&mut rest, allowed).is_some_and(|met| met && rest.next().is_none())
}

fn any_of(rest: &mut Peekable<Iter<'_, &str>>, allowed: &[&str]) -> Option<bool> {
    let mut met = all_of(rest, allowed)?;
    while rest.next_if(|token| **token == "OR").is_some() {
        met |= all_of(rest, allowed)?;
    }
    Some(met)
}

fn all_of(rest: &mut Peekable<Iter<'_, &str>>, allowed: &[&str]) -> Option<bool> {
    let mut met = one(rest, allowed)?;
    while rest.next_if(|token| **token == "AND").is_some() {
        met &= one(rest, allowed)?;
    }
    Some(met)
}

fn one(rest: &mut Peekable<Iter<'_, &str>>, allowed: &[&str]) -> Option<bool> {
    let name = *rest.next()?;
    if name == "(" {
        let met = any_of(rest, allowed)?;
        return (*rest.next()? == ")").then_some(met);
    }
    if ["OR", "AND", "WITH", ")"].contains(&name) {
        return None;
    }
    if rest.next_if(|token| **token == "WITH").is_some() {
        let exception = rest.next()?;
        return Some(allowed.contains(&format!("{name} WITH {exception}").as_str()));
    }
    Some(allowed.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::{allows, refused};
    use crate::cargo::{Dependencies, Metadata};

    const ALLOWED: &[&str] = &["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];

    #[test]
    fn expressions_are_met_or_not() {
        for met in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/GPL-2.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(allows(met, ALLOWED), "{met}");
        }
        for unmet in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT)", "MIT OR", "MIT WITH LLVM-exception", "MIT GPL-3.0"]
        {
            assert!(!allows(unmet, ALLOWED), "{unmet}");
        }
    }

    #[test]
    fn the_whole_graph_is_read() {
        let metadata = Metadata::read(Dependencies::Resolved);
        assert!(metadata.packages.iter().any(|package| package.name == "serde" && package.source.is_some()));
        let problems = refused(&metadata, "allow = [\"MIT\"]");
        assert!(problems.iter().any(|problem| problem.contains("antlr4rust")), "BSD-3-Clause is not MIT: {problems:?}");
    }
}
