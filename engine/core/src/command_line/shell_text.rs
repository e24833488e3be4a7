//! Finds values that would be rendered into text another program takes as a program: `sh -c`, `ssh HOST`, `python -c`.
//!
//! A word behind such text is an argument of it and safe: `sh -c 'grep "$1" log' sh {{ params.name }}`.

use super::Word;

/// A value in a program's text.
pub(super) struct Found {
    /// The number of the word.
    pub(super) word: usize,
    /// The program that takes the text.
    pub(super) program: String,
    /// What to write instead.
    pub(super) hint: String,
}

/// How a program takes a program as text.
struct Program {
    names: &'static [&'static str],
    /// Letters of options behind which the text stands: `c` in `-c` and `-lc`.
    letters: &'static str,
    /// Words behind which, or behind whose `=`, the text stands.
    words: &'static [&'static str],
    operands: Operands,
}

/// What the words are that are no options.
#[derive(Clone, Copy)]
enum Operands {
    /// Arguments.
    Data,
    /// All of them are the text.
    Text,
    /// All but the first, the host; these options take a word of their own.
    TextAfterHost(&'static str),
    /// The first is the text, unless an option of `letters` or `-f` gave it; these options take a word of their own.
    FirstIsText(&'static str),
    /// Another program's command line.
    Command,
}

const fn program(
    names: &'static [&'static str],
    letters: &'static str,
    words: &'static [&'static str],
    operands: Operands,
) -> Program {
    Program { names, letters, words, operands }
}

const SSH_OPTIONS_WITH_WORD: &str = "BbcDEeFIiJLlmOopQRSWw";

const PROGRAMS: &[Program] = &[
    program(
        &["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "rbash", "yash"],
        "c",
        &["--command"],
        Operands::Data,
    ),
    program(&["pwsh", "powershell"], "c", &["-Command", "-command", "-EncodedCommand"], Operands::Data),
    program(&["cmd"], "", &["/c", "/C", "/k", "/K"], Operands::Data),
    program(&["python", "pypy", "ipython"], "c", &[], Operands::Data),
    program(&["perl"], "eE", &[], Operands::Data),
    program(&["ruby", "lua", "luajit", "tclsh", "osascript", "Rscript", "groovy"], "e", &[], Operands::Data),
    program(&["node", "nodejs", "bun", "deno"], "ep", &["--eval", "--print", "eval"], Operands::Data),
    program(&["php"], "rBRE", &["--run"], Operands::Data),
    program(&["awk", "gawk", "mawk", "nawk"], "e", &["--source"], Operands::FirstIsText("Fvf")),
    program(&["sed", "gsed"], "e", &["--expression"], Operands::FirstIsText("lf")),
    program(
        &["ssh", "slogin", "rsh", "autossh", "mosh", "plink"],
        "",
        &[],
        Operands::TextAfterHost(SSH_OPTIONS_WITH_WORD),
    ),
    program(&["eval", "watch", "parallel"], "", &[], Operands::Text),
    program(
        &["su", "runuser", "script", "nix-shell"],
        "c",
        &["--command", "--session-command", "--run"],
        Operands::Data,
    ),
    program(&["env"], "S", &["--split-string"], Operands::Command),
    program(&["flock"], "c", &["--command"], Operands::Command),
    program(
        &[
            "sudo",
            "doas",
            "timeout",
            "gtimeout",
            "nice",
            "ionice",
            "nohup",
            "time",
            "xargs",
            "setsid",
            "stdbuf",
            "exec",
            "command",
            "chroot",
            "unshare",
            "nsenter",
            "strace",
            "ltrace",
            "taskset",
            "chrt",
            "prlimit",
            "systemd-run",
            "systemd-inhibit",
            "docker",
            "podman",
            "nerdctl",
            "kubectl",
            "oc",
            "crictl",
            "lxc",
            "incus",
            "machinectl",
            "find",
            "busybox",
            "toybox",
            "sshpass",
            "setpriv",
            "capsh",
            "gosu",
            "su-exec",
            "tini",
            "dumb-init",
            "vagrant",
            "ansible",
            "aws",
            "gcloud",
            "fakeroot",
            "faketime",
            "caffeinate",
            "chronic",
            "direnv",
            "uv",
            "poetry",
            "pipx",
            "bundle",
            "npx",
            "cargo",
            "nix",
            "asdf",
            "mise",
        ],
        "",
        &[],
        Operands::Command,
    ),
];

/// The program of a name: without its folder, `.exe`, and version.
fn known(name: &str) -> Option<&'static Program> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let unversioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    PROGRAMS.iter().find(|program| program.names.contains(&name) || program.names.contains(&unversioned))
}

/// A word as it matters here.
struct Seen {
    /// The text it begins with, all of it when it holds no value.
    text: String,
    holds_value: bool,
}

impl Seen {
    fn of(word: &Word) -> Self {
        match word.template.literal_text() {
            Some(text) => Self { text, holds_value: false },
            None => Self { text: word.template.leading_text().to_owned(), holds_value: true },
        }
    }

    fn is_option(&self) -> bool {
        self.text.len() > 1 && self.text.starts_with('-')
    }

    /// The letters of a cluster of short options.
    fn letters(&self) -> Option<&str> {
        self.text.strip_prefix('-').filter(|letters| !letters.starts_with('-') && !letters.is_empty())
    }
}

/// The first value that is rendered into a program's text.
pub(super) fn find(words: &[Word]) -> Option<Found> {
    let seen: Vec<Seen> = words.iter().map(Seen::of).collect();
    let (first, rest) = seen.split_first()?;
    if first.holds_value {
        // Whatever program it is, behind its `-c` stands a program.
        let unknown = program(&[], "", &["-c"], Operands::Data);
        return within(&unknown, rest).map(|word| found(word + 1, &unknown, "-c"));
    }
    let program = known(&first.text)?;
    if let Some(word) = within(program, rest) {
        return Some(found(word + 1, program, &first.text));
    }
    if !matches!(program.operands, Operands::Command) {
        return None;
    }
    // Options of the outer program may take words of their own, so any word may be the inner program.
    for (index, word) in seen.iter().enumerate().skip(1) {
        let Some(inner) = (!word.holds_value).then(|| known(&word.text)).flatten() else { continue };
        if let Some(offset) = within(inner, seen.get(index + 1..).unwrap_or_default()) {
            return Some(found(index + 1 + offset, inner, &word.text));
        }
    }
    None
}

fn found(word: usize, program: &Program, name: &str) -> Found {
    let hint = match program.operands {
        Operands::TextAfterHost(_) => {
            "run it `on` the host, which quotes each word, or keep values out of the remote command"
        }
        Operands::FirstIsText(_) if program.names.contains(&"awk") => "pass the value as a variable: -v name={{ … }}",
        _ if program.names.contains(&"sh") => "write it as `script` and pass the value through `env`, as \"$NAME\"",
        Operands::Data | Operands::Text | Operands::FirstIsText(_) | Operands::Command => {
            "pass the value as an argument behind the text, or through `env`"
        }
    };
    Found { word, program: name.to_owned(), hint: hint.to_owned() }
}

/// The first value in the text a program takes, among the words behind its name.
fn within(program: &Program, words: &[Seen]) -> Option<usize> {
    let mut options_end = false;
    let mut operands = 0usize;
    let mut text_given = false;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let behind = index + 1;
        if !options_end && word.text == "--" && !word.holds_value {
            options_end = true;
            index = behind;
            continue;
        }
        if !options_end && let Some(text) = text_option(program, word) {
            text_given = true;
            match text {
                Text::Attached => return Some(index),
                Text::Behind => {
                    if let Some(offset) = text_behind(words.get(behind..).unwrap_or_default()) {
                        return Some(behind + offset);
                    }
                }
            }
            // The text itself is no operand.
            index = behind + usize::from(matches!(text, Text::Behind));
            continue;
        }
        if !options_end && word.is_option() {
            let takes_word = match program.operands {
                Operands::TextAfterHost(letters) | Operands::FirstIsText(letters) => {
                    word.letters().is_some_and(|given| given.len() == 1 && letters.contains(given))
                }
                Operands::Data | Operands::Text | Operands::Command => false,
            };
            text_given |= word.text.starts_with("-f") || word.text.starts_with("--file");
            let value = if takes_word { words.get(behind) } else { Some(word) };
            if matches!(program.operands, Operands::TextAfterHost(_))
                && value.is_some_and(|value| value.holds_value && runs_a_command(&value.text))
            {
                return Some(index + usize::from(takes_word));
            }
            index = behind + usize::from(takes_word);
            continue;
        }
        let is_text = match program.operands {
            Operands::Data | Operands::Command => false,
            Operands::Text => true,
            Operands::TextAfterHost(_) => operands > 0,
            Operands::FirstIsText(_) => operands == 0 && !text_given,
        };
        if is_text && word.holds_value {
            return Some(index);
        }
        operands += 1;
        // Behind the host there are no more options of ssh.
        options_end |= matches!(program.operands, Operands::TextAfterHost(_));
        index = behind;
    }
    None
}

/// Whether an option of ssh names a command that a local shell runs.
fn runs_a_command(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["proxycommand", "localcommand", "knownhostscommand", "remotecommand"].iter().any(|name| text.contains(name))
}

#[derive(Clone, Copy)]
enum Text {
    /// In the word itself, and it holds a value.
    Attached,
    /// In the next word.
    Behind,
}

/// Whether a program's text stands behind or in a word.
fn text_option(program: &Program, word: &Seen) -> Option<Text> {
    let named = |option: &&&str| word.text == ***option && !word.holds_value;
    if program.words.iter().any(|option| named(&option)) {
        return Some(Text::Behind);
    }
    let assigned = |option: &&str| word.text.strip_prefix(*option).is_some_and(|rest| rest.starts_with('='));
    if word.holds_value && program.words.iter().any(assigned) {
        return Some(Text::Attached);
    }
    let letters = word.letters()?;
    let at = letters.find(|letter| program.letters.contains(letter))?;
    let cluster = letters.get(..at).is_some_and(|before| before.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match (cluster, word.holds_value) {
        (false, _) => None,
        (true, true) => Some(Text::Attached),
        (true, false) => Some(Text::Behind),
    }
}

/// The first value from here to the text: a shell takes more options between its `-c` and the text.
fn text_behind(words: &[Seen]) -> Option<usize> {
    let end =
        words.iter().position(|word| !word.is_option() && !word.text.starts_with('+')).map_or(words.len(), |at| at + 1);
    words.iter().take(end).position(|word| word.holds_value)
}
