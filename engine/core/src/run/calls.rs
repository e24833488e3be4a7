//! How the program is called by whoever reads a message: the commands in it work as they are printed.

/// The program's name, and what each call needs besides its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The program, quoted for a shell.
    pub program: String,
    /// Options at the end of each call, quoted, with a space before; empty where none is needed.
    pub options: String,
}

impl Default for Calls {
    fn default() -> Self {
        Self { program: "runbook".to_owned(), options: String::new() }
    }
}

impl Calls {
    /// A command of these words, as a shell reads it.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        let mut line = self.program.clone();
        for word in words {
            line.push(' ');
            line.push_str(&quote(word));
        }
        line.push_str(&self.options);
        line
    }
}

fn quote(word: &str) -> String {
    // What is still to be filled in stands as it is, in words such as `NAME=…` too.
    let is_bare =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '=' | '@' | ',' | '…');
    if !word.is_empty() && word.chars().all(is_bare) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted() {
        assert_eq!(Calls::default().command(&["ack", "run-1", "tell"]), "runbook ack run-1 tell");
        let calls = Calls { program: "/opt/runbook".to_owned(), options: " --store '/a b'".to_owned() };
        assert_eq!(
            calls.command(&["answer", "run-1", "ask", "it's down; rm"]),
            r"/opt/runbook answer run-1 ask 'it'\''s down; rm' --store '/a b'"
        );
    }
}
