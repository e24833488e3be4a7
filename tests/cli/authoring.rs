//! What an author uses: `new`, `schema`, `graph`, `completions`, `--help`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runbook_tests::binary::{repository, runbook};
use runbook_tests::desk::Desk;
use runbook_tests::markup::elements;
use runbook_tests::run::Started;
use serde_json::Value;

/// Titles, ids and conditions that are something else to every format.
const ODD: &str = r#"
params: { limit: { type: integer, default: 3 } }
steps:
  look: { verify: 'It <b>"looks"</b> & says `#1` \ {{ params.limit }}', run: 'true', outputs: { what: stdout } }
  which:
    decide: Is one < two; or %% not?
    cases: [{ when: 'steps.look.outputs.what == "a|b"', then: change, because: so }]
    otherwise: done
  change: { act: Change it, run: 'true', destructive: true, approve: operator, denied: tell }
  tell: { escalate: 'Ünïcode 日本語', to: ops, handover: true }
  tidy: { act: Tidy up, run: 'true', idempotent: true }
fallback: tell
finally: [tidy]
"#;

/// The yaml files of a folder that are runbooks.
fn runbooks(folder: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = all
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .filter(|path| path.file_name().is_some_and(|name| name != "team.yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn a_new_runbook_checks_runs_dry_and_is_not_written_over() {
    let desk = Desk::new();
    let said = desk.do_it(&["new", "disk-full", "--title", "A \"disk\": full # or so", "--owner", "ops"]).ended(0);
    desk.do_it(&["check", "--deny", "warnings"]).ended(0).shows("no errors, no warnings");
    desk.do_it(&["run", "disk-full", "--dry-run"]).ended(0);
    // What it says to do next works where it is pasted.
    for verb in ["check", "run"] {
        runbook_tests::run::paste(&said.command(verb)).ended(0);
    }
    let path = desk.runbooks().join("disk-full.yaml");
    let written = fs::read_to_string(&path).unwrap();
    desk.do_it(&["new", "disk-full"]).ended(2).complains("is there already");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    desk.do_it(&["new", "Disk Full"]).ended(2);
    desk.do_it(&["new", "../elsewhere"]).ended(2);
    assert_eq!(fs::read_dir(desk.runbooks()).unwrap().count(), 2);
}

#[test]
fn the_schemas_printed_are_those_of_the_repository() {
    let desk = Desk::new();
    for (words, file) in
        [(vec!["schema"], "runbook"), (vec!["schema", "runbook"], "runbook"), (vec!["schema", "team"], "team")]
    {
        let kept = fs::read_to_string(repository().join(format!("schemas/{file}.schema.json"))).unwrap();
        assert!(desk.do_it(&words).ended(0).out == kept, "{words:?} is not schemas/{file}.schema.json");
    }
}

/// The schema that an editor would load for a file: the one its first line names.
fn schema_named(path: &Path) -> PathBuf {
    let text = fs::read_to_string(path).unwrap();
    let named = text.lines().find_map(|line| line.strip_prefix("# yaml-language-server: $schema="));
    path.parent().unwrap().join(named.unwrap_or_else(|| unreachable!("{} names no schema", path.display())))
}

#[test]
fn every_runbook_names_a_schema_that_it_satisfies() {
    let mut files = runbooks("runbooks");
    files.extend(runbooks("examples"));
    let count = files.len();
    files.extend(["runbooks/team.yaml", "examples/team.yaml"].map(|path| repository().join(path)));
    assert!(count > 15, "only {count} runbooks");
    for path in files {
        let mut schemas = boon::Schemas::new();
        let schema = schema_named(&path).canonicalize().unwrap();
        let schema = boon::Compiler::new().compile(schema.to_str().unwrap(), &mut schemas).unwrap();
        let value: Value = serde_yaml::from_slice(&fs::read(&path).unwrap()).unwrap();
        if let Err(error) = schemas.validate(&value, schema) {
            unreachable!("{}: {error:#}", path.display());
        }
    }
}

#[test]
fn an_editor_finds_every_mistake_that_a_schema_can_tell() {
    /// What the shape of a file shows, without looking from one place of it to another.
    const OF_SHAPE: [&str; 9] =
        ["rb0106", "rb0107", "rb0109", "rb0111", "rb0112", "rb0113", "rb0115", "rb0118", "rb0144"];
    let mut schemas = boon::Schemas::new();
    let file = repository().join("schemas/runbook.schema.json");
    let schema = boon::Compiler::new().compile(file.to_str().unwrap(), &mut schemas).unwrap();
    let (mut found, mut unseen) = (BTreeSet::new(), Vec::new());
    for path in runbooks("tests/fixtures/invalid") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let code = name.get(..6).unwrap();
        if !OF_SHAPE.contains(&code) {
            continue;
        }
        let value: Value = serde_yaml::from_slice(&fs::read(&path).unwrap()).unwrap();
        if schemas.validate(&value, schema).is_ok() {
            unseen.push(name.clone());
        }
        found.insert(code.to_owned());
    }
    assert_eq!(unseen, [""; 0], "an editor would not see what is wrong with these");
    assert_eq!(found.len(), OF_SHAPE.len(), "{found:?}");
}

#[test]
fn a_graph_is_right_in_every_format() {
    let desk = Desk::with_runbook(ODD);
    let draw = |format: &str| desk.do_it(&["graph", "try", "--format", format]).ended(0).out;
    let ids = ["look", "which", "change", "tell", "tidy"];

    let svg = draw("svg");
    let found = elements(&svg).unwrap_or_else(|why| unreachable!("{why}\n{svg}"));
    assert_eq!(found[0], "svg");
    assert!(svg.contains("It &lt;b&gt;&quot;looks&quot;&lt;/b&gt; &amp; says"), "{svg}");
    assert!(!found.iter().any(|name| name == "b" || name == "script"));

    let dot = draw("dot");
    for line in dot.lines().filter(|line| line.contains("label=")) {
        let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        assert_eq!(quotes % 2, 0, "a quote is left open: {line}");
    }
    if let Ok(mut graphviz) = Command::new("dot").args(["-Tcanon"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    {
        std::io::Write::write_all(&mut graphviz.stdin.take().unwrap(), dot.as_bytes()).unwrap();
        assert!(graphviz.wait_with_output().unwrap().status.success(), "{dot}");
    }

    let mermaid = draw("mermaid");
    let (head, body) = mermaid.split_once("flowchart TD\n").unwrap();
    assert!(head.starts_with("---\ntitle: ") && head.ends_with("---\n"), "{head}");
    for line in body.lines() {
        // A text stands between two quotes, with nothing in it that ends it or is markup.
        let quotes = line.matches('"').count();
        assert!(quotes == 2 || (quotes == 0 && line.contains("-->")), "{line}");
        let text = line.split('"').nth(1).unwrap_or_default().replace("<br/>", "");
        assert!(!text.contains(['<', '>', '`']), "{line}");
    }
    for picture in [&svg, &dot, &mermaid] {
        for id in ids {
            assert!(picture.contains(&format!("({id})")), "{id} is not in {picture}");
        }
        assert!(picture.contains("日本語") && picture.contains("denied") && picture.contains("finally"), "{picture}");
    }
}

#[test]
fn the_pictures_of_the_shops_runbook_are_right() {
    let desk = Desk::with("runbooks");
    let svg = desk.do_it(&["graph", "dns-failover", "--format", "svg"]).ended(0).out;
    let found = elements(&svg).unwrap_or_else(|why| unreachable!("{why}\n{svg}"));
    assert!(found.iter().filter(|name| *name == "path").count() > 15);
    // The same on every machine, and every time.
    assert_eq!(desk.do_it(&["graph", "dns-failover", "--format", "svg"]).ended(0).out, svg);
}

/// Gives a script to a shell's standard input.
fn shell(name: &str, words: &[&str], script: &str) -> runbook_tests::run::Said {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), script).unwrap();
    let mut command = Command::new(name);
    command.args(words).arg(file.path()).stdin(Stdio::null()).current_dir("/");
    Started::from(command).end()
}

#[test]
fn completions_complete_verbs_and_runbooks() {
    let desk = Desk::with_runbook(ODD);
    let script = |of: &str| desk.do_it(&["completions", of]).ended(0).out;
    let bash = script("bash");
    shell("bash", &["-n"], &bash).ended(0);
    // As bash does when somebody presses Tab: it calls the function with the words so far.
    let press = |words: &str, last: usize| {
        let (dir, store) = (desk.runbooks().display().to_string(), desk.store().display().to_string());
        let tab = format!(
            "export RUNBOOK_DIR='{dir}' RUNBOOK_STORE='{store}'\n{bash}\nCOMP_WORDS=({words})\nCOMP_CWORD={last}\nCOMP_TYPE=9\n\
             \"$(complete -p runbook | sed 's/.*-F \\([^ ]*\\).*/\\1/')\" runbook\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        let said = shell("bash", &[], &tab).ended(0);
        let words = said.out.split_whitespace().filter(|word| !word.starts_with("--"));
        words.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    assert!(press("runbook res", 1).contains("resume"));
    assert_eq!(press("runbook run t", 2), BTreeSet::from(["try".to_owned()]));
    // A path stands in them: they call the program that printed them.
    for of in ["bash", "zsh", "fish"] {
        assert!(script(of).contains(runbook().unwrap().to_str().unwrap()), "{of}");
    }
    for of in ["zsh", "fish"] {
        if Command::new(of).arg("--version").stdout(Stdio::null()).status().is_ok() {
            shell(of, &["-n"], &script(of)).ended(0);
        }
    }
    desk.do_it(&["completions", "csh"]).ended(2);
}

#[test]
fn help_stands_in_four_groups_and_fits_a_terminal() {
    let desk = Desk::new();
    let help = desk.do_it(&["--help"]).ended(0).out;
    let places: Vec<usize> = ["\nOperate:\n", "\nAuthor:\n", "\nAudit:\n", "\nOther:\n"]
        .iter()
        .filter_map(|group| help.find(group))
        .collect();
    assert!(places.len() == 4 && places.is_sorted(), "{help}");
    // Every verb it names has a page of its own with an example.
    let verbs = help.lines().filter_map(|line| line.strip_prefix("  ")).filter_map(|line| line.split(' ').next());
    let verbs: Vec<&str> =
        verbs.filter(|verb| !verb.is_empty() && verb.chars().all(|one| one.is_ascii_lowercase())).collect();
    assert!(verbs.len() >= 20, "{verbs:?}");
    for verb in verbs.into_iter().filter(|verb| !["help", "audit", "store"].contains(verb)) {
        let page = desk.do_it(&["help", verb]).ended(0).out;
        assert!(page.contains("Examples:\n  runbook "), "{verb}: {page}");
    }
}

#[test]
fn what_a_wrong_runbook_says_to_read_can_be_read() {
    let desk = Desk::with_runbook("steps:\n  a: { verify: It works, run: 'true', neds: b }\n");
    let said = desk.do_it(&["run", "try"]).ended(2);
    let command = said.command("explain");
    let (command, _) = command.split_once('`').unwrap();
    assert!(command.ends_with("explain RB0106"), "{command}");
    runbook_tests::run::paste(command).ended(0).shows("# RB0106");
}

#[test]
fn where_there_is_nothing_yet_new_begins_a_team_too() {
    let desk = Desk::new();
    std::fs::remove_dir_all(desk.runbooks()).unwrap();
    desk.do_it(&["new", "disk-full", "--owner", "night_shift"]).ended(0).shows("team.yaml");
    desk.do_it(&["check", "--deny", "warnings"]).ended(0);
}
