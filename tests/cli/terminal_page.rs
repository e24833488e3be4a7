//! What the page of a terminal of 80 columns looks like: whole, with nothing left over, and with no escape that was not
//! wanted.

use runbook_tests::desk::Desk;

use crate::terminal::Seat;

/// Every way in which something is drawn over: a retry, output while it runs, a wait, prompts, long titles that wrap.
const BUSY: &str = "steps:
  look:
    verify: It answers on all of its addresses, each of which is tried, the first of them before the others
    script: |
      echo tried once more, in a line that is so long that it does not fit into eighty columns, as programs do
      echo x >> $TRIES; test $(wc -l < $TRIES) -gt 3
    env: { TRIES: $WORK/tries }
    retry: { every: 300ms, attempts: 9 }
  pause: { act: Let it settle, wait: 600ms }
  talk:
    act: Say much
    script: for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done; until test -e \"$GO\"; do read -t 0.05 x || true; done
    shell: bash -eu
    env: { GO: $WORK/go }
    idempotent: true
  swap: { act: Change the disk in the second slot from the left of the upper shelf in the rack by the door, instruct: Change it }
  sure: { verify: All lamps are green, ask: Is every lamp on its front green?, on_fail: tell }
  tell: { escalate: Some lamp is not green and somebody should find out which of them it is and why, to: ops, handover: true }
";

/// The page's lines, with times replaced: `[1/6] …`, `✓ passed  T`.
fn told(page: &str) -> Vec<String> {
    let is_time = |word: &str| {
        let number = word.trim_end_matches([':', ',']).strip_suffix('s');
        number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.'))
    };
    let line = |line: &str| {
        let words = line.split(' ').map(|word| if is_time(word) { "T" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    page.lines().map(line).collect()
}

#[test]
fn after_a_busy_run_the_page_has_each_line_once_and_none_that_was_drawn_over() {
    let desk = Desk::with_runbook(BUSY);
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("attempt 2 in ");
    seat.sees("; attempt 1 failed: exit code 1");
    seat.sees("left");
    seat.sees("│ line 9");
    std::fs::write(desk.work().join("go"), "").unwrap();
    seat.sees("Done? [");
    seat.types("t");
    seat.types(&"a note that is longer than a line of this terminal has columns ".repeat(2));
    seat.sees("has columns");
    seat.types("\r");
    seat.sees("note by ");
    seat.sees("Done? [");
    seat.types("\r");
    seat.sees("Enter means nothing here");
    seat.types("d");
    seat.sees("Yes or no? [");
    seat.types("y");
    let page = seat.ends(0);
    let lines = told(&page);
    let who = desk.story().entries()[0]["actor"]["id"].as_str().unwrap().to_owned();
    let expected = "try  Something to try
never run before
[1/6] verify   It answers on all of its addresses, each of which is tried, the
         first of them before the others  (look)
       $ sh -eu -c $'echo tried once more, in a line that is so long that it
         does not fit";
    assert!(lines.join("\n").starts_with(expected), "{page}");
    let rest: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .skip_while(|line| !line.contains("passed"))
        .take_while(|l| !l.is_empty())
        .collect();
    let expected = [
        "       ✓ passed  T in 4 attempts".to_owned(),
        "       earlier attempts: exit code 1 (3 times)".to_owned(),
        "[2/6] act      Let it settle  (pause)".to_owned(),
    ];
    assert_eq!(rest.get(..3).unwrap_or_default(), expected, "{page}");
    // Each stands there once.
    for line in [
        "[3/6] act      Say much  (talk)",
        "[4/6] act      Change the disk in the second slot from the left of the upper",
        "         shelf in the rack by the door  (swap)",
        "       Change it",
        &format!("       note by {who} on swap: a note that is longer"),
        &format!("       answered \"done\" by {who}"),
        "[5/6] verify   All lamps are green  (sure)",
        "       Is every lamp on its front green?",
        &format!("       answered \"yes\" by {who}"),
        "[6/6] escalate Some lamp is not green and somebody should find out which of",
        "         them it is and why: skipped, not reached  (tell)",
        "  nothing is left open",
    ] {
        assert_eq!(lines.iter().filter(|told| told.starts_with(line)).count(), 1, "{line:?} in\n{page}");
    }
    for drawn_over in
        ["runs, ", "waits, ", "attempt 2", "for keys", "Note:", "[d/n/?", "[y/n/?", "means nothing", "│ line"]
    {
        assert!(!page.contains(drawn_over), "{drawn_over:?} is left over in\n{page}");
    }
}

/// The program's own lines; those to be copied stay whole however long they are.
fn own_lines<'a>(page: &'a str, desk: &Desk) -> Vec<&'a str> {
    let store = desk.store().display().to_string();
    page.lines().filter(|line| !line.contains(&store)).collect()
}

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    let desk = Desk::with_runbook(BUSY);
    std::fs::write(desk.work().join("go"), "").unwrap();
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("Done? [");
    seat.types("?");
    seat.sees("Ctrl-C");
    seat.types("d");
    seat.sees("Yes or no? [");
    seat.types("o");
    seat.sees("talk wrote to standard output");
    seat.types("n");
    let page = seat.ends(3);
    let long: Vec<&str> = own_lines(&page, &desk).into_iter().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(long, Vec::<&str>::new(), "{page}");
    // Where the next run begins, too.
    let mut seat = Seat::take(&desk, &["run", "try", "--dry-run"]);
    let page = seat.ends(0);
    let long: Vec<&str> = own_lines(&page, &desk).into_iter().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(long, Vec::<&str>::new(), "{page}");
}

#[test]
fn the_first_two_lines_say_what_it_is_and_how_it_went_last_time() {
    for (answers, code, word) in [("y", 0, "resolved"), ("nf", 1, "failed")] {
        let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
        let mut pages = Vec::new();
        for _ in 0..2 {
            let mut seat = Seat::take(&desk, &["run", "try"]);
            for answer in answers.split_inclusive(|_| true) {
                seat.sees("? [");
                seat.types(answer);
            }
            pages.push(seat.ends(code));
        }
        let heads: Vec<Vec<&str>> = pages.iter().map(|page| page.lines().take(2).collect()).collect();
        assert_eq!(heads[0], ["try  Something to try", "never run before"]);
        assert_eq!(heads[1][0], "try  Something to try");
        let said = format!(", {word} in ");
        assert!(heads[1][1].starts_with("last run today ") && heads[1][1].contains(&said), "{:?}", heads[1]);
    }
}

/// Escapes that change how text looks.
fn styles(raw: &str) -> Vec<&str> {
    let escapes = raw.split("\u{1b}[").skip(1);
    escapes
        .filter_map(|rest| rest.split_once(|c: char| !(c.is_ascii_digit() || c == ';')))
        .map(|(codes, _)| codes)
        .collect()
}

fn is_style(rest: &str) -> bool {
    rest.find(|c: char| !(c.is_ascii_digit() || c == ';')).is_some_and(|end| rest[end..].starts_with('m'))
}

fn sits_through(desk: &Desk, variables: &[(&str, &str)]) -> String {
    let mut command = desk.command_at_terminal(&["run", "try"]);
    command.envs(variables.iter().copied());
    let mut seat = Seat::with(command);
    seat.sees("Yes or no?");
    seat.types("y");
    seat.ends(0);
    String::from_utf8(seat.raw().to_vec()).unwrap()
}

const SHORT: &str =
    "steps:\n  ok: { verify: One of the two servers is active, ask: Is the left one or the right one active? }\n";

#[test]
fn a_style_is_switched_on_once_for_all_its_words() {
    let desk = Desk::with_runbook(SHORT);
    let raw = sits_through(&desk, &[]);
    assert!(raw.contains("\u{1b}[1mOne of the two servers is active\u{1b}[0m"), "{raw:?}");
    assert!(raw.contains("\u{1b}[1mIs the left one or the right one active?\u{1b}[0m"), "{raw:?}");
    assert!(!styles(&raw).is_empty());
}

#[test]
fn no_color_means_none_at_a_terminal() {
    let desk = Desk::with_runbook(SHORT);
    let raw = sits_through(&desk, &[("NO_COLOR", "1")]);
    assert!(!raw.split("\u{1b}[").skip(1).any(is_style), "{raw:?}");
    // What remains draws the prompt anew, and nothing else.
    let control: Vec<&str> = raw.split('\u{1b}').skip(1).collect();
    assert!(control.iter().all(|rest| rest.starts_with("[J") || rest.contains('A')), "{control:?}");
}

#[test]
fn a_dumb_terminal_gets_plain_lines_without_any_escape_and_the_command_to_answer_with() {
    let desk = Desk::with_runbook(SHORT);
    let mut command = desk.command_at_terminal(&["run", "try"]);
    command.env("TERM", "dumb");
    let mut seat = Seat::with(command);
    let page = seat.ends(75);
    assert!(!seat.raw().contains(&0x1b), "{page}");
    assert!(page.contains(" answer "), "{page}");
    desk.do_it(&["answer", "yes"]).ended(0);
}
