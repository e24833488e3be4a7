//! A transcript that cannot be written: nothing more is started, and it is said.

use std::process::{Command, Stdio};

use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};

const KEYS: &str = "
steps:
  look: { verify: It is there, run: echo yes }
  change: { act: Change it, script: 'echo done >> \"$WORK/count\"', env: { WORK: $WORK } }
  again: { verify: It works, run: echo yes }
  change_more: { act: Change it more, script: 'echo more >> \"$WORK/count\"', env: { WORK: $WORK } }
";

#[test]
fn where_no_store_can_be_made_nothing_is_started() {
    for store in ["/dev/null/store", "/proc/store"] {
        let desk = Desk::with_runbook(KEYS);
        let mut command = desk.command(&["run", "try"]);
        command.env("RUNBOOK_STORE", store);
        Started::from(command).end().ended(6).complains(store);
        assert_eq!(desk.count("count"), 0);
    }
}

/// Runs it where no file may grow beyond so many blocks of 512 bytes: the disk is full for whoever writes more.
fn with_blocks(desk: &Desk, blocks: u32) -> Said {
    let asked = desk.command(&["run", "try"]);
    let mut command = Command::new("sh");
    // The write fails; its signal, which would end the program, is for those who do not look.
    command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    command.arg(asked.get_program()).args(asked.get_args()).stdin(Stdio::null());
    command.env("RUNBOOK_DIR", desk.runbooks()).env("RUNBOOK_STORE", desk.store()).env("TERM", "dumb");
    Started::from(command).end()
}

#[test]
fn wherever_the_disk_is_full_no_act_runs_that_is_not_on_it() {
    let mut full = 0;
    for blocks in 1.. {
        let desk = Desk::with_runbook(KEYS);
        let said = with_blocks(&desk, blocks);
        assert!(!said.err.contains("panicked"), "{blocks} blocks: {}", said.err);
        let acts = desk.count("count");
        if said.code == 0 {
            assert_eq!(acts, 2);
            break;
        }
        assert_eq!(said.code, 6, "{blocks} blocks: {}\n{}", said.out, said.err);
        full += 1;
        let told = format!("{}{}", said.out, said.err);
        assert!(told.contains("cannot be written") || told.contains("File too large"), "{blocks} blocks: {told}");
        // An act that ran stands in the transcript as intended.
        let intended = desk.runs().first().filter(|run| run.join("transcript.jsonl").exists()).map_or(0, |_| {
            let story = desk.story();
            story.of("step.intent", Some("change")).count() + story.of("step.intent", Some("change_more")).count()
        });
        assert!(acts <= intended, "{blocks} blocks: {acts} acts ran, {intended} stand in the transcript");
        assert!(blocks < 200, "it is never enough");
    }
    assert!(full > 5, "only {full} times was the disk full");
}

#[test]
fn with_room_again_the_run_is_gone_on_with_and_nothing_is_done_twice() {
    let mut resumed = 0;
    for blocks in (3..40).step_by(3) {
        let desk = Desk::with_runbook(KEYS);
        if with_blocks(&desk, blocks).code != 6 || desk.runs().is_empty() {
            continue;
        }
        let said = desk.do_it(&["resume", "latest"]);
        if said.code == 5 {
            // It may have run: whoever looks says so.
            let done = if desk.read("count").contains(if desk.story().settled("change") == "passed" {
                "more"
            } else {
                "done"
            }) {
                "--done"
            } else {
                "--not-done"
            };
            let settled = desk.do_it(&["settle", done, "--reason", "looked"]);
            assert!([0, 1].contains(&settled.code), "{blocks}: {settled:?}");
        } else if ![0, 2, 6].contains(&said.code) {
            assert_eq!(said.code, 0, "{blocks} blocks: {}\n{}", said.out, said.err);
        }
        let counted = desk.read("count");
        assert!(counted.matches("done").count() <= 1 && counted.matches("more").count() <= 1, "{blocks}: {counted}");
        if said.code == 0 || said.code == 5 {
            resumed += 1;
            desk.do_it(&["audit", "verify", "latest"]).ended(0);
        }
    }
    assert!(resumed >= 3, "only {resumed} runs were gone on with");
}
