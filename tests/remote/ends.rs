//! How something ends there, and that each end is told from every other.

use runbook_tests::far::Far;

/// Runs an act there, and gives how the attempt ended and why the step settled so.
#[track_caller]
fn act(keys: &str, code: i32) -> (Far, String, String) {
    let far = Far::one();
    far.write(&format!("steps:\n  a: {{ act: A, on: web1, {keys} }}\n"));
    far.run().ended(code);
    let story = far.desk.story();
    let end = story.last("step.ended", Some("a"), "end").map(ToString::to_string).unwrap_or_default();
    let why = story.last("step.ended", Some("a"), "reason").map(ToString::to_string).unwrap_or_default();
    far.nothing_left();
    (far, end, why)
}

#[test]
fn an_exit_code_of_255_is_the_commands_own() {
    let (far, _, why) = act("script: exit 255", 1);
    assert_eq!(why, "\"exit code 255\"");
    assert_eq!(far.desk.story().of("doubt.opened", None).count(), 0);
}

#[test]
fn what_is_not_there_did_not_start() {
    for (keys, wanted) in [
        ("run: no-such-program", "on web1: program \\\"no-such-program\\\" was not found in PATH (searched "),
        ("run: /no/such/program", "on web1: program \\\"/no/such/program\\\" does not exist"),
        ("run: $WORK/keys/config", "/keys/config\\\" is not executable"),
        ("run: ls, dir: /no/such/folder", "on web1: directory /no/such/folder cannot be entered"),
    ] {
        let (far, _, why) = act(keys, 1);
        assert!(why.contains(wanted), "{keys}: {why}");
        assert_eq!(far.desk.story().of("doubt.opened", None).count(), 0);
    }
}

#[test]
fn a_signal_is_no_exit_code() {
    let (_, _, why) = act("script: kill -KILL $$", 5);
    assert_eq!(why, "\"ended by signal 9\"");
}

#[test]
fn its_time_runs_out_there_and_what_is_deaf_is_killed() {
    let (far, end, why) = act("run: sleep 600, timeout: 1s, grace: 5s", 5);
    assert_eq!((end.as_str(), why.as_str()), ("\"timed_out\"", "\"ran out of time (ended by TERM)\""));
    drop(far);
    let deaf = "script: 'trap \"\" TERM; while :; do sleep 1; done', timeout: 1s, grace: 1s";
    let (_, _, why) = act(deaf, 5);
    assert_eq!(why, "\"ran out of time (ended by KILL)\"");
}

#[test]
fn what_it_leaves_in_its_session_is_ended_with_it() {
    let (_far, _, _) = act("script: 'sleep 987654 & exit 0', idempotent: true", 0);
    runbook_tests::processes::none_with_words(&["sleep", "987654"]);
}

#[test]
fn a_look_that_runs_out_of_time_fails_as_it_does_here() {
    let far = Far::one();
    far.write("steps: { a: { verify: A, on: web1, run: sleep 600, timeout: 1s } }\n");
    far.run().ended(1);
    let story = far.desk.story();
    assert_eq!(story.settled("a"), "failed");
    far.nothing_left();
}
