//! An operator at a terminal of 80 columns and 24 rows: which prompts there are, and that Enter answers none of them.

use std::num::NonZeroU16;
use std::process::Command;

use plant_shop::person::Person;
use runbook_tests::desk::Desk;
use runbook_tests::run::code;
use runbook_tests::until::SOON;

/// Rows and columns of the smallest terminal that must do.
pub(crate) const SMALL: (NonZeroU16, NonZeroU16) = (NonZeroU16::new(24).unwrap(), NonZeroU16::new(80).unwrap());

/// Somebody at a terminal.
pub(crate) struct Seat(Person);

impl Seat {
    #[track_caller]
    pub(crate) fn take(desk: &Desk, words: &[&str]) -> Self {
        Self::with(desk.command_at_terminal(words))
    }

    #[track_caller]
    pub(crate) fn with(command: Command) -> Self {
        Self(Person::sit_down_at(SMALL, command, None).unwrap())
    }

    /// Waits until this is printed, behind what was seen before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let seen = self.0.expect(text, SOON);
        assert!(seen.is_ok(), "{}", seen.unwrap_err());
    }

    #[track_caller]
    pub(crate) fn types(&mut self, keys: &str) {
        self.0.type_keys(keys).unwrap();
    }

    pub(crate) fn hangs_up(&mut self) {
        self.0.hang_up();
    }

    /// Waits for the end, and gives the page as it stands then.
    #[track_caller]
    pub(crate) fn ends(&mut self, wanted: i32) -> String {
        let status = self.0.wait(SOON);
        let page = self.0.page();
        assert!(status.is_ok(), "{}\n{page}", status.unwrap_err());
        assert_eq!(code(status.unwrap()), wanted, "{page}");
        page
    }

    /// Every byte that came to the terminal.
    pub(crate) fn raw(&self) -> &[u8] {
        self.0.raw()
    }
}

/// A prompt: the keys of a runbook that has it, what it asks, and what a person types in the end, with the exit code.
struct Prompt {
    keys: &'static str,
    asks: &'static str,
    /// What has to be typed before it, at another prompt that asks so.
    before: Option<(&'static str, &'static str)>,
    types: &'static str,
    ends: i32,
}

const PROMPTS: &[Prompt] = &[
    Prompt {
        keys: "steps:\n  a: { act: A, run: touch $WORK/done, approve: operator }\n",
        asks: "Run it? [y/n/?/t/o/c/h]",
        before: None,
        types: "y",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { act: A, run: touch $WORK/done, approve: operator, destructive: true }\n",
        asks: "Destructive: run it? [y/n/?/t/o/c/h]",
        before: None,
        types: "y",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { verify: A, ask: Is it? }\n",
        asks: "Yes or no? [y/n/?/t/o/h]",
        before: None,
        types: "y",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { decide: A, ask: Which?, choices: { this: done, that: done } }\n",
        asks: "Which? [1-2/?/t/o/h]",
        before: None,
        types: "2",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { decide: A, ask: Which?, choices: { a: done, b: done, c: done, d: done, e: done, f: done, \
               g: done, h: done, i: done, j: done } }\n",
        asks: "Which, 1 to 10?",
        before: Some(("Which? [1-10/?", "9\u{15}")),
        types: "10\r",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { act: A, instruct: Do it }\n",
        asks: "Done? [d/n/?/t/o/h]",
        before: None,
        types: "d",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { escalate: A, to: ops, ack: {} }\n",
        asks: "Seen by ops? [a/?/t/o/h]",
        before: None,
        types: "a",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { act: A, run: 'false' }\n",
        asks: "It failed. What now? [a/b/f/?/t/o/h]",
        before: None,
        types: "bdone by hand\r",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { verify: A, run: 'false' }\n",
        asks: "It failed. What now? [a/g/f/?/t/o/h]",
        before: None,
        types: "gknown\r",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { act: A, script: kill -9 $$ }\n",
        asks: "Was it done? [d/n/a/?/t/o/h]",
        before: None,
        types: "dlooked\r",
        ends: 0,
    },
    Prompt {
        keys: "steps:\n  a: { act: A, run: 'true', undo: { run: touch $WORK/undone } }\n  b: { verify: B, run: 'false' }\n",
        asks: "Undo what was done? [y/n/?/t/o/h]",
        before: Some(("It failed. What now?", "f")),
        types: "n",
        ends: 1,
    },
    // Each of these lines is typed after a key that was pressed on purpose.
    Prompt {
        keys: "steps:\n  a: { act: A, run: touch $WORK/done, approve: operator }\n",
        asks: "Why not?",
        before: Some(("Run it?", "n")),
        types: "not now\r",
        ends: 4,
    },
    Prompt {
        keys: "steps:\n  a: { verify: A, run: 'false' }\n",
        asks: "Why \"go on all the same\"?",
        before: Some(("It failed. What now?", "g")),
        types: "known\r",
        ends: 0,
    },
];

/// The entries in which a person has said something.
fn said(desk: &Desk) -> usize {
    let story = desk.story();
    ["approval.granted", "approval.denied", "answer", "escalation.acknowledged", "doubt.settled", "override"]
        .iter()
        .map(|kind| story.of(kind, None).count())
        .sum()
}

#[test]
fn enter_answers_no_prompt_of_any_kind() {
    for prompt in PROMPTS {
        let desk = Desk::with_runbook(prompt.keys);
        let mut seat = Seat::take(&desk, &["run", "try"]);
        if let Some((asks, keys)) = prompt.before {
            seat.sees(asks);
            seat.types(keys);
        }
        seat.sees(prompt.asks);
        let before = said(&desk);
        seat.types("\r");
        // It is asked again, with a line that says what to press.
        seat.sees(prompt.asks.split(" [").next().unwrap());
        seat.types("\r\r\r");
        seat.types("?");
        assert_eq!(said(&desk), before, "{}", prompt.asks);
        assert!(!desk.work().join("done").exists() && !desk.work().join("undone").exists(), "{}", prompt.asks);
        // Where a line is typed the `?` is part of it.
        seat.types(if prompt.types.ends_with('\r') && prompt.before.is_some() { "\u{15}" } else { "" });
        seat.types(prompt.types);
        let page = seat.ends(prompt.ends);
        assert_eq!(said(&desk), before + 1, "{page}");
    }
}

#[test]
fn step_by_step_asks_before_each_and_enter_starts_none() {
    let desk = Desk::with_runbook(
        "steps:\n  a: { act: A, run: touch $WORK/a, idempotent: true }\n  b: { verify: B, run: test -e $WORK/a }\n",
    );
    let mut seat = Seat::take(&desk, &["run", "try", "--step"]);
    seat.sees("Start it? [y/n/?/t/o/h]");
    seat.types("\r");
    seat.sees("Enter means nothing here: press y (start it) or n (not now, let the run wait)");
    assert!(!desk.work().join("a").exists());
    seat.types("y");
    seat.sees("] verify   B");
    seat.sees("Start it? [y/n/?/t/o/h]");
    assert!(desk.work().join("a").exists());
    seat.types("n");
    assert!(seat.ends(75).contains("waiting"));
    assert_eq!(desk.story().settled("b"), "(not settled)");
    let mut seat = Seat::take(&desk, &["resume"]);
    seat.sees("Start it? [y/n/?/t/o/h]");
    seat.types("y");
    seat.ends(0);
    assert_eq!(desk.story().settled("b"), "passed");
}

#[test]
fn step_by_step_where_nobody_sits_waits_before_each_step_with_the_command_that_starts_it() {
    let desk = Desk::with_runbook(
        "steps:\n  a: { act: A, run: touch $WORK/a, idempotent: true }\n  b: { verify: B, run: test -e $WORK/a }\n",
    );
    let first = desk.do_it(&["run", "try", "--step"]).ended(75);
    assert!(!desk.work().join("a").exists());
    let second = runbook_tests::run::paste(&first.command("answer")).ended(75);
    assert!(desk.work().join("a").exists());
    assert_eq!(desk.story().settled("b"), "(not settled)");
    runbook_tests::run::paste(&second.command("answer")).ended(0).shows("resolved");
}

#[test]
fn yes_beforehand_approves_what_is_not_destructive_and_answers_nothing_else() {
    let desk = Desk::with_runbook(
        "steps:
  a: { act: A, run: touch $WORK/a, approve: operator }
  b: { act: B, run: touch $WORK/b, approve: operator, destructive: true }
  c: { verify: C, ask: Is it? }
",
    );
    let mut seat = Seat::take(&desk, &["run", "try", "--yes"]);
    seat.sees("approved by ");
    seat.sees("with --yes");
    seat.sees("This is destructive. It would run exactly this:");
    seat.sees("Destructive: run it? [y/n/?/t/o/c/h]");
    assert!(desk.work().join("a").exists() && !desk.work().join("b").exists());
    seat.types("?");
    seat.sees("It is marked destructive: --yes does not approve it.");
    seat.types("y");
    seat.sees("Yes or no? [y/n/?/t/o/h]");
    assert!(desk.work().join("b").exists());
    seat.types("y");
    seat.ends(0);
    // Where nobody sits it waits all the same.
    desk.do_it(&["run", "try", "--yes"]).ended(75).shows("approve");
}

#[test]
fn a_lost_connection_leaves_a_run_that_goes_on_where_it_was() {
    let desk = Desk::with_runbook(
        "steps:
  a: { act: A, run: touch $WORK/a, idempotent: true }
  b: { act: B, run: touch $WORK/b, approve: operator }
",
    );
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("Run it? [y/n/?/t/o/c/h]");
    seat.hangs_up();
    seat.ends(75);
    assert_eq!(desk.story().outcome(), "(not sealed)");
    let mut seat = Seat::take(&desk, &["resume"]);
    seat.sees("Run it? [y/n/?/t/o/c/h]");
    seat.types("y");
    seat.ends(0);
    let story = desk.story();
    assert_eq!((story.settled("a"), story.settled("b"), story.outcome()), ("passed", "passed", "resolved"));
    assert_eq!(story.of("step.spawned", Some("a")).count(), 1);
}
