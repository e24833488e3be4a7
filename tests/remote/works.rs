//! What a step does there: everything that it does here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use runbook_tests::far::Far;
use runbook_tests::processes::worded;
use runbook_tests::until::{lines_in, until};

use crate::attached::{gate, open_gate};

#[test]
fn every_kind_of_step_runs_there() {
    let far = Far::one();
    far.write(
        r#"
params: { host: { type: string, default: web1 } }
defaults: { on: "{{ params.host }}" }
steps:
  home: { verify: It arrives at home, run: pwd, expect: stdout != "", outputs: { where: stdout } }
  here: { verify: This is here, run: pwd, on: local, outputs: { where: stdout } }
  change:
    act: Change something
    unless: { run: test -e $WORK/changed }
    script: |
      read -r line
      printf '%s|%s|%s\n' "$line" "$TEXT" "$(pwd)" > $WORK/changed
    stdin: "two words\n"
    dir: /
    env: { TEXT: "it's \"$HOME\" `id` é" }
    undo: { run: rm $WORK/changed }
    attach: [{ file: $WORK/changed, tail: 5 }, { file: $WORK/changed }, { run: ls $WORK/changed }]
  again: { act: Not again, unless: { run: test -e $WORK/changed }, run: "false" }
  broken: { verify: It is broken, run: "false", on_fail: failed }
rollback: auto
"#,
    );
    far.run().ended(1);
    let story = far.desk.story();
    assert_eq!((story.settled("change"), story.settled("again")), ("passed", "passed"));
    let home = story.output("home", "where");
    assert_eq!(home.as_str(), std::env::var("HOME").ok().as_deref());
    assert_ne!(home, story.output("here", "where"));
    let kept: Vec<String> = story.of("attachment", Some("change")).map(|one| one["d"]["head"].to_string()).collect();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert!(kept[0].contains(r#"two words|it's \"$HOME\" `id` "#) && kept[0].ends_with(r#"|/\n""#), "{kept:?}");
    assert_eq!(kept[0], kept[1]);
    // The undo ran there too.
    assert!(!far.desk.work().join("changed").exists());
    far.nothing_left();
    far.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn the_example_runs_on_another_host_as_it_does_here() {
    let far = Far::one();
    let example = runbook_tests::binary::repository().join("examples/other-host.yaml");
    fs::copy(example, far.desk.runbooks().join("other-host.yaml")).unwrap();
    far.do_it(&["run", "other-host", "-p", "host=web1"]).ended(0);
    let story = far.desk.story();
    assert_eq!(story.last("attachment", Some("used"), "name").unwrap(), "on web1: tail -n 1 -- /etc/hostname");
    assert_eq!(far.host(1).wire().made(), 1);
    far.nothing_left();
}

#[test]
fn a_secret_is_in_no_list_of_processes_and_in_no_file_there() {
    let far = Far::one();
    far.write(
        r#"
secrets: { TOKEN: { env: TEST_TOKEN } }
steps:
  use:
    act: Use it
    on: web1
    script: |
      read -r input
      echo "got $input and $TOKEN"
      echo began >> $WORK/count
      cat $WORK/go
      echo "still $TOKEN" >&2
    env: { TOKEN: "{{ secrets.TOKEN }}" }
    stdin: "{{ secrets.TOKEN }}\n"
"#,
    );
    gate(far.desk.work());
    let mut command = far.command(&["run", "try"]);
    command.env("TEST_TOKEN", "hunter22-of-the-test");
    let run = runbook_tests::run::Started::from(command);
    lines_in(&far.desk.work().join("count"));
    assert_eq!(worded("hunter22-of-the-test"), [0; 0], "in the words of a process");
    let kept = far.host(1).kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    for file in fs::read_dir(&kept[0]).unwrap().map(|file| file.unwrap().path()) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let is_output = file.ends_with("out");
        assert!(is_output || !text.contains("hunter22"), "{} holds it", file.display());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", file.display());
    }
    open_gate(far.desk.work());
    run.end().ended(0);
    let story = far.desk.story();
    let printed = story.of("step.output", Some("use")).map(|one| one["d"]["head"].to_string()).collect::<String>();
    assert!(
        printed.contains("got [secret:TOKEN] and [secret:TOKEN]") && printed.contains("still [secret:TOKEN]"),
        "{printed}"
    );
    far.nothing_left();
}

#[test]
fn much_comes_over_whole_and_much_goes_there() {
    let far = Far::one();
    far.write(
        r"
steps:
  print: { verify: It prints much, on: web1, script: 'head -c 20000000 /dev/zero | tr \\0 x; echo done >&2' }
  sum: { verify: It reads much, on: web1, run: sha256sum, stdin: { step: print } }
  here: { verify: The same here, run: sha256sum, stdin: { step: print } }
  same: { verify: Both are one, expect: steps.sum.stdout == steps.here.stdout }
",
    );
    far.run().ended(0);
    let story = far.desk.story();
    assert_eq!(story.of("step.output", Some("print")).next().unwrap()["d"]["bytes"], 20_000_000);
    far.nothing_left();
}

#[test]
fn the_plan_and_the_dry_run_say_where() {
    let far = Far::one();
    far.write("steps: { a: { act: A, on: web1, run: touch $WORK/a, idempotent: true } }\n");
    far.do_it(&["run", "try", "--dry-run"]).ended(0).shows("on web1: touch");
    assert_eq!(far.host(1).wire().made(), 0, "a dry run connected");
    far.run().ended(0);
    let story = far.desk.story();
    let digest = story.last("step.intent", Some("a"), "plan").unwrap().as_str().unwrap().to_owned();
    let plan = fs::read_to_string(far.desk.runs()[0].join("blobs").join(digest)).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((plan["host"].as_str(), plan["address"].as_str()), (Some("web1"), Some(far.host(1).address().as_str())));
    assert!(plan.get("program_sha256").is_none());
}

#[test]
fn one_connection_serves_a_whole_run() {
    let far = Far::one();
    let step = |number| format!("  s{number}: {{ act: S, on: web1, run: 'true', idempotent: true }}");
    let steps: Vec<String> = (0..5).map(step).collect();
    far.write(&format!("steps:\n{}\n", steps.join("\n")));
    far.run().ended(0);
    assert_eq!(far.host(1).wire().made(), 1);
    // It ends with the run, and leaves no socket.
    until(|| {
        let left = fs::read_dir(far.desk.work()).unwrap().filter_map(Result::ok);
        let left: Vec<_> =
            left.map(|one| one.file_name()).filter(|name| name.to_string_lossy().starts_with("runbook-ssh")).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    assert_eq!(worded(&format!("{}/runbook-ssh", far.desk.work().display())), [0; 0]);
}
