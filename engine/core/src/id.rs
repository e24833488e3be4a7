//! Names that are right by construction: of runbooks, steps, params and outputs.

use std::fmt;

/// Longest name of a runbook, step, param or output, in bytes: it must fit a terminal line beside its outcome.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName {
    /// The text as written.
    pub text: String,
    /// What is wanted, for a person: `lowercase letters, digits and "_", beginning with a letter`.
    pub wanted: &'static str,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no valid name: {} (at most {NAME_BYTES_MAX} bytes)", self.text, self.wanted)
    }
}

impl std::error::Error for InvalidName {}

fn is_name(text: &str, separator: u8) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= NAME_BYTES_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|&b| b != separator)
        && bytes.iter().all(|&b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == separator)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $separator:literal, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// [`InvalidName`] when the text is not of the wanted form or longer than [`NAME_BYTES_MAX`].
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                if is_name(text, $separator) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { text: text.to_owned(), wanted: $wanted })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The id of a step: `shut_down`.
    StepId, b'_', "snake_case: lowercase letters, digits and \"_\", beginning with a letter"
);
name!(
    /// The name of a param, an output, a secret-free variable: `recovery_time`.
    VariableName, b'_', "snake_case: lowercase letters, digits and \"_\", beginning with a letter"
);
name!(
    /// The name of a runbook, its file's stem: `dns-failover`.
    RunbookName, b'-', "kebab-case: lowercase letters, digits and \"-\", beginning with a letter"
);
