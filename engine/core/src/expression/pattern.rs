//! Regular expressions: what `matches` and `capture` take, priced by what a match can cost.

use regex::{Regex, RegexBuilder};

use super::operators::quoted;
use crate::limits::PATTERN_BYTES_MAX;

/// A compiled regular expression.
pub(super) struct Pattern {
    regex: Regex,
    /// How dear a byte of text is, against looking at it once.
    cost: u64,
}

impl Pattern {
    /// Compiles a regular expression within its bounds.
    ///
    /// A match takes time in proportion to the text and, when the pattern is made to be slow, to the compiled pattern:
    /// measured, 1.6 s for 16 KiB of pattern over 1 MiB of text. So the size a pattern fits in is its price: one of up to
    /// 64 KiB may look at the largest text there is, a larger one at a third of it. At worst that is six seconds.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        for size in [PATTERN_BYTES_MAX / 16, PATTERN_BYTES_MAX / 4, PATTERN_BYTES_MAX] {
            let built = RegexBuilder::new(text).size_limit(size).nest_limit(32).build();
            match built {
                Ok(regex) => return Ok(Self { regex, cost: 3 * (size >> 10) as u64 / 4 }),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(other) => {
                    let reason = other.to_string();
                    let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    return Err(format!("the pattern {} is no regular expression: {reason}", quoted(text)));
                }
            }
        }
        Err(format!("the pattern {} is too large", quoted(text)))
    }

    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    pub(super) fn has_group(&self) -> bool {
        self.regex.captures_len() > 1
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The first group of the first match, or why there is none; `name` is the text's.
    pub(super) fn capture(&self, text: &str, name: &str) -> Result<String, String> {
        let pattern = || quoted(self.regex.as_str());
        let Some(groups) = self.regex.captures(text) else {
            return Err(format!("`{name}` has no match of {}", pattern()));
        };
        match groups.get(1) {
            Some(group) => Ok(group.as_str().to_owned()),
            None => Err(format!("`{name}` matches {} without its first group", pattern())),
        }
    }
}
