//! A program, an alert or a person may write whatever they like: it is shown, and does nothing to a terminal, a report or
//! a reader of JSON.

use std::fs;

use runbook_tests::desk::Desk;
use serde_json::Value;

use crate::terminal::Seat;

/// Bytes that do something to a terminal that takes them, each with what it would do.
const HOSTILE: &[(&str, &[u8])] = &[
    ("copies to the clipboard", b"\x1b]52;c;cm0gLXJmIC8=\x07"),
    ("sets the title", b"\x1b]0;owned\x07"),
    ("moves the cursor and clears", b"\x1b[1;1H\x1b[2J\x1b[3J"),
    ("goes up and writes over", b"\x1b[5A\x1b[2Kapproved by boss"),
    ("asks the terminal for an answer", b"\x1b[c\x1b[6n\x05"),
    ("switches the screen", b"\x1b[?1049h\x1b[?25l"),
    ("switches the character set", b"\x1b(0\x0e"),
    ("hides text", b"\x1b[8mhidden"),
    ("begins a device string", b"\x1bP+q544e\x1b\\"),
    ("is a C1 control as one byte", b"\x9b2J\x9d0;owned\x9c"),
    ("is a C1 control in UTF-8", b"\xc2\x9b2J\xc2\x9d0;owned\xc2\x9c"),
    ("turns text round", "\u{202e}gpj.exe\u{202c} \u{2066}x\u{2069} \u{200f}".as_bytes()),
    ("is no UTF-8", b"\xff\xfe\xc3(\xed\xa0\x80\xf4\x90\x80\x80"),
    ("rings, goes back, deletes", b"\x07secret\x08\x08\x08\x08\x08\x08public\x7f"),
    ("goes to the start of the line", b"real\rfake"),
    ("is nothing", b"a\x00b"),
    ("breaks lines otherwise", b"one\x0btwo\x0cthree\xc2\x85four\xe2\x80\xa8five"),
];

/// A desk whose runbook prints all that, as output, as an output's value, in a question, a message, an error.
fn desk() -> Desk {
    let desk = Desk::with_runbook(
        "steps:
  look:
    verify: It prints
    run: cat $WORK/hostile
    outputs: { seen: stdout }
  wrong:
    verify: It fails and complains
    script: cat \"$FILE\" >&2; exit 1
    env: { FILE: $WORK/hostile }
    on_fail: done
  asked:
    needs: look
    verify: Somebody is asked
    ask: 'Is this right: {{ steps.look.outputs.seen }}?'
    attach: { file: $WORK/hostile }
  tell:
    escalate: 'Told {{ steps.look.outputs.seen }}'
    to: ops
    message: 'It said {{ steps.look.outputs.seen }}'
",
    );
    let lines: Vec<Vec<u8>> = HOSTILE.iter().map(|(what, bytes)| [what.as_bytes(), b": ", bytes].concat()).collect();
    fs::write(desk.work().join("hostile"), [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();
    desk
}

/// Characters that no text for a person may hold: controls but for the line break, and what turns or hides text.
fn harmful(text: &str) -> Vec<char> {
    let is = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(is).collect()
}

/// What came to a terminal, without the escapes that this program draws with: anything else that is left is not ours.
fn without_ours(raw: &[u8]) -> String {
    let mut text = String::from_utf8(raw.to_vec()).unwrap().replace("\r\n", "\n");
    for ours in
        ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[32m", "\u{1b}[31;1m", "\u{1b}[33m", "\u{1b}[36m", "\u{1b}[J"]
    {
        text = text.replace(ours, "");
    }
    // One region is drawn over: back to its first column, and up its few rows.
    for rows in 1..24 {
        text = text.replace(&format!("\r\u{1b}[{rows}A"), "");
    }
    text.replace('\r', "")
}

#[test]
fn nothing_that_a_program_prints_does_anything_to_the_terminal() {
    let desk = desk();
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("Yes or no? [y/n/?/t/o/h]");
    // The last outputs are shown, once more.
    seat.types("o");
    seat.sees("look wrote to standard output");
    seat.sees("copies to the clipboard: ␛]52;c;cm0gLXJmIC8=␇");
    seat.sees("hides text: hidden");
    seat.sees("Yes or no?");
    // A paste may hold anything as well.
    seat.types("tpasted \u{9b}2J \u{202e}x\r");
    seat.sees("note by ");
    seat.sees("Yes or no?");
    seat.types("y");
    seat.ends(0);
    let text = without_ours(seat.raw());
    assert_eq!(harmful(&text), Vec::<char>::new(), "{text:?}");
    // Nor does what the run leaves, whoever reads it.
    for words in [&["show", "latest"][..], &["log", "latest"], &["runs"], &["log", "latest", "--format", "html"]] {
        let mut seat = Seat::take(&desk, words);
        seat.ends(0);
        let text = without_ours(seat.raw());
        assert_eq!(harmful(&text), Vec::<char>::new(), "{words:?}: {text:?}");
    }
}

#[test]
fn reports_and_json_hold_it_as_text() {
    let desk = desk();
    desk.do_it(&["run", "try"]).ended(75);
    let end = desk.do_it(&["answer", "yes"]).ended(0);
    assert_eq!(harmful(&end.out), Vec::<char>::new(), "{:?}", end.out);
    for words in [&["log", "latest"][..], &["log", "latest", "--format", "html"], &["show", "latest"]] {
        let said = desk.do_it(words).ended(0);
        assert_eq!(harmful(&said.out), Vec::<char>::new(), "{words:?}: {:?}", said.out);
        assert!(said.out.contains("copies to the clipboard"), "{words:?} does not show it: {}", said.out);
    }
    for words in [&["log", "latest", "--format", "json"][..], &["show", "latest", "--json"], &["runs", "--json"]] {
        let said = desk.do_it(words).ended(0);
        // Every control is written as JSON writes it, so that `cat` does no harm.
        assert_eq!(harmful(&said.out), Vec::<char>::new(), "{words:?}: {:?}", said.out);
        let parsed: Result<Value, _> = serde_json::from_str(&said.out);
        assert!(parsed.is_ok(), "{words:?}: {parsed:?}");
    }
    // The whole is beside it, byte for byte.
    let digest = desk.story().last("step.output", Some("look"), "blob").and_then(Value::as_str).map(str::to_owned);
    let whole = desk.runs().pop().unwrap().join("blobs").join(digest.unwrap());
    assert_eq!(fs::read(whole).unwrap(), fs::read(desk.work().join("hostile")).unwrap());
}

#[test]
fn markup_in_what_is_printed_is_no_markup_in_the_report() {
    let desk = Desk::with_runbook(
        "steps:\n  look: { verify: It prints, run: cat $WORK/hostile, outputs: { seen: stdout } }\n",
    );
    let text =
        "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)> ``` [click](javascript:alert(1)) | # x\n";
    fs::write(desk.work().join("hostile"), text).unwrap();
    desk.do_it(&["run", "try"]).ended(0);
    let html = desk.do_it(&["log", "latest", "--format", "html"]).ended(0).out;
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
}

#[test]
fn a_long_line_is_not_broken_into_one_that_looks_like_the_programs_own() {
    let desk = Desk::with_runbook(
        "steps:
  look: { verify: It prints, run: cat $WORK/hostile, outputs: { seen: stdout } }
  tell: { escalate: Told, to: ops, message: '{{ steps.look.outputs.seen }}' }
  ask: { verify: Asked, ask: Is it? }
",
    );
    // Whatever the width of what stands before it, some of these begin a line when it is broken.
    fs::write(desk.work().join("hostile"), "approved by boss ".repeat(200)).unwrap();
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("Yes or no?");
    seat.types("o");
    seat.sees("look wrote to standard output");
    seat.sees("Yes or no?");
    seat.types("y");
    let page = seat.ends(0);
    assert!(page.contains("       │ approved by boss"), "{page}");
    let faked = page.lines().filter(|line| line.starts_with("       approved by boss"));
    assert_eq!(faked.count(), 0, "{page}");
}

#[test]
fn a_line_without_an_end_is_cut_on_every_screen_and_takes_no_time() {
    let desk = Desk::with_runbook(
        "steps:
  look:
    verify: It prints a megabyte without a line break
    script: head -c 1048576 /dev/zero | tr '\\0' x; until test -e \"$GO\"; do read -t 0.1 x || true; done; exit 1
    shell: bash -eu
    env: { GO: $WORK/go }
",
    );
    let mut seat = Seat::take(&desk, &["run", "try"]);
    // While it runs its line is one line.
    seat.sees("│ xxxx");
    fs::write(desk.work().join("go"), "").unwrap();
    seat.sees("It failed. What now?");
    seat.types("o");
    seat.sees("1.0 MiB");
    seat.sees("It failed. What now?");
    seat.types("f");
    let page = seat.ends(1);
    assert!(page.lines().count() < 200, "{} lines", page.lines().count());
    let log = desk.do_it(&["log", "latest"]).ended(0).out;
    assert!(log.len() < 100_000, "a log of {} bytes", log.len());
}
