//! Files made to exhaust or break the reader: each gets a diagnostic, in little time and memory, and never an abort.
//!
//! All of them run in one test, so that the peak memory of this process is that of reading them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use runbook_core::diagnostic::Code;
use runbook_core::document::read_tree;

/// Long enough for the slowest machine under load: past it the reader hangs.
const HANG: Duration = Duration::from_secs(20);
/// Bytes of memory the process may have held at any time, the hostile file itself and the test harness included.
const MEMORY_MAX: u64 = 256 << 20;

fn files() -> Vec<(&'static str, Code, Vec<u8>)> {
    let text = |name, code, text: String| (name, code, text.into_bytes());
    let nested_keys = (0..2_000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let mut anchors = String::new();
    (0..300_000).for_each(|number| writeln!(anchors, "- &a{number} x").unwrap());
    vec![
        text("open brackets", Code::OverLimit, "[".repeat(200 << 10)),
        text("open braces", Code::TrapBraces, "{".repeat(200 << 10)),
        text("open braces with keys", Code::OverLimit, "{a: ".repeat(50 << 10)),
        text("brackets and braces", Code::OverLimit, "[{".repeat(100 << 10)),
        text("brackets on lines", Code::OverLimit, "[\n".repeat(200 << 10)),
        text("brackets that close", Code::OverLimit, "[".repeat(100 << 10) + &"]".repeat(100 << 10)),
        text("brackets closed only", Code::YamlSyntax, "]".repeat(200 << 10)),
        text("dashes", Code::OverLimit, "- ".repeat(100_000)),
        text("question marks", Code::OverLimit, "? ".repeat(100_000)),
        text("colons", Code::OverLimit, ": ".repeat(100_000)),
        text("nested keys", Code::OverLimit, nested_keys),
        text("aliases of aliases", Code::AnchorAliasTag, bomb),
        text("anchors", Code::AnchorAliasTag, anchors),
        text("a scalar of 20 MB", Code::OverLimit, "a: ".to_owned() + &"x".repeat(20 << 20)),
        text("a scalar of 4 MB", Code::OverLimit, "a: ".to_owned() + &"x".repeat((4 << 20) - 3)),
        text("a quoted scalar of 200 kB", Code::OverLimit, format!("a: \"{}\"", "x".repeat(200 << 10))),
        text("a quote left open", Code::OverLimit, "a: '".to_owned() + &"x\n ".repeat(1 << 20)),
        text("a block of empty lines", Code::OverLimit, "a: |\n".to_owned() + &"\n".repeat(4_000_000)),
        text("a comment of 4 MB", Code::OverLimit, "# ".to_owned() + &"x".repeat(4_000_000)),
        text("a list in brackets of 4 MB", Code::OverLimit, format!("- [{}]", "a,".repeat(2_000_000))),
        text("a list in brackets after a key", Code::OverLimit, format!("a: [{}]", "a,".repeat(2_000_000))),
        text("mappings in brackets", Code::OverLimit, format!("a: [{}]", "{b: c},".repeat(500_000))),
        text("brackets in a row", Code::OverLimit, format!("a: [{}]", "[],".repeat(1_300_000))),
        text("half a million items", Code::OverLimit, "- a\n".repeat(500_000)),
        text("a key twice, 200,000 times", Code::DuplicateKey, "k: v\n".repeat(200_000)),
        text("documents", Code::ManyDocuments, "---\n".repeat(1 << 20)),
        text("directives", Code::YamlSyntax, "%A b\n".repeat(50_000)),
        text("tags", Code::AnchorAliasTag, "- !a x\n".repeat(100_000)),
        text("one long tag", Code::AnchorAliasTag, "a: !".to_owned() + &"!".repeat(1 << 20)),
        text("templates without quotes", Code::TrapBraces, "- {{ x }}\n".repeat(50_000)),
        text("NUL", Code::HiddenCharacter, "a: b\0c\n".to_owned()),
        text("NULs", Code::HiddenCharacter, "\0".repeat(4 << 20)),
        text("tabs", Code::YamlSyntax, "a:\n".to_owned() + &"\t".repeat(200 << 10) + "b: c\n"),
        text("not ASCII, in one line", Code::OverLimit, format!("- [{}]", "é,".repeat(1_000_000))),
        text("not ASCII, nested", Code::OverLimit, "é: [".repeat(200_000)),
        ("invalid UTF-8", Code::NotUtf8, b"a: \xff\xfe\n".to_vec()),
        ("invalid UTF-8 only", Code::NotUtf8, vec![0x80; 4 << 20]),
        ("a cut character", Code::NotUtf8, b"a: \xf0\x9f\x8c".to_vec()),
        ("UTF-16", Code::NotUtf8, b"\xff\xfea\0:\0 \0b\0".to_vec()),
    ]
}

/// The largest file that is legal: it must be read, and in the same memory.
fn largest() -> Vec<u8> {
    let mut text = "steps:\n".to_owned();
    for number in 0..20_000 {
        let keys = "needs: []\n    timeout: 5s\n    dir: x";
        writeln!(text, "  step_{number}:\n    verify: It answers\n    run: probe {number}\n    {keys}").unwrap();
    }
    text.into_bytes()
}

#[test]
fn hostile_files_get_a_diagnostic() {
    for (name, code, bytes) in files() {
        let (done, result) = sync_channel(1);
        thread::spawn(move || {
            let (_, yaml, diagnostics) = read_tree("hostile.yaml", &bytes);
            // The receiver is gone only when the test has failed already.
            let _ = done.send((yaml.is_some(), diagnostics));
        });
        let Ok((_, diagnostics)) = result.recv_timeout(HANG) else { panic!("{name}: hangs or panics") };
        let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert!(codes.contains(&code), "{name}: {:?}", diagnostics.first());
    }
    let (_, yaml, diagnostics) = read_tree("large.yaml", &largest());
    assert!(yaml.is_some(), "{diagnostics:?}");
    drop(yaml);
    let peak = peak_memory();
    assert!(peak < MEMORY_MAX, "the reader held {} MiB", peak >> 20);
}

/// The most memory this process ever held, in bytes.
fn peak_memory() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "the test asks the kernel about itself; the crate opens nothing")]
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
