//! Bad input: nothing is started and nothing is lost, and the message says what to do.

use runbook_tests::desk::Desk;

const PARAMS: &str = "
params:
  name: { type: string, pattern: '[a-z]+', help: whose }
  count: { type: integer, default: 3, min: 1, max: 9 }
  mode: { type: choice, choices: [slow, fast], default: slow }
  pause: { type: duration, default: 5s }
  nodes: { type: list, of: string, default: [a] }
steps:
  look: { verify: It works, run: touch $WORK/started }
";

#[test]
fn a_param_that_is_unknown_bad_or_missing_starts_nothing() {
    let desk = Desk::with_runbook(PARAMS);
    let given = |params: &[&str]| {
        let said = desk.run("try", params).ended(2);
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said.err
    };
    assert!(given(&[]).contains("name"));
    assert!(given(&["name=x", "nmae=y"]).contains("nmae"));
    assert!(given(&["name=X1"]).contains("[a-z]+"));
    assert!(given(&["name=x", "count=ten"]).contains("count"));
    assert!(given(&["name=x", "count=10"]).contains('9'));
    assert!(given(&["name=x", "mode=medium"]).contains("slow"));
    assert!(given(&["name=x", "pause=soon"]).contains("pause"));
    // All of them at once.
    let all = given(&["count=0", "mode=x", "other=1"]);
    for name in ["name", "count", "mode", "other"] {
        assert!(all.contains(name), "{name} is not in {all}");
    }
    assert!(!desk.work().join("started").exists());
    assert_eq!(desk.runs().len(), 0, "a run that was never started leaves no folder");
    desk.run("try", &["name=x", "nodes=a,b", "pause=2m"]).ended(0);
    assert!(desk.work().join("started").exists());
}

#[test]
fn a_runbook_that_does_not_check_is_not_run() {
    let desk = Desk::with_runbook(
        "steps:
  first: { verify: It works, run: touch $WORK/started }
  second: { verify: It works, run: 'true', needs: frist, rerty: 3 }
",
    );
    let said = desk.do_it(&["run", "try"]).ended(2);
    // Every problem, each with its code and what was meant.
    assert!(said.err.contains("frist") && said.err.contains("first"), "{}", said.err);
    assert!(said.err.contains("rerty") && said.err.contains("retry"), "{}", said.err);
    assert!(said.err.matches("RB01").count() >= 2, "{}", said.err);
    assert!(!desk.work().join("started").exists());
    assert_eq!(desk.runs().len(), 0);
}

#[test]
fn what_this_build_does_not_have_is_refused_before_the_first_step() {
    let desk = Desk::with_runbook(
        "steps:
  first: { act: Begin, run: touch $WORK/started, idempotent: true }
  second: { act: Go on, run: touch $WORK/started, approve: { from: [ops] }, denied: failed, idempotent: true }
",
    );
    desk.do_it(&["run", "try"]).ended(2).complains("second").complains("not in this build");
    assert!(!desk.work().join("started").exists());
}

#[test]
fn a_missing_program_is_named_with_the_path_searched() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: no-such-program -v }\n");
    let mut command = desk.command(&["run", "try"]);
    command.env("PATH", "/usr/bin:/nowhere/bin");
    let said = runbook_tests::run::Started::from(command).end().ended(1);
    for words in ["no-such-program", "/usr/bin, /nowhere/bin"] {
        assert!(said.out.contains(words), "{words} is not in\n{}", said.out);
    }
    let story = desk.story();
    // It could not look.
    assert_eq!(story.settled("look"), "unknown");
    let ended = story.of("step.ended", Some("look")).next().unwrap();
    assert_eq!((&ended["d"]["end"], &ended["d"]["cause"]), (&"not_started".into(), &"missing_program".into()));
    whole(&desk);
}

#[test]
fn an_act_whose_program_is_missing_did_not_run() {
    let desk = Desk::with_runbook("steps:\n  change: { act: Change it, run: no-such-program }\n");
    desk.do_it(&["run", "try"]).ended(1);
    let story = desk.story();
    assert_eq!((story.settled("change"), story.of("doubt.opened", None).count()), ("failed", 0));
    whole(&desk);
}

#[test]
fn a_missing_directory_and_a_file_that_is_no_program_are_named() {
    for (keys, cause, word) in [
        ("run: 'true', dir: /nowhere/at/all", "missing_directory", "/nowhere/at/all"),
        ("run: /etc/passwd", "not_executable", "/etc/passwd"),
        ("run: /nowhere/program", "missing_program", "/nowhere/program"),
    ] {
        let desk = Desk::with_runbook(&format!("steps:\n  look: {{ verify: It works, {keys} }}\n"));
        let said = desk.do_it(&["run", "try"]).ended(1);
        assert!(said.out.contains(word), "{word} is not in\n{}", said.out);
        let story = desk.story();
        assert_eq!(story.last("step.ended", Some("look"), "cause").unwrap(), cause);
        whole(&desk);
    }
}

#[test]
fn an_expression_that_fails_mid_run_is_could_not_judge() {
    let desk = Desk::with_runbook(
        "steps:
  look: { verify: It works, run: echo twelve, outputs: { n: 'int(stdout)' } }
  after: { verify: It goes on, run: touch $WORK/after }
",
    );
    let said = desk.do_it(&["run", "try"]).ended(1);
    assert!(said.out.contains("twelve") || said.out.contains("int"), "{}", said.out);
    assert_eq!(desk.story().settled("look"), "unknown");
    assert!(!desk.work().join("after").exists());
    whole(&desk);
}

#[test]
fn a_template_that_fails_mid_run_fails_its_step_before_it_starts() {
    // A word may not become an option through a value.
    let desk = Desk::with_runbook(
        "steps:
  look: { verify: It is there, run: 'printf %s -rf', outputs: { name: stdout } }
  change: { act: Remove it, run: 'rm {{ steps.look.outputs.name }}' }
",
    );
    let said = desk.do_it(&["run", "try"]).ended(1);
    assert!(said.out.contains("-rf"), "{}", said.out);
    let story = desk.story();
    assert_eq!((story.settled("change"), story.of("step.spawned", Some("change")).count()), ("failed", 0));
    whole(&desk);
}

#[test]
fn a_store_that_everybody_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: touch $WORK/started }\n");
    std::fs::create_dir(desk.store()).unwrap();
    std::fs::set_permissions(desk.store(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let said = desk.do_it(&["run", "try"]);
    assert!([2, 6].contains(&said.code) && said.err.contains("store"), "{said:?}");
    assert!(!desk.work().join("started").exists());
}

/// The transcript tells it to its end.
#[track_caller]
fn whole(desk: &Desk) {
    let story = desk.story();
    assert_ne!(story.outcome(), "(not sealed)");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
    desk.do_it(&["log", "latest"]).ended(0);
}

#[test]
fn a_pipe_among_the_runbooks_is_named_and_not_waited_for() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: 'true' }\n");
    let pipe = desk.runbooks().join("pipe.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    for words in [&["check"][..], &["check", pipe.to_str().unwrap()], &["run", "pipe"]] {
        let said = desk.do_it(words).ended(2);
        assert!(format!("{}{}", said.out, said.err).contains("not a regular file"), "{said:?}");
        assert!(!said.err.contains("did you mean"), "{said:?}");
    }
    desk.do_it(&["run", "try"]).ended(0);
}

#[test]
fn a_secret_in_a_pipe_is_not_waited_for() {
    let keys = "secrets: { KEY: { file: $WORK/pipe } }
steps:
  change: { act: Change it, run: touch $WORK/changed, env: { KEY: '{{ secrets.KEY }}' }, idempotent: true }
";
    let desk = Desk::with_runbook(keys);
    rustix::fs::mkfifoat(rustix::fs::CWD, desk.work().join("pipe"), 0o600.into()).unwrap();
    desk.do_it(&["run", "try"]).ended(1).shows("not a regular file");
    assert!(!desk.work().join("changed").exists());
    whole(&desk);
}
