//! A dry run starts no program and says what would be done, on both sides of each fork.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use runbook_core::check::{Beside, Facts, load_team, load_whole};
use runbook_core::document::model::Kind;
use runbook_core::graph::roads_of;
use runbook_core::id::RunbookName;
use runbook_core::plan::Plan;
use runbook_tests::binary::{repository, runbook};
use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};

/// The folders of runbooks that are shipped.
const FOLDERS: [&str; 2] = ["runbooks", "examples"];

/// The names of the runbooks of a folder.
fn names(folder: &str) -> Vec<String> {
    let files = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut names: Vec<String> = yaml.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "team" && !name.contains('.'));
    names.sort();
    names
}

fn plan(folder: &str, name: &str) -> Plan {
    let read = |name: &str| fs::read(repository().join(folder).join(format!("{name}.yaml"))).unwrap();
    let team = load_team("team.yaml", &read("team")).team.unwrap_or_default();
    let mut beside = |name: &RunbookName| Beside::File { name: format!("{name}.yaml"), bytes: read(name.as_str()) };
    let file = format!("{name}.yaml");
    let loaded = load_whole(&file, &read(name), Some(&team), &Facts::default(), &mut beside).runbook;
    loaded.plan.unwrap_or_else(|| unreachable!("{name}: {:#?}", loaded.diagnostics))
}

/// A value for each param that must be given.
fn params(plan: &Plan, desk: &Desk) -> Vec<String> {
    let needed = plan.document().params.iter().filter(|(_, param)| param.default.is_none());
    needed.map(|(name, _)| format!("{name}={}", desk.work().display())).collect()
}

/// A dry run under `strace`, and every program that was executed by it or below it.
fn executed(desk: &Desk, words: &[&str]) -> (Said, Vec<String>) {
    runbook_tests::programs::ready();
    let trace = desk.work().join("trace");
    let asked = desk.command(words);
    let mut command = Command::new("strace");
    command.args(["--follow-forks", "--quiet=all", "-e", "trace=execve,execveat", "-e", "signal=none", "-o"]);
    command.arg(&trace).arg(asked.get_program()).args(asked.get_args()).stdin(std::process::Stdio::null());
    command.current_dir(repository());
    for (name, value) in asked.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let said = Started::from(command).end();
    let traced = fs::read_to_string(trace).unwrap();
    (said, traced.lines().filter(|line| line.contains("exec")).map(str::to_owned).collect())
}

#[test]
fn a_dry_run_of_every_runbook_executes_no_program() {
    let own = format!("execve(\"{}\"", runbook().unwrap().display());
    for folder in FOLDERS {
        for name in names(folder) {
            let desk = Desk::with(folder);
            let params = params(&plan(folder, &name), &desk);
            let options = params.iter().flat_map(|param| ["-p", param.as_str()]);
            let words: Vec<&str> = ["run", &name, "--dry-run"].into_iter().chain(options).collect();
            let (said, executed) = executed(&desk, &words);
            said.ended(0);
            assert_eq!(executed.len(), 1, "{name}: {executed:#?}");
            assert!(executed[0].contains(&own), "{name}: {executed:#?}");
        }
    }
}

#[test]
fn strace_sees_what_a_real_run_executes() {
    // Without this the test above would pass where strace sees nothing at all.
    let desk = Desk::with_runbook("steps:\n  look: { verify: It is there, run: 'true' }\n");
    let (said, executed) = executed(&desk, &["run", "try"]);
    said.ended(0);
    assert!(executed.iter().any(|line| line.contains("/true\"")), "{executed:#?}");
    let (said, executed) = self::executed(&desk, &["run", "try", "--dry-run", "--probe"]);
    said.ended(0);
    assert!(executed.iter().any(|line| line.contains("/true\"")), "{executed:#?}");
}

/// What was printed about one step, from its line to that of the next.
fn about<'a>(out: &'a str, id: &str) -> &'a str {
    let mark = format!("({id})");
    let at = out.find(&mark);
    assert!(at.is_some(), "{id} is not in\n{out}");
    let rest = out.get(at.unwrap_or_default()..).unwrap_or_default();
    rest.split("\n[").next().unwrap_or_default()
}

#[test]
fn a_dry_run_names_both_sides_of_each_fork() {
    let mut forks = 0;
    for folder in FOLDERS {
        for name in names(folder) {
            let plan = plan(folder, &name);
            let desk = Desk::with(folder);
            let params = params(&plan, &desk);
            let options = params.iter().flat_map(|param| ["-p", param.as_str()]);
            let words: Vec<&str> = ["run", &name, "--dry-run"].into_iter().chain(options).collect();
            let said = desk.do_it(&words).ended(0);
            let story = desk.story();
            for step in &plan.document().steps {
                let id = step.id.value.as_str();
                // Every step is told of, whichever way it would go.
                let told = about(&said.out, id);
                let is_open = story.last("decision", Some(id), "branch").is_some_and(|branch| branch == "undecided");
                if step.kind.value != Kind::Decide || !is_open {
                    continue;
                }
                forks += 1;
                let taken = story.last("decision", Some(id), "to").unwrap();
                let roads = roads_of(step);
                let sides: BTreeSet<&str> =
                    roads.iter().flat_map(|(_, target)| &target.steps).map(|side| side.value.as_str()).collect();
                for side in sides {
                    assert!(told.contains(&format!("→ {side}")), "{name}: {id} does not name {side}:\n{told}");
                    assert!(taken.as_array().unwrap().iter().any(|to| to == side), "{name}: {id}: {side}, {taken}");
                }
            }
        }
    }
    assert!(forks >= 4, "only {forks} forks were looked at");
}

#[test]
fn a_dry_run_is_marked_and_never_gone_on_with() {
    let desk = Desk::with_runbook("steps:\n  change: { act: Change it, run: touch $WORK/changed }\n");
    desk.do_it(&["run", "try", "--dry-run"]).ended(0).shows("would run  $ touch");
    assert!(!desk.work().join("changed").exists());
    assert_eq!(desk.story().last("run.started", None, "mode").unwrap(), "dry");
    desk.do_it(&["resume", "latest"]).ended(2);
    assert!(!desk.work().join("changed").exists());
    desk.do_it(&["runs"]).ended(0).shows("(dry run)");
}

#[test]
fn a_dry_run_tells_nobody_and_reads_no_secret() {
    let desk = Desk::with_runbook(
        "secrets: { KEY: { command: [touch, $WORK/read] } }
steps:
  change: { act: Change it, run: 'true', env: { KEY: '{{ secrets.KEY }}' }, idempotent: true }
  tell: { escalate: It was changed, to: ops }
",
    );
    desk.do_it(&["run", "try", "--dry-run"]).ended(0).shows("would tell  ops");
    assert_eq!(fs::read_dir(desk.work()).unwrap().count(), 0);
}
