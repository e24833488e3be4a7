//! An act that is a request, its engine killed before it is let go and at each sync around that; and the clock by which its
//! supervisor keeps its time.

use std::fs;
use std::process::{Command, Stdio};

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;
use runbook_tests::programs;
use runbook_tests::run::Started;
use runbook_tests::server::{Reply, Server};
use runbook_tests::until::until;
use rustix::process::Signal;

/// The clock that goes on while the machine sleeps, as the kernel numbers it.
const BOOTTIME: &str = "7";

fn adds_one(place: &str, keys: &str) -> Desk {
    Desk::with_runbook(&format!(
        "steps:\n  ask: {{ act: Add one, http: {{ method: POST, url: 'http://{place}/add' }}{keys}, on_fail: failed }}\n"
    ))
}

/// Runs it with its engine, and nothing else, killed at the nth sync of a file; gives its exit code.
fn killed_at_sync(desk: &Desk, nth: usize) -> i32 {
    let asked = desk.command(&["run", "try"]);
    let mut command = Command::new("strace");
    command.args(["--quiet=all", "--output=/dev/null", "-e", "trace=fdatasync"]);
    command.args(["-e", &format!("inject=fdatasync:signal=KILL:when={nth}")]);
    command.arg(asked.get_program()).args(asked.get_args()).stdin(Stdio::null()).current_dir(repository());
    command.env("RUNBOOK_DIR", desk.runbooks()).env("RUNBOOK_STORE", desk.store()).env("TERM", "dumb");
    Started::from(command).process_end()
}

#[test]
fn killed_before_it_is_let_go_it_was_not_sent_and_is_sent_once() {
    programs::ready();
    let mut held = 0;
    for nth in 1.. {
        let server = Server::start(vec![Reply::of("200 OK", "text/plain", "added")]);
        let desk = adds_one(server.place(), "");
        if killed_at_sync(&desk, nth) == 0 {
            break;
        }
        let entered = |kind: &str| !desk.runs().is_empty() && desk.story().of(kind, Some("ask")).count() > 0;
        if !entered("step.intent") {
            assert_eq!(server.got().len(), 0, "sync {nth}: it was sent before anything said that it would be");
            continue;
        }
        let was_let_go = entered("step.released");
        if !was_let_go {
            held += 1;
            assert_eq!(server.got().len(), 0, "sync {nth}: it was sent before it was let go");
        }
        if desk.story().outcome() == "(not sealed)" {
            let said = desk.do_it(&["resume"]);
            if said.code == 5 {
                assert!(was_let_go, "sync {nth}: what was never let go is in no doubt: {said:?}");
                let word = if server.got().is_empty() { "--again" } else { "--done" };
                desk.do_it(&["settle", word, "--reason", "the counter says so"]).ended(0);
            }
        } else {
            // Only the ledger had not been told.
            desk.do_it(&["resume", "latest"]).ended(2).complains("is over");
        }
        assert_eq!((server.got().len(), desk.story().outcome()), (1, "resolved"), "sync {nth}");
        desk.do_it(&["audit", "verify", "latest"]).ended(0);
    }
    assert!(held > 0, "no sync lies between what is intended and what is let go");
}

#[test]
fn its_time_goes_on_while_the_machine_sleeps() {
    let server = Server::start(vec![Reply::Stall]);
    let desk = adds_one(server.place(), ", timeout: 1h");
    let run = desk.start_run("try", &[]);
    server.until_got(1);
    let supervisor = desk.story().last("step.spawned", Some("ask"), "pid").unwrap().to_string();
    until(|| {
        let timers: Vec<String> = fs::read_dir(format!("/proc/{supervisor}/fdinfo"))
            .map_err(|error| error.to_string())?
            .filter_map(|fd| fs::read_to_string(fd.ok()?.path()).ok())
            .filter(|info| info.contains("clockid:"))
            .collect();
        let field = |info: &str, name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
        };
        let is = |info: &String| {
            let seconds = field(info, "it_value:");
            let left: u64 =
                seconds.trim_matches(['(', ')']).split(',').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            field(info, "clockid:") == BOOTTIME && (3_000..=3_600).contains(&left)
        };
        if timers.iter().any(is) { Ok(()) } else { Err(format!("no timer of an hour by that clock: {timers:?}")) }
    });
    run.signal(Signal::INT);
    server.let_go("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    run.end().ended(4);
}
