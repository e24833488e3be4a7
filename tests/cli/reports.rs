//! What can be asked about runs: which one is meant, the log in its formats, and the store they are kept in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use runbook_tests::desk::Desk;
use runbook_tests::markup::elements;

const LOOK: &str = "steps:\n  look: { verify: It works, run: 'true' }\n";

/// The id of the newest run, as `runs` lists it.
fn newest(desk: &Desk) -> String {
    let runs: serde_json::Value = serde_json::from_str(&desk.do_it(&["runs", "--json"]).ended(0).out).unwrap();
    runs["runs"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_named_by_its_id_a_beginning_of_it_or_latest() {
    let desk = Desk::with_runbook(LOOK);
    desk.write("other", LOOK);
    desk.do_it(&["run", "try"]).ended(0);
    let first = newest(&desk);
    desk.do_it(&["run", "other"]).ended(0);
    let second = newest(&desk);
    assert!(first.contains("-try-") && second.contains("-other-"), "{first} {second}");
    for words in [&["show"][..], &["log"], &["audit", "verify"]] {
        let ask = |run: &str| desk.do_it(&words.iter().copied().chain([run]).collect::<Vec<_>>());
        let whole = ask(&first).ended(0);
        assert!(whole.out.contains(&first), "{}", whole.out);
        assert_eq!(ask(first.get(..first.len() - 2).unwrap()).ended(0).out, whole.out);
        assert!(ask("latest").ended(0).out.contains(&second));
        // One begins as both do; another as none does.
        let both = ask("2").ended(2).complains(&first).complains(&second);
        assert!(both.err.contains("2 runs begin with \"2\""), "{}", both.err);
        ask("19990101-0000-nothing").ended(2).complains("no run is called").complains("runs");
    }
    desk.do_it(&["show", "nothing"]).ended(2).complains("nothing");
}

#[test]
fn runs_of_one_minute_are_told_in_the_order_they_started() {
    let desk = Desk::with_runbook(LOOK);
    let mut started: Vec<String> = Vec::new();
    for _ in 0..6 {
        desk.do_it(&["run", "try"]).ended(0);
        let latest = desk.do_it(&["show", "latest", "--json"]).ended(0).out;
        let latest: serde_json::Value = serde_json::from_str(&latest).unwrap();
        let latest = latest["run"].as_str().unwrap().to_owned();
        // The one that was just started is the latest, and the first of the list.
        assert!(!started.contains(&latest), "{latest} is not the latest: {started:?}");
        assert_eq!(newest(&desk), latest);
        started.push(latest);
    }
    let runs: serde_json::Value = serde_json::from_str(&desk.do_it(&["runs", "--json"]).ended(0).out).unwrap();
    let listed: Vec<&str> = runs["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(listed, started.iter().rev().map(String::as_str).collect::<Vec<_>>());
    let list: serde_json::Value = serde_json::from_str(&desk.do_it(&["list", "--json"]).ended(0).out).unwrap();
    assert_eq!(list["runbooks"][0]["last_run"]["id"], started.last().unwrap().as_str());
}

#[test]
fn without_a_run_the_answer_says_so() {
    let desk = Desk::with_runbook(LOOK);
    for words in [&["log"][..], &["show", "latest"], &["audit", "verify"]] {
        desk.do_it(words).ended(2).complains("store");
    }
    desk.do_it(&["runs"]).ended(0).shows("there is no run yet");
    desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    desk.do_it(&["runs", "other"]).ended(0).shows("there is no run");
}

/// Output and texts that would be something else to a page.
const HOSTILE: &str = r#"
steps:
  look:
    verify: Is <i>it</i> "there" & well?
    script: |
      printf '<script>alert(1)</script>\n"><img src=x onerror=alert(2)>\n&amp;</code></li>\033[2J\n'
      exit 1
    on_fail: [tell, failed]
  tell: { escalate: '<h1>Help</h1>', to: ops, needs: [], message: '</main><style>* { display: none }</style>{{ steps.look.stdout }}' }
"#;

#[test]
fn a_page_needs_nothing_beside_it_and_holds_nothing_but_text() {
    let desk = Desk::with_runbook(HOSTILE);
    desk.do_it(&["run", "try"]).ended(1);
    let html = desk.do_it(&["log", "--format", "html"]).ended(0).out;
    let found = elements(&html).unwrap_or_else(|why| unreachable!("{why}\n{html}"));
    for name in ["script", "img", "h1", "style", "main", "i", "link", "iframe"] {
        let count = found.iter().filter(|one| *one == name).count();
        let own = usize::from(["h1", "style", "main"].contains(&name));
        assert_eq!(count, own, "<{name}> stands {count} times in\n{html}");
    }
    for foreign in ["src=", "href=", "url(", "@import", "\u{1b}"] {
        assert!(
            !html.replace("&lt;img src=x", "").replace("&lt;img src&#x3D;x", "").contains(foreign),
            "{foreign} in\n{html}"
        );
    }
    for wanted in [
        "<meta name=\"viewport\"",
        "Content-Security-Policy",
        "default-src 'none'",
        "@media print",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;h1&gt;Help&lt;/h1&gt;",
    ] {
        assert!(html.contains(wanted), "{wanted} is not in\n{html}");
    }
}

#[test]
fn a_log_tells_the_same_in_each_format() {
    let desk = Desk::with_runbook(HOSTILE);
    desk.do_it(&["run", "try"]).ended(1);
    let id = newest(&desk);
    for format in ["markdown", "html", "json"] {
        let log = desk.do_it(&["log", &id, "--format", format]).ended(0).out;
        assert!(log.contains(&id) && log.contains("failed") && log.ends_with('\n'), "{log}");
        assert!(!log.contains('\u{1b}'), "{log}");
    }
    desk.do_it(&["log", "--format", "pdf"]).ended(2).complains("markdown");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn an_empty_folder_becomes_a_store_and_another_one_does_not() {
    let desk = Desk::with_runbook(LOOK);
    let empty = desk.work().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o700)).unwrap();
    let path = empty.to_str().unwrap();
    desk.do_it(&["run", "try", "--store", path]).ended(0);
    desk.do_it(&["runs", "--store", path]).ended(0).shows("resolved");
    fs::write(desk.work().join("notes"), "").unwrap();
    let work = desk.work().to_str().unwrap();
    desk.do_it(&["run", "try", "--store", work]).ended(2).complains("is not a store").complains("--store");
    assert!(!desk.work().join("runs").exists());
}

#[test]
fn a_store_is_made_for_oneself_or_for_a_group() {
    let desk = Desk::with_runbook(LOOK);
    let at = |name: &str| desk.work().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    desk.do_it(&["store", "init", "--store", &text("own")]).ended(0).shows("made the store");
    assert_eq!((mode(&at("own")), mode(&at("own/runs"))), (0o700, 0o700));
    desk.do_it(&["store", "init", "--store", &text("own")]).ended(2).complains("exists already");
    // A group that whoever runs this test is in: their own.
    let gid = rustix::process::getgid().as_raw().to_string();
    desk.do_it(&["store", "init", "--group", &gid, "--store", &text("shared")]).ended(0).shows("shared by the group");
    assert_eq!((mode(&at("shared")), mode(&at("shared/runs"))), (0o2770, 0o2770));
    desk.do_it(&["run", "try", "--store", &text("shared")]).ended(0);
    let run = fs::read_dir(at("shared/runs")).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&run), mode(&run.join("transcript.jsonl"))), (0o2770, 0o440));
    desk.do_it(&["store", "init", "--group", "no-such-group", "--store", &text("not")])
        .ended(2)
        .complains("no-such-group");
    assert!(!at("not").exists());
}

#[test]
fn a_dry_run_says_how_the_same_is_run_for_real() {
    let desk = Desk::with_runbook(
        "params: { who: { type: string }, nodes: { type: list, of: string, default: [a] }, pause: { type: duration, default: 1s } }
steps:
  look: { verify: It works, run: 'printf %s {{ params.who }}', outputs: { it: stdout } }
  change: { act: Change it, run: 'touch $WORK/{{ steps.look.outputs.it }} {{ params.pause }} {{ steps.look.exit_code }}' }
",
    );
    let said = desk.do_it(&["run", "try", "--dry-run", "-p", "who=it's me", "-p", "nodes=[\"a, b\", \"c\"]"]).ended(0);
    // What is known stands there, what is not says what it will be.
    assert!(said.out.contains("<it of look> 1s <exit_code of look>"), "{}", said.out);
    let real = runbook_tests::run::paste(&said.command("run"));
    let started = desk.story();
    let params = &started.of("run.started", None).next().unwrap()["d"]["params"];
    assert_eq!(params["who"]["from"], "option", "{}\n{params:#}", real.err);
    assert_eq!(started.last("run.started", None, "mode").unwrap(), "real");
    assert!(params["nodes"]["value"].as_str().unwrap().contains("a, b"), "{params:#}");
}
