//! What is on disk when an act starts, and when it is let go: everything that was written before. No kill shows that: it
//! takes a machine that stops, or somebody who watches the order of the calls.

use std::collections::BTreeSet;
use std::fs;

use runbook_tests::programs;

use crate::operator::{Operator, Who};
use crate::reference;
use crate::tracer::Fault;

#[test]
fn no_act_starts_or_is_let_go_before_all_that_is_written_is_on_disk() {
    programs::ready();
    // Looks may start before what is written of them is on disk: they change nothing. There are none in this one.
    let desk = reference::desk("acts");
    let mut operator = Operator::at(&desk, "acts").disturbed_by(Fault::Watched, Who::Engine);
    assert_eq!(operator.work_to_the_end().unwrap().code, 0);
    let log = fs::read_to_string(desk.work().join("strace")).unwrap();
    let (mut starts, mut let_go) = (0, 0);
    let mut unsynced: BTreeSet<&str> = BTreeSet::new();
    for line in log.lines() {
        let Some((call, rest)) = line.split_once('(') else { continue };
        let file = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(file, _)| file);
        let kept = file.ends_with("/transcript.jsonl") || file.contains("/blobs/");
        match call {
            "write" if kept => _ = unsynced.insert(file),
            "fdatasync" | "fsync" => _ = unsynced.remove(file),
            // A blob gets its name when it is whole.
            "rename" => {
                let names: Vec<&str> = rest.split('"').collect();
                if let [_, from, _, to, ..] = names.as_slice()
                    && unsynced.remove(from)
                {
                    unsynced.insert(to);
                }
            }
            "clone" | "clone3" | "vfork" if !rest.contains("CLONE_THREAD") => {
                starts += 1;
                assert_eq!(unsynced, BTreeSet::new(), "not on disk when a supervisor started: {line}");
            }
            "write" if file.starts_with("pipe:") => {
                let_go += 1;
                assert_eq!(unsynced, BTreeSet::new(), "not on disk when an act was let go: {line}");
            }
            _ => {}
        }
    }
    assert_eq!((starts, desk.count("effects")), (4, 4), "{log}");
    assert!(let_go >= 4, "only {let_go} writes to a gate");
}
