//! A drill looks for real and does nothing else.

use std::fs;

use runbook_tests::desk::Desk;
use runbook_tests::story::Story;

const GOOD: &str = "
review: { drill_every: 30d }
steps:
  look: { verify: It is there, run: touch $WORK/looked, outputs: { server: '\"dns1\"' } }
  sure: { verify: Somebody is sure, ask: Are you? }
  stop: { act: Stop it, run: touch $WORK/acted, idempotent: true }
  tell: { escalate: It is stopped, to: ops }
";

const BAD: &str = "
params: { name: { type: string } }
steps:
  there: { verify: It is there, run: 'true' }
  answers: { verify: It answers, run: 'test {{ params.name }} = right', on_fail: [mend, failed] }
  tool: { verify: The tool is there, run: no-such-tool, needs: [], on_fail: mend }
  mend: { act: Mend it, run: touch $WORK/mended, idempotent: true }
";

fn desk() -> Desk {
    let desk = Desk::with_runbook(GOOD);
    desk.write("bad", BAD);
    desk
}

fn untouched(desk: &Desk) {
    for file in ["acted", "mended", "told"] {
        assert!(!desk.work().join(file).exists(), "{file}");
    }
}

#[test]
fn what_looks_runs_and_nothing_else() {
    let desk = desk();
    let said = desk.do_it(&["drill", "try"]).ended(0).shows("drill: verify steps run for real").shows("would run");
    assert!(said.out.contains("passed  try  1 passed, 3 withheld"), "{}", said.out);
    assert!(desk.work().join("looked").exists());
    untouched(&desk);
    let story = Story::of_run(&desk.runs()[0]);
    assert_eq!(story.entries()[0]["d"]["mode"], "drill");
    assert_eq!(story.of("step.intent", Some("stop")).count(), 0);
    desk.do_it(&["runs"]).ended(0).shows("(drill)");
    desk.do_it(&["audit", "verify", story.entries()[0]["run"].as_str().unwrap()]).ended(0);
}

#[test]
fn each_of_several_has_its_line_and_one_that_fails_is_said() {
    let desk = desk();
    let said = desk.do_it(&["drill", "try", "bad", "-p", "name=wrong"]).ended(1);
    assert!(said.out.contains("passed  try  1 passed, 3 withheld\n"), "{}", said.out);
    assert!(said.out.contains("failed  bad  1 passed, 1 failed, 1 unknown"), "{}", said.out);
    assert!(said.out.contains("  failed  answers"), "{}", said.out);
    assert!(said.out.contains("  unknown  tool"), "{}", said.out);
    assert!(!said.out.contains("would run"), "{}", said.out);
    assert_eq!(desk.runs().len(), 2);
    untouched(&desk);
}

#[test]
fn the_same_for_a_machine() {
    let desk = desk();
    let said = desk.do_it(&["drill", "--json", "bad", "try", "-p", "name=right"]).ended(1);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["drills"].as_array().unwrap().len(), 2, "{json}");
    let (bad, good) = (&json["drills"][0], &json["drills"][1]);
    assert_eq!((&bad["runbook"], &bad["result"], &bad["passed"]), (&"bad".into(), &"failed".into(), &2.into()));
    assert_eq!(bad["problems"][0]["step"], "tool");
    assert_eq!(bad["problems"][0]["outcome"], "unknown");
    assert_eq!(
        (&good["result"], &good["withheld"], &good["problems"]),
        (&"passed".into(), &3.into(), &serde_json::json!([]))
    );
    assert!(desk.store().join("runs").join(good["run"].as_str().unwrap()).is_dir());
}

#[test]
fn what_cannot_be_drilled_keeps_no_other_from_it() {
    let desk = desk();
    let said = desk.do_it(&["drill", "bad", "try"]).ended(1);
    assert!(said.out.contains("not drilled  bad") && said.out.contains("\"name\" must be given"), "{}", said.out);
    assert!(said.out.contains("passed  try"), "{}", said.out);
    desk.do_it(&["drill", "try", "gone"]).ended(2).complains("there is no runbook \"gone\"");
    desk.do_it(&["drill", "try", "-p", "nmae=x"]).ended(2).complains("none of these runbooks has a param");
    assert_eq!(desk.runs().len(), 1, "a mistake on the line starts none of them");
    desk.do_it(&["resume", "latest"]).ended(2);
}

#[test]
fn a_drill_that_is_due_is_asked_for_until_it_was_held() {
    let desk = desk();
    desk.do_it(&["check"]).ended(0);
    desk.do_it(&["run", "bad", "--dry-run", "-p", "name=x"]).ended(0);
    let check = |desk: &Desk| {
        let said = desk.do_it(&["check"]).ended(0);
        said.out + &said.err
    };
    assert!(check(&desk).contains("this runbook was never drilled"));
    desk.do_it(&["run", "try", "--dry-run"]).ended(0).complains("never drilled");
    desk.do_it(&["drill", "try"]).ended(0);
    assert!(!check(&desk).contains("drilled"));
    // As it would be a month later.
    let path = desk.runbooks().join("try.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("drill_every: 30d", "drill_every: 1ms")).unwrap();
    let said = check(&desk);
    assert!(!said.contains("never drilled"), "{said}");
}
