//! Text for the far side: words quoted for its shell by one function, and the program it is given.

use std::fmt::Write as _;

use runbook_core::limits::{BLOB_BYTES_MAX, CAPTURE_BYTES_MAX};

use super::FAR;
use super::task::{Mode, Task};

/// The command that ssh is given, whatever the step. It goes through the login shell of the account, which need not be a
/// POSIX one: fish, csh and nushell take text in single quotes as it is, as long as it holds no quote, no backslash
/// and no exclamation mark. The count comes first, then that many bytes of program, then what the program reads.
pub(super) const BOOTSTRAP: &str = r#"exec sh -c 'read -r n && eval "$(dd bs=1 count=$n 2>/dev/null)"'"#;

/// Bytes of an output that are kept there: more than is kept here, so that here it is seen that something is missing.
const KEPT_BYTES_MAX: u64 = BLOB_BYTES_MAX + CAPTURE_BYTES_MAX as u64;

/// A word that a shell cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HoldsNul;

/// A word for a POSIX shell: however it is written, the shell reads exactly it. The only function that writes words
/// for one.
pub(super) fn quote(word: &str) -> Result<String, HoldsNul> {
    shlex::try_quote(word).map(std::borrow::Cow::into_owned).map_err(|_| HoldsNul)
}

/// What is sent first: the count, the functions, the job, and the word that begins it.
pub(super) fn payload(task: &Task, mode: &Mode, mark: &str) -> Result<Vec<u8>, HoldsNul> {
    let (word, stop, (out, err)) = match mode {
        Mode::Start => ("start", 0, (0, 0)),
        Mode::Attach { stop, taken } => ("attach", u8::from(*stop), *taken),
    };
    let far = &task.far;
    let limit = task.timeout_ms;
    let mut text = String::from("unset -v text own act number began d base sh\n");
    // A variable of the same name that came with the session would be handed on to the command.
    let mut set = |name: &str, value: &str| -> Result<(), HoldsNul> {
        let value = quote(value)?;
        // Text can always be appended to a string.
        let _done = writeln!(text, "unset -v {name}\n{name}={value}");
        Ok(())
    };
    set("m", mark)?;
    set("mode", word)?;
    set("run", &far.run)?;
    set("at", &far.at)?;
    set("o", &out.to_string())?;
    set("e", &err.to_string())?;
    set("stop", &stop.to_string())?;
    set("limit", &format!("{}.{:03}", limit / 1000, limit % 1000))?;
    set("limit_s", &limit.div_ceil(1000).to_string())?;
    set("most", &KEPT_BYTES_MAX.to_string())?;
    set("grace_ms", &task.grace_ms.to_string())?;
    set("changes", if task.changes { "1" } else { "0" })?;
    if let Some(input) = task.text.as_ref().filter(|_| *mode == Mode::Start) {
        set("text", input)?;
    }
    for line in FAR.lines().filter(|line| !line.trim_start().starts_with('#')) {
        text.push_str(line);
        text.push('\n');
    }
    if *mode == Mode::Start {
        text.push_str(&job(task)?);
    }
    text.push_str("main\n");
    let mut bytes = format!("{}\n", text.len()).into_bytes();
    bytes.extend(text.into_bytes());
    Ok(bytes)
}

fn job(task: &Task) -> Result<String, HoldsNul> {
    let mut text = String::from("job() {\nclean\n");
    for (name, value) in &task.environment {
        let value = quote(value)?;
        let _done = writeln!(text, "export {name}={value}");
    }
    if let Some(directory) = &task.directory {
        let quoted = quote(directory)?;
        let _done =
            writeln!(text, "cd -- {quoted} 2>/dev/null || cannot directory directory {quoted} cannot be entered");
    }
    text.push_str("go");
    for word in &task.words {
        text.push(' ');
        text.push_str(&quote(word)?);
    }
    text.push_str("\n}\n");
    Ok(text)
}

/// Whether the far shell can set a variable of this name.
pub(crate) fn is_settable(name: &str) -> bool {
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    name.chars().all(is_part) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::process::Command;

    use super::*;

    #[test]
    fn a_word_comes_out_of_a_shell_as_it_went_in() {
        let mut words: Vec<String> =
            ["", " ", "-n", "a b", "$HOME", "`id`", "it's", "\"", "\\", "\\n", "!x", "#", "*", "~"]
                .map(str::to_owned)
                .into();
        words.extend(
            ["a\nb\n", "\n", "\t\r", "'\"'\"'", "\u{e9}\u{1f600}", "^", "{a,b}", "a=b", "\u{1b}[31m", "$(id)\\'"]
                .map(str::to_owned),
        );
        words.push((1..=127_u8).map(char::from).collect());
        let line: Vec<String> = words.iter().map(|word| quote(word).unwrap()).collect();
        let script = format!("for w in {}; do printf '%s\\0' \"$w\"; done", line.join(" "));
        for shell in ["sh", "bash"] {
            let output = Command::new(shell).args(["-c", &script]).output().unwrap();
            let read: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
            let (last, read) = read.split_last().unwrap();
            assert!(last.is_empty());
            let written: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            assert_eq!(read, written, "{shell}");
        }
        assert_eq!(quote("a\0b"), Err(HoldsNul));
    }

    #[test]
    fn what_a_login_shell_reads_holds_nothing_that_one_reads_otherwise() {
        let inside = BOOTSTRAP.strip_prefix("exec sh -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        assert!(!inside.contains(['\'', '\\', '!', '\n']), "{inside}");
    }
}
