//! From files to documents: what is read, and what is said where it cannot be.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use runbook_core::diagnostic::{Code, Severity};
use runbook_core::document::model::{Approve, Attach, Document, ForEachList, Setting, Stdin, Undo, Width, Work};
use runbook_core::document::{parse, parse_team};
use runbook_core::value::Value;

/// Each diagnostic as code and underlined text.
fn said(text: &str) -> Vec<(Code, String)> {
    let parsed = parse("a.yaml", text.as_bytes());
    let all = parsed.diagnostics.iter();
    all.map(|diagnostic| (diagnostic.code, parsed.source.slice(diagnostic.span).to_owned())).collect()
}

/// A file around the text of its steps.
fn file(steps: &str) -> String {
    format!("version: 1\nrunbook: a\ntitle: A\nsteps:\n{steps}")
}

fn expect(text: &str, wanted: &[(Code, &str)]) {
    let wanted: Vec<(Code, String)> = wanted.iter().map(|(code, at)| (*code, (*at).to_owned())).collect();
    let parsed = parse("a.yaml", text.as_bytes());
    assert_eq!(said(text), wanted, "{text}\n{:#?}", parsed.diagnostics);
}

fn expect_in_step(step: &str, wanted: &[(Code, &str)]) {
    expect(&file(&format!("  a: {step}\n")), wanted);
}

fn help(text: &str) -> String {
    let parsed = parse("a.yaml", text.as_bytes());
    assert_eq!(parsed.diagnostics.len(), 1, "{text}\n{:#?}", parsed.diagnostics);
    parsed.diagnostics.into_iter().next().unwrap().help.unwrap_or_default()
}

fn read(text: &str) -> Document {
    let parsed = parse("a.yaml", text.as_bytes());
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.document.unwrap()
}

fn valid(name: &str) -> Document {
    let path = format!("{}/../../tests/fixtures/valid/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "the fixtures are files")]
    let parsed = parse(&path, &std::fs::read(&path).unwrap());
    assert_eq!(parsed.diagnostics, [], "{path}");
    parsed.document.unwrap()
}

#[test]
fn the_whole_example_is_read() {
    let document = valid("dns-failover");
    let ids: Vec<&str> = document.steps.iter().map(|step| step.id.value.as_str()).collect();
    assert_eq!(ids.len(), 13);
    assert_eq!((ids.first(), ids.last()), (Some(&"active"), Some(&"need_a_person")));
    let recovers = document.steps.iter().find(|step| step.id.value.as_str() == "recovers").unwrap();
    let retry = &recovers.retry.as_ref().unwrap().value;
    assert_eq!(retry.every.as_ref().unwrap().value, Setting::Fixed(Duration::from_secs(15)));
    assert!(matches!(retry.within.as_ref().unwrap().value, Setting::Rendered(_)));
    assert!(matches!(recovers.attach.as_slice(), [Attach::File { tail: Some(50), .. }]));
    let which = document.steps.iter().find(|step| step.id.value.as_str() == "which").unwrap();
    let [case] = which.cases.as_slice() else { panic!("one case") };
    assert_eq!(case.when.value.source(), "steps.reachable.failed");
    assert!(case.then.because.is_some() && case.then.steps.len() == 1);
    assert_eq!(document.params.get("recovery_time").unwrap().default, Some(Value::Duration(Duration::from_mins(5))));
    assert_eq!(document.fallback.unwrap().value.as_str(), "need_a_person");
}

#[test]
fn every_key_of_a_file_is_read() {
    let document = valid("whole-file");
    assert_eq!((document.parallel, document.alerts.len(), document.params.len()), (4, 2, 9));
    let pass: Vec<&str> = document.defaults.pass.iter().map(|name| name.value.as_str()).collect();
    assert_eq!(pass, ["PGPASSFILE"]);
    let env: Vec<(&str, &str)> =
        document.defaults.surroundings.env.iter().map(|(name, value)| (name.as_str(), value.value.source())).collect();
    assert_eq!(env, [("LEVEL", "{{ params.level }}"), ("RETRIES", "2")]);
    assert_eq!(document.defaults.surroundings.shell.unwrap().value, ["bash", "-eu"]);
    let defaults: Vec<Option<Value>> = document.params.values().map(|param| param.default.clone()).collect();
    assert_eq!(
        defaults,
        [
            Some(Value::from("web1")),
            Some(Value::Integer(3)),
            Some(Value::Number(0.9)),
            Some(Value::Bool(true)),
            Some(Value::Duration(Duration::from_secs(5))),
            Some(Value::Timestamp("2027-03-01T09:00:00Z".parse().unwrap())),
            Some(Value::from("info")),
            Some(Value::List(vec![Value::from("/var/log"), Value::from("/tmp")])),
            Some(Value::List(vec![Value::from("safe")])),
        ]
    );
    let from = document.params.get("host").unwrap().from.as_ref().unwrap();
    assert_eq!(from.value, ["alert", "labels", "instance"]);
}

#[test]
fn every_way_of_working_is_read() {
    let ways = |name: &str| -> Vec<Option<&'static str>> {
        valid(name).steps.iter().map(|step| step.body.work.key()).collect()
    };
    let verify = ways("verify-ways");
    assert_eq!(
        verify.get(..6).unwrap(),
        [Some("run"), Some("script"), Some("http"), Some("ask"), Some("runbook"), None]
    );
    let act = ways("act-ways");
    let all = ["run", "run", "script", "http", "instruct", "wait", "wait", "template", "runbook", "run"];
    assert_eq!(act.get(..10).unwrap(), all.map(Some));
}

#[test]
fn what_stands_inside_an_act_is_read() {
    let document = valid("act-ways");
    let step = |name: &str| document.steps.iter().find(|step| step.id.value.as_str() == name).unwrap();
    let backup = step("by_script");
    assert!(
        matches!(&backup.body.surroundings.stdin.as_ref().unwrap().value, Stdin::Step(id) if id.value.as_str() == "listed")
    );
    let Approve::People(approval) = &backup.approve.as_ref().unwrap().value else { panic!("the object form") };
    assert_eq!((approval.from.len(), approval.count, approval.own, approval.signed), (2, 2, false, true));
    let Some(Undo::Body(undo)) = &backup.undo else { panic!("a body") };
    assert!(matches!(undo.value.work, Work::Run(_)));
    assert!(matches!(&step("by_words").undo, Some(Undo::Step(id)) if id.value.as_str() == "start_again"));
    assert!(step("by_words").unless.as_ref().unwrap().value.unclear.is_some());
    let Work::Template(writing) = &step("by_template").body.work else { panic!("a template") };
    assert_eq!(writing.mode, Some(0o644));
    let document = valid("verify-ways");
    let step = |name: &str| document.steps.iter().find(|step| step.id.value.as_str() == name).unwrap();
    let hosts = &step("each_host").for_each.as_ref().unwrap().value;
    assert!(matches!(&hosts.over, ForEachList::Expression(_)) && hosts.go_on && hosts.width == Width::Percent(50));
    let ports = &step("each_port").for_each.as_ref().unwrap().value;
    assert!(matches!(&ports.over, ForEachList::Items(items) if items.len() == 2) && ports.width == Width::Count(2));
}

#[test]
fn every_problem_comes_in_one_pass_with_its_bytes() {
    let text = "\
# café
version: 1
runbook: Dns_Failover
owners: sre
severity: hihg
parallel: 0
params:
  n: { type: integer, default: three }
steps:
  Shut-Down:
    act: Stop it
    run: a
    retry: { every: 5 sec }
  b:
    verify: é {{ params.n
    run: df | grep x
    approve: operator
    expect: stdout == 5
    needs: [Shut-Down, 3]
    when: é ==
  c:
    decide: Which?
    cases:
      - { when: 'steps.b.', then: 1 }
";
    expect(
        text,
        &[
            (Code::MissingKey, "version: 1"),
            (Code::BadId, "Dns_Failover"),
            (Code::UnknownKey, "owners"),
            (Code::WrongType, "hihg"),
            (Code::WrongType, "0"),
            (Code::BadParam, "three"),
            (Code::BadId, "Shut-Down"),
            (Code::MissingKey, "retry"),
            (Code::BadDuration, "5 sec"),
            (Code::TemplateSyntax, "{{"),
            (Code::ShellSyntax, "|"),
            (Code::KeyOfAnotherKind, "approve"),
            (Code::TextWithNumber, "stdout == 5"),
            (Code::BadId, "Shut-Down"),
            (Code::WrongType, "3"),
            (Code::ExpressionSyntax, "é"),
            (Code::ExpressionSyntax, ""),
            (Code::WrongType, "1"),
        ],
    );
}

#[test]
fn steps_beside_errors_are_kept_so_that_more_can_be_found() {
    let text = file(
        "  a: { verify: A, act: A, run: a }\n  b: { run: 'x | y' }\n  c: { verify: C, run: c, when: '(' }\n  D: {}\n",
    );
    let document = parse("a.yaml", text.as_bytes()).document.unwrap();
    let ids: Vec<&str> = document.steps.iter().map(|step| step.id.value.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn a_file_that_says_nothing_is_told_so() {
    for text in ["", "# only a comment\n", "---\n"] {
        let parsed = parse("a.yaml", text.as_bytes());
        assert!(parsed.document.is_none(), "{text:?}");
        assert_eq!(parsed.diagnostics.first().map(|diagnostic| diagnostic.code), Some(Code::NoSteps), "{text:?}");
    }
    expect("version: 1\nrunbook: a\ntitle: A\n", &[(Code::NoSteps, "version: 1")]);
    expect("version: 1\nrunbook: a\ntitle: A\nsteps: {}\n", &[(Code::NoSteps, "steps")]);
    expect("- a\n", &[(Code::WrongType, "- a")]);
    expect("version: 1\nrunbook: a\ntitle: A\nsteps: [{ verify: A }]\n", &[(Code::WrongType, "steps")]);
}

#[test]
fn another_version_is_not_read_halfway() {
    expect("version: 3\nrunbook: a\nnew_key: x\n", &[(Code::UnknownVersion, "3")]);
    expect(
        &file("  a: { act: A, instruct: x }\n").replace("version: 1", "version: \"1\""),
        &[(Code::WrongType, "\"1\"")],
    );
}

#[test]
fn kinds_and_ways_are_counted() {
    expect_in_step("{ run: x }", &[(Code::KindCount, "a")]);
    expect_in_step("{ verify: A, act: B, run: x }", &[(Code::KindCount, "act")]);
    expect_in_step("{ verify: A }", &[(Code::WayCount, "verify")]);
    expect_in_step("{ act: A }", &[(Code::WayCount, "act")]);
    expect_in_step("{ decide: A }", &[(Code::WayCount, "decide")]);
    expect_in_step("{ verify: A, run: x, script: y }", &[(Code::WayCount, "script")]);
    expect_in_step(
        "{ decide: A, ask: x, choices: { y: done }, cases: [{ when: true, then: done }], otherwise: done }",
        &[(Code::WayCount, "cases")],
    );
    expect_in_step("{ act: A, run: x, undo: {} }", &[(Code::MissingKey, "undo")]);
    expect_in_step("{ act: A, run: x, undo: { run: a, script: b } }", &[(Code::WayCount, "script")]);
    expect_in_step(
        "{ act: A, run: x, unless: { timeout: 1s } }",
        &[(Code::WayCount, "unless"), (Code::KeyOfAnotherKind, "timeout")],
    );
    expect_in_step("{ verify: A, outputs: { b: 1 + 1 } }", &[]);
    expect_in_step("{ escalate: A, to: sre }", &[]);
}

#[test]
fn a_key_of_another_kind_is_told_as_that() {
    expect_in_step("{ verify: A, run: x, idempotent: true }", &[(Code::KeyOfAnotherKind, "idempotent")]);
    expect_in_step("{ act: A, ask: x }", &[(Code::KeyOfAnotherKind, "ask")]);
    expect_in_step("{ verify: A, instruct: x, to: sre }", &[(Code::KeyOfAnotherKind, "instruct")]);
    expect_in_step("{ act: A, run: x, to: sre }", &[(Code::KeyOfAnotherKind, "to")]);
    expect_in_step("{ act: A, run: x, shell: sh }", &[(Code::KeyOfAnotherKind, "shell")]);
    expect_in_step("{ act: A, run: x, denied: done }", &[(Code::KeyOfAnotherKind, "denied")]);
    expect_in_step("{ escalate: A, to: b, run: x }", &[(Code::KeyOfAnotherKind, "run")]);
    let text = file("  a: { verify: A, run: x, cases: [] }\n");
    let parsed = parse("a.yaml", text.as_bytes());
    let [only] = parsed.diagnostics.as_slice() else { panic!("{:#?}", parsed.diagnostics) };
    assert_eq!((only.title.as_str(), only.label.as_str()), ("`cases` on a verify", "a key of a decide"));
}

#[test]
fn an_unknown_key_says_what_was_meant() {
    assert_eq!(help(&file("  a: { verify: A, run: x, timout: 1s }\n")), "did you mean `timeout`?");
    assert_eq!(help(&file("  a: { verify: A, run: x, depends_on: [] }\n")), "did you mean `needs`?");
    assert_eq!(help(&file("  a: { verify: A, run: x, On-Error: done }\n")), "did you mean `on_fail`?");
    assert_eq!(
        help(&file("  a: { verify: A, run: x, retry: { attempts: 2, zzz: 1 } }\n")),
        "the keys are `every`, `for`, `attempts`, `backoff`, `max` and `while`"
    );
    assert_eq!(help(&format!("{}vars: {{}}\n", file("  a: { act: A, instruct: x }\n"))), "did you mean `params`?");
}

#[test]
fn conditions_and_values_take_what_yaml_makes_of_them() {
    let document = read(&file(
        "  a:\n    verify: A\n    run: x\n    when: True\n    expect: |\n      exit_code == 0\n    outputs: { n: 5, b: false, t: stdout, z: { value: 1.5 } }\n",
    ));
    let step = document.steps.first().unwrap();
    assert_eq!(step.when.as_ref().unwrap().value.source(), "true");
    assert_eq!(step.body.expect.as_ref().unwrap().value.source(), "exit_code == 0");
    let sources: Vec<&str> = step.body.outputs.iter().map(|output| output.value.value.source()).collect();
    assert_eq!(sources, ["5", "false", "stdout", "1.5"]);
    expect_in_step("{ verify: A, run: x, when: 5 }", &[(Code::WrongType, "5")]);
    expect_in_step("{ verify: A, run: x, outputs: { b: [1] } }", &[(Code::WrongType, "b")]);
    expect_in_step("{ verify: A, run: x, when: '{{ params.b }}' }", &[(Code::ExpressionSyntax, "{{ params.b }}")]);
}

#[test]
fn expressions_and_templates_are_underlined_inside_their_text() {
    let text = file("  é:\n    verify: A\n");
    assert!(said(&text).iter().any(|(code, at)| *code == Code::BadId && at == "é"));
    expect_in_step(
        "\n    verify: A\n    run: x\n    expect: >-\n      stdout == 'é' &&\n      stdout < 5",
        &[(Code::TextWithNumber, "stdout < 5")],
    );
    expect_in_step("{ verify: A, run: \"caf\\u00e9 {{#if x}}\" }", &[(Code::BlockInTemplate, "{{#if x}}")]);
    expect_in_step("{ verify: A, run: [a, 'b {{ c'] }", &[(Code::TemplateSyntax, "{{")]);
    expect_in_step(
        "{ escalate: A, to: b, message: '{{ nothelper params.x }}' }",
        &[(Code::UnknownNameInTemplate, "{{ nothelper params.x }}")],
    );
}

#[test]
fn commands_are_words_and_scripts_are_left_alone() {
    expect_in_step("{ verify: A, run: 'cat < /etc/passwd' }", &[(Code::ShellSyntax, "<")]);
    expect_in_step("{ verify: A, run: ['', a] }", &[(Code::WrongType, "run")]);
    expect_in_step("{ verify: A, run: [] }", &[(Code::WrongType, "run")]);
    expect_in_step("{ verify: A, run: [sh, -c, 'rm {{ params.x }}'] }", &[(Code::RenderedIntoShell, "{{ params.x }}")]);
    expect_in_step("{ verify: A, script: 'ls {{ params.x }}' }", &[(Code::TemplateInScript, "{{ params.x }}")]);
    expect_in_step("{ verify: A, script: \"docker ps --format '{{ .Names }}'\" }", &[]);
    expect_in_step("{ verify: A, script: x, shell: 'bash \"' }", &[(Code::WrongType, "'bash \"'")]);
    expect_in_step("{ verify: A, script: '' }", &[(Code::WrongType, "''")]);
    let told = help(&file("  a: { verify: A, script: 'tar xf {{ params.archive }}' }\n"));
    assert_eq!(
        told,
        "give it through the environment, `env: { ARCHIVE: \"{{ params.archive }}\" }`, and read it as `\"$ARCHIVE\"`"
    );
}

#[test]
fn durations_say_their_unit() {
    expect_in_step("{ verify: A, run: x, timeout: 10 }", &[(Code::BadDuration, "10")]);
    assert_eq!(help(&file("  a: { verify: A, run: x, timeout: 10 }\n")), "write the unit: `10s`, `10m`");
    assert_eq!(help(&file("  a: { verify: A, run: x, timeout: 30 sec }\n")), "did you mean `30s`?");
    expect_in_step("{ verify: A, run: x, timeout: 0s }", &[(Code::BadDuration, "0s")]);
    expect_in_step("{ verify: A, run: x, retry: { every: 0s, attempts: 2 } }", &[]);
    expect_in_step("{ verify: A, run: x, retry: { attempts: '{{ params.n }}', for: '{{ params.d }}' } }", &[]);
    expect_in_step("{ verify: A, run: x, retry: { attempts: 0 } }", &[(Code::WrongType, "0")]);
    expect_in_step("{ verify: A, run: x, retry: { attempts: two } }", &[(Code::WrongType, "two")]);
    expect_in_step("{ verify: A, run: x, retry: { attempts: 2, backoff: 0.5 } }", &[(Code::WrongType, "0.5")]);
    expect_in_step("{ act: A, wait: tomorrow }", &[(Code::BadDuration, "tomorrow")]);
    expect_in_step("{ act: A, wait: '2027-03-01T09:00:00+01:00' }", &[]);
    expect(
        &format!("{}review: {{ by: soon }}\n", file("  a: { act: A, instruct: x }\n")),
        &[(Code::BadDuration, "soon")],
    );
    expect(
        &format!("{}review: {{ by: 2027-03-01T09:00:00Z }}\n", file("  a: { act: A, instruct: x }\n")),
        &[(Code::BadDuration, "2027-03-01T09:00:00Z")],
    );
}

#[test]
fn roads_are_steps_and_ends() {
    expect_in_step("{ verify: A, run: x, on_fail: [] }", &[(Code::WrongType, "on_fail")]);
    expect_in_step("{ verify: A, run: x, on_fail: { because: y } }", &[(Code::MissingKey, "on_fail")]);
    expect_in_step("{ verify: A, run: x, on_fail: { then: { then: b } } }", &[(Code::WrongType, "then")]);
    expect_in_step(
        "{ decide: A, ask: x }",
        &[(Code::MissingKey, "{ decide: A, ask: x }")].map(|(code, _)| (code, "a")),
    );
    let document = read(&file("  a: { verify: A, run: x, on_fail: [b, failed] }\n  b: { act: B, instruct: y }\n"));
    let road = document.steps.first().unwrap().on_fail.as_ref().unwrap();
    assert_eq!((road.steps.len(), road.failed, road.done), (1, true, false));
}

#[test]
fn params_are_held_to_their_own_types() {
    let with = |param: &str| format!("params: {{ p: {param} }}\n{}", file("  a: { act: A, instruct: x }\n"));
    let cases: &[(&str, &[(Code, &str)])] = &[
        ("{ type: integer, default: 3, min: 1 }", &[]),
        ("{ type: string, default: 1.10 }", &[]),
        ("{ type: boolean, default: True }", &[]),
        ("{ type: strng }", &[(Code::WrongType, "strng")]),
        ("{ default: 3 }", &[(Code::MissingKey, "p")]),
        ("{ type: integer, default: 0, min: 1 }", &[(Code::BadParam, "0")]),
        ("{ type: integer, min: 3, max: 2 }", &[(Code::BadParam, "2")]),
        ("{ type: string, pattern: '(' }", &[(Code::BadParam, "'('")]),
        ("{ type: string, pattern: '[a-z]+', default: web1 }", &[(Code::BadParam, "web1")]),
        ("{ type: string, min: 3 }", &[(Code::BadParam, "min")]),
        ("{ type: integer, pattern: x }", &[(Code::BadParam, "pattern")]),
        ("{ type: choice }", &[(Code::MissingKey, "p")]),
        ("{ type: choice, choices: [a, a] }", &[(Code::BadParam, "a")]),
        ("{ type: choice, choices: [a, b], default: c }", &[(Code::BadParam, "c")]),
        ("{ type: string, choices: [a] }", &[(Code::BadParam, "choices")]),
        ("{ type: list }", &[(Code::MissingKey, "p")]),
        ("{ type: list, of: list }", &[(Code::BadParam, "list")]),
        ("{ type: list, of: integer, default: [1, x, y] }", &[(Code::BadParam, "x"), (Code::BadParam, "y")]),
        ("{ type: duration, default: 5 }", &[(Code::BadParam, "5")]),
        ("{ type: string, default: }", &[(Code::BadParam, "default")]),
        ("{ type: string, from: labels.x }", &[(Code::BadParam, "labels.x")]),
        ("{ type: string, secret: true }", &[(Code::UnknownKey, "secret")]),
    ];
    for (param, wanted) in cases {
        expect(&with(param), wanted);
    }
}

#[test]
fn alerts_secrets_and_surroundings_are_checked() {
    let with = |head: &str| format!("{head}\n{}", file("  a: { act: A, instruct: x }\n"));
    expect(&with("alerts: [A, { alertname: B, x: '~y.*' }]"), &[(Code::BadMatcher, "'~y.*'")]);
    expect(&with("alerts: [{}]"), &[(Code::BadMatcher, "{}")]);
    expect(&with("alerts: { x: '=~(' }"), &[(Code::BadMatcher, "'=~('")]);
    expect(&with("secrets: { A: hunter2 }"), &[(Code::WrongType, "hunter2")]);
    expect(&with("secrets: { A: { env: B, file: c } }"), &[(Code::KeyOfAnotherKind, "file")]);
    expect(&with("secrets: { A: {} }"), &[(Code::MissingKey, "A")]);
    expect(&with("secrets: { a-b: { env: B } }"), &[(Code::BadId, "a-b")]);
    expect(&with("defaults: { env: { 1A: x, B: } }"), &[(Code::BadId, "1A")]);
    expect_in_step("{ verify: A, run: x, env: { B: } }", &[(Code::WrongType, "B")]);
}

#[test]
fn what_the_scan_refused_is_said_once() {
    let text = file("  a: { verify: &x A, run: *x, when: !t b, needs: [*x] }\n");
    assert!(
        said(&text).iter().all(|(code, _)| *code == Code::AnchorAliasTag || *code == Code::TrapExclamation),
        "{:?}",
        said(&text)
    );
}

#[test]
fn a_team_is_read() {
    let text = include_bytes!("../../../tests/fixtures/valid/team.yaml");
    let parsed = parse_team("team.yaml", text);
    assert_eq!(parsed.diagnostics, []);
    let team = parsed.document.unwrap();
    assert_eq!((team.people.len(), team.teams.len(), team.channels.len(), team.hosts.len()), (2, 3, 6, 2));
    assert_eq!(team.hours.get("business").unwrap().days.len(), 5);
    assert_eq!(team.hours.get("night").unwrap().days.len(), 6);
    let kinds: Vec<&str> = team.channels.values().map(|channel| channel.kind.key()).collect();
    assert_eq!(kinds, ["slack", "pagerduty", "email", "webhook", "command", "command"]);
    assert!(parse_team("team.yaml", b"").document.is_some_and(|team| team.people.is_empty()));
}

#[test]
fn a_team_that_is_wrong_is_told_all_of_it() {
    let text = "\
people:
  a b: { name: x }
  c: { team: sres, notify: pagr }
teams:
  sre: { members: [c], on_call: d, notify: [pager] }
channels:
  pager: { command: [notify-send] }
  two: { command: x, email: { to: x } }
hosts: { h: http://x, i: 'ssh://-oProxyCommand=x' }
hours: { n: { days: mon-fry, from: 9:00, to: 24:00, zone: Mars/Olympus } }
policy: { override: never, zzz: 1 }
";
    let parsed = parse_team("team.yaml", text.as_bytes());
    let told: Vec<(Code, &str)> =
        parsed.diagnostics.iter().map(|one| (one.code, parsed.source.slice(one.span))).collect();
    assert_eq!(
        told,
        [
            (Code::BadId, "a b"),
            (Code::MissingKey, "c"),
            (Code::KeyOfAnotherKind, "email"),
            (Code::WrongType, "http://x"),
            (Code::WrongType, "'ssh://-oProxyCommand=x'"),
            (Code::BadDuration, "mon-fry"),
            (Code::BadDuration, "9:00"),
            (Code::BadDuration, "24:00"),
            (Code::BadDuration, "Mars/Olympus"),
            (Code::WrongType, "never"),
            (Code::UnknownKey, "zzz"),
        ],
        "{:#?}",
        parsed.diagnostics
    );
}

#[test]
fn no_key_of_a_step_takes_a_value_of_every_shape() {
    // Every key of a step with a value of every wrong shape: nothing panics, and each is said to be an error.
    let step = runbook_core::document::shape::RUNBOOK_MAPPINGS.iter().find(|mapping| mapping.name == "step").unwrap();
    for key in step.keys() {
        for value in ["[[]]", "{ zzz: { zzz: [] } }", "", "1e400", "'{{'", "-1"] {
            // Plain text is not compiled.
            if value == "'{{'" && ["script", "description", "to"].contains(&key.name) {
                continue;
            }
            let kind = key.kinds.first().map_or("act", |kind| kind.key());
            let rest = if kind == key.name { String::new() } else { format!("{kind}: A, ") };
            let text = file(&format!("  a: {{ {rest}{}: {value} }}\n", key.name));
            let parsed = parse("a.yaml", text.as_bytes());
            let errors = parsed.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
            assert!(errors > 0, "{text}");
        }
    }
}

#[test]
fn ten_thousand_steps_are_read_at_once() {
    let mut text = file("");
    for number in 0..10_000 {
        let _ = write!(
            text,
            "  s{number}:\n    verify: Step {number} of {{{{ params.n }}}}\n    run: check -n {number} {{{{ params.n }}}}\n    expect: stdout == \"ok\"\n    timeout: 10s\n",
        );
    }
    #[expect(clippy::disallowed_methods, reason = "the test is about time")]
    let begun = std::time::Instant::now();
    let parsed = parse("a.yaml", text.as_bytes());
    #[expect(clippy::disallowed_methods, reason = "the test is about time")]
    let taken = begun.elapsed();
    assert_eq!(parsed.document.unwrap().steps.len(), 10_000);
    // Ten times what it takes in a debug build: what this guards against is a square of the steps.
    assert!(taken < Duration::from_secs(20), "{taken:?}");
}

/// Files that are right, to be made wrong.
const RIGHT: [&str; 5] = [
    include_str!("../../../tests/fixtures/valid/dns-failover.yaml"),
    include_str!("../../../tests/fixtures/valid/whole-file.yaml"),
    include_str!("../../../tests/fixtures/valid/verify-ways.yaml"),
    include_str!("../../../tests/fixtures/valid/act-ways.yaml"),
    include_str!("../../../tests/fixtures/valid/team.yaml"),
];

/// What is put in somewhere.
const PIECES: [&str; 16] =
    ["", " ", "\n", "\t", "é", "[", "}", ": ", "- ", "{{", "}}", "\"", "'", "-9e999", "null", "needs: ["];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_it_panic_and_every_place_is_in_the_file(
        file in 0..RIGHT.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, 0..PIECES.len()), 1..5),
    ) {
        let mut text = RIGHT.get(file).copied().unwrap_or_default().to_owned();
        for (at, length, piece) in changes {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, PIECES.get(piece).copied().unwrap_or_default());
        }
        let runbook = parse("a.yaml", text.as_bytes());
        let team = parse_team("team.yaml", text.as_bytes());
        for (diagnostics, source) in [(&runbook.diagnostics, &runbook.source), (&team.diagnostics, &team.source)] {
            for diagnostic in diagnostics {
                prop_assert!(diagnostic.span.end <= source.text().len(), "{diagnostic:?}\n{text}");
                prop_assert!(!diagnostic.title.is_empty() && !diagnostic.title.contains('\n'), "{diagnostic:?}\n{text}");
            }
        }
        // What is right by both readers and the decoder is a document.
        if !runbook.has_errors() {
            prop_assert!(runbook.document.is_some(), "{text}");
        }
    }
}
