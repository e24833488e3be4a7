//! Programs, messages and evidence through the executor: what is planned is what runs, and what is told of it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failing test may stop where it is"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use runbook_core::document::model::SecretSource;
use runbook_core::document::team::{Channel, ChannelKind, Person, Team};
use runbook_core::run::effect::{Command, EnvPiece, EnvValue, EvidenceWanted, Input, Invocation};
use runbook_core::run::event::{Ending, Event};
use runbook_core::run::record::{AttemptKey, End, Part, StartFailure, StartFailureKind, Stream};
use runbook_core::source::{Span, Spanned};
use runbook_runner::account::Machine;
use runbook_runner::executor::{About, Executor, Keeper, Workplace};
use runbook_runner::observer::{Notice, Observer};
use runbook_runner::secret::Secrets;
use runbook_transcript::blob::Blobs;
use runbook_transcript::file::Sharing;

/// Long enough for a busy machine; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Watcher {
    printed: RefCell<Vec<u8>>,
    notices: RefCell<Vec<Notice>>,
}

impl Observer for Watcher {
    fn output(&self, _: &AttemptKey, _: Stream, bytes: &[u8]) {
        self.printed.borrow_mut().extend_from_slice(bytes);
    }

    fn told_terminal(&self, notice: &Notice) {
        self.notices.borrow_mut().push(notice.clone());
    }
}

struct Bench {
    directory: tempfile::TempDir,
    watcher: Rc<Watcher>,
    executor: Executor,
}

fn person(name: &str, phone: &str, notify: &[&str]) -> Person {
    let notify = notify.iter().map(|name| Spanned { value: (*name).to_owned(), span: Span::default() });
    Person {
        span: Span::default(),
        name: name.to_owned(),
        team: None,
        phone: Some(phone.to_owned()),
        notify: notify.collect(),
    }
}

fn channel(words: &[&str]) -> Channel {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Channel { span: Span::default(), kind: ChannelKind::Command(words), timeout: None }
}

impl Bench {
    fn new() -> Self {
        Self::with(Team::default(), true)
    }

    fn with(team: Team, attended: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let blobs = directory.path().join("blobs");
        fs::create_dir(&blobs).unwrap();
        let watcher = Rc::new(Watcher::default());
        fs::create_dir(directory.path().join("exits")).unwrap();
        let mut machine = Machine { supervisor: env!("CARGO_BIN_EXE_supervisor").into(), ..Machine::current() };
        machine.environment.insert("THE_TOKEN".into(), "s3cret-token".into());
        let work = Workplace {
            keeper: Keeper::new(Blobs::new(blobs, Sharing::Private), Sharing::Private),
            machine,
            directory: directory.path().to_owned(),
            run: "20261122-0915-test-k7q2".to_owned(),
            about: About { runbook: "test".to_owned(), severity: None },
            secrets: BTreeMap::from([
                ("TOKEN".to_owned(), SecretSource::Env("THE_TOKEN".to_owned())),
                ("GONE".to_owned(), SecretSource::File("no-such-file".to_owned())),
            ]),
            called: BTreeMap::new(),
            exits: directory.path().join("exits"),
            team: Arc::new(team),
            attended,
            observer: Rc::clone(&watcher) as Rc<dyn Observer>,
            secrets_read: RefCell::new(Secrets::default()),
            orphans: RefCell::default(),
        };
        Self { executor: Executor::new(Rc::new(work)), directory, watcher }
    }

    async fn next(&mut self) -> Event {
        loop {
            // What is done without an event is no answer to anything.
            if let Some(event) = tokio::time::timeout(PATIENCE, self.executor.next()).await.unwrap() {
                return event;
            }
        }
    }

    /// Plans, and starts what was planned.
    async fn begin(&mut self, invocation: &Invocation) -> Result<String, StartFailure> {
        self.executor.plan(key(), invocation);
        let Event::Planned { plan, .. } = self.next().await else { panic!("a plan is answered") };
        let (digest, shown) = plan?;
        self.executor.start(key(), &digest);
        Ok(shown)
    }

    async fn ending(&mut self) -> Ending {
        loop {
            match self.next().await {
                Event::Ended { ending, .. } => return *ending,
                Event::Spawned { pid, start_time, .. } => assert!(pid > 0 && start_time > 0),
                other => panic!("not expected: {other:?}"),
            }
        }
    }

    async fn run(&mut self, invocation: &Invocation) -> Ending {
        self.begin(invocation).await.unwrap();
        self.ending().await
    }

    fn blob(&self, digest: Option<&String>) -> String {
        fs::read_to_string(self.directory.path().join("blobs").join(digest.unwrap())).unwrap()
    }

    /// Whether a text stands in any file of the folder of blobs.
    fn is_kept(&self, text: &str) -> bool {
        let files = fs::read_dir(self.directory.path().join("blobs")).unwrap();
        files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    }
}

fn key() -> AttemptKey {
    AttemptKey { step: "look".to_owned(), part: Part::Main, attempt: 1 }
}

fn script(text: &str) -> Invocation {
    Invocation {
        command: Command::Script { shell: vec!["sh".to_owned(), "-eu".to_owned()], text: text.to_owned() },
        env: Vec::new(),
        pass: Vec::new(),
        directory: None,
        on: None,
        stdin: Input::Closed,
        timeout: PATIENCE,
        grace: Duration::from_millis(200),
        changes: false,
    }
}

fn text(text: &str) -> EnvValue {
    EnvValue(vec![EnvPiece::Text(text.to_owned())])
}

#[tokio::test]
async fn what_is_planned_is_what_runs() {
    let mut bench = Bench::new();
    let mut wanted = script("cat; printf '%s ' \"$X\" >&2; pwd; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 3");
    wanted.env = vec![("X".to_owned(), text("a b; c"))];
    wanted.stdin = Input::Text(text("typed\n"));
    let shown = bench.begin(&wanted).await.unwrap();
    assert!(shown.starts_with("sh -eu -c 'cat; printf '\\''%s "), "{shown}");
    let ending = bench.ending().await;
    assert_eq!(ending.end, End::Exited(3));
    let stdout = ending.stdout_text.unwrap();
    assert!(stdout.starts_with(&format!("typed\n{}\n", bench.directory.path().display())), "{stdout}");
    assert!(!stdout.contains("THE_TOKEN"), "the engine's own environment is not passed on: {stdout}");
    assert_eq!(ending.stderr_text.as_deref(), Some("a b; c "));
    assert_eq!(bench.blob(ending.stdout.blob.as_ref()), stdout);
    assert_eq!((ending.stdout.head.as_str(), ending.stdout.tail.as_str()), (stdout.as_str(), ""));
    assert!(String::from_utf8_lossy(&bench.watcher.printed.borrow()).contains("typed"));
}

#[tokio::test]
async fn a_secret_reaches_the_program_and_nothing_else() {
    let mut bench = Bench::new();
    let mut wanted = script("test ${#AUTH} = 19; echo \"got $AUTH\"; printf %s \"$AUTH\" | base64");
    wanted.env = vec![(
        "AUTH".to_owned(),
        EnvValue(vec![EnvPiece::Text("Bearer ".to_owned()), EnvPiece::Secret("TOKEN".to_owned())]),
    )];
    let ending = bench.run(&wanted).await;
    assert_eq!(ending.end, End::Exited(0));
    assert!(ending.stdout.head.starts_with("got Bearer [secret:TOKEN]\n"), "{}", ending.stdout.head);
    assert!(!bench.is_kept("s3cret-token"), "no blob holds it");
    // printf s3cret-token | base64, without what depends on its neighbours.
    assert!(!bench.is_kept("zM2NyZXQtdG9rZW"), "no blob holds it in base64");
    // A later step that prints it, however it got it, is masked too.
    fs::write(bench.directory.path().join("token"), "s3cret-token").unwrap();
    let ending = bench.run(&script("cat token")).await;
    assert_eq!(ending.stdout_text.as_deref(), Some("[secret:TOKEN]"));
    assert!(!String::from_utf8_lossy(&bench.watcher.printed.borrow()).contains("s3cret-token"));
}

#[tokio::test]
async fn a_missing_secret_starts_nothing() {
    let mut bench = Bench::new();
    let mut wanted = script("echo ran > ran");
    wanted.env = vec![("X".to_owned(), EnvValue(vec![EnvPiece::Secret("GONE".to_owned())]))];
    let End::NotStarted(failure) = bench.run(&wanted).await.end else { panic!("it did not start") };
    assert!(failure.message.starts_with("secret GONE cannot be had: "), "{}", failure.message);
    assert!(!bench.directory.path().join("ran").exists());
}

#[tokio::test]
async fn what_changed_since_it_was_planned_is_not_started() {
    let mut bench = Bench::new();
    let program = bench.directory.path().join("tool");
    let write = |text: &str| {
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("#!/bin/sh\necho one\n");
    let mut wanted = script("");
    wanted.command = Command::Words(vec!["./tool".to_owned()]);
    bench.executor.plan(key(), &wanted);
    let Event::Planned { plan: Ok((digest, shown)), .. } = bench.next().await else { panic!("a plan is answered") };
    assert_eq!(shown, "./tool");
    write("#!/bin/sh\necho two\n");
    bench.executor.start(key(), &digest);
    let End::NotStarted(failure) = bench.ending().await.end else { panic!("it did not start") };
    assert!(failure.message.contains("is no longer the one that was planned"), "{}", failure.message);
    fs::remove_file(&program).unwrap();
    let failure = bench.begin(&wanted).await.unwrap_err();
    assert_eq!(failure.kind, StartFailureKind::MissingProgram);
}

#[tokio::test]
async fn a_stop_ends_it_by_the_ladder() {
    let mut bench = Bench::new();
    bench.begin(&script("trap '' TERM; echo up; while :; do sleep 1; done")).await.unwrap();
    let Event::Spawned { .. } = bench.next().await else { panic!("it is started first") };
    // The trap is set when the program says so.
    let watcher = Rc::clone(&bench.watcher);
    let up = async {
        while watcher.printed.borrow().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = up => {}
        event = bench.next() => panic!("it ended too early: {event:?}"),
    }
    bench.executor.stop(&key());
    let ending = bench.ending().await;
    assert_eq!((ending.end, ending.rung.as_deref()), (End::Stopped, Some("KILL")));
}

#[tokio::test]
async fn evidence_is_collected_and_what_is_missing_is_a_note() {
    let mut bench = Bench::new();
    fs::write(bench.directory.path().join("log"), "one\ntwo\nthree\n").unwrap();
    let file = |path: &str| Ok(EvidenceWanted::File { path: path.to_owned(), tail: Some(2) });
    let wanted = vec![
        file("log"),
        file("gone"),
        file("."),
        Ok(EvidenceWanted::Run(Box::new(script("echo seen; exit 4")))),
        Err("steps.x was skipped".to_owned()),
    ];
    bench.executor.attach("look".to_owned(), wanted);
    let Event::Attached { step, evidence } = bench.next().await else { panic!("evidence is answered") };
    assert_eq!((step.as_str(), evidence.len()), ("look", 5));
    let told: Vec<(Option<&str>, Option<&str>)> = evidence
        .iter()
        .map(|piece| (piece.output.as_ref().map(|output| output.head.as_str()), piece.note.as_deref()))
        .collect();
    assert_eq!(told.first(), Some(&(Some("two\nthree\n"), None)));
    assert!(matches!(told.get(1), Some((None, Some(note))) if note.contains("No such file")), "{told:?}");
    assert_eq!(told.get(2), Some(&(None, Some("it is no regular file"))));
    assert_eq!(told.get(3), Some(&(Some("seen\n"), Some("it ended with exit code 4"))));
    assert_eq!(told.get(4), Some(&(None, Some("steps.x was skipped"))));
}

#[tokio::test]
async fn people_are_told_by_the_first_channel_that_works() {
    let channels = IndexMap::from([
        ("broken".to_owned(), channel(&["sh", "-c", "echo 'no route' >&2; exit 1"])),
        (
            "works".to_owned(),
            channel(&[
                "sh",
                "-c",
                "{ cat; printf '|%s|%s' \"$RUNBOOK_TO\" \"$RUNBOOK_RUN\"; } > told; echo sent as 17",
            ]),
        ),
    ]);
    let people = IndexMap::from([
        ("akim".to_owned(), person("Ada Kim", "+1 555 0101", &["broken", "works"])),
        ("bsparrow".to_owned(), person("Ben Sparrow", "+1 555 0102", &[])),
        ("cdoe".to_owned(), person("Cora Doe", "+1 555 0103", &["broken"])),
    ]);
    let mut bench = Bench::with(Team { people, channels, ..Team::default() }, true);
    let to = ["akim", "bsparrow", "cdoe"].map(str::to_owned).into();
    bench.executor.tell("tell".to_owned(), to, "Subject", "dns1 is down");
    let mut told = Vec::new();
    loop {
        match bench.next().await {
            Event::Told { to, channel, result, message, .. } => {
                assert_eq!(message, "dns1 is down");
                told.push((to, channel, result));
            }
            Event::ToldAll { step } => {
                assert_eq!(step, "tell");
                break;
            }
            other => panic!("not expected: {other:?}"),
        }
    }
    let failed = || Err("sh ended with exit code 1: no route".to_owned());
    let expected = [
        ("akim", "broken", failed()),
        ("akim", "broken", failed()),
        ("akim", "broken", failed()),
        ("akim", "works", Ok("sent as 17".to_owned())),
        ("bsparrow", "terminal", Ok("shown to the operator, who tells Ben Sparrow (bsparrow), +1 555 0102".to_owned())),
        ("cdoe", "broken", failed()),
        ("cdoe", "broken", failed()),
        ("cdoe", "broken", failed()),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(to, channel, result)| (to.to_owned(), channel.to_owned(), result)).collect();
    // They are told at once; each in the order of their channels.
    told.sort_by(|one, next| one.0.cmp(&next.0));
    assert_eq!(told, expected);
    let sent = fs::read_to_string(bench.directory.path().join("told")).unwrap();
    assert_eq!(sent, "dns1 is down|akim|20261122-0915-test-k7q2");
    let shown: Vec<String> = bench.watcher.notices.borrow().iter().map(|notice| notice.to.clone()).collect();
    assert_eq!(shown, ["bsparrow", "cdoe"]);
}

#[tokio::test]
async fn with_nobody_there_the_terminal_tells_nobody() {
    let people = IndexMap::from([("akim".to_owned(), person("Ada Kim", "+1 555 0101", &[]))]);
    let mut bench = Bench::with(Team { people, ..Team::default() }, false);
    bench.executor.tell("tell".to_owned(), vec!["akim".to_owned()], "S", "m");
    let Event::Told { result, .. } = bench.next().await else { panic!("a delivery is told") };
    let why = "no channel is defined for Ada Kim (akim), +1 555 0101, and nobody sits at the terminal";
    assert_eq!(result, Err(why.to_owned()));
    assert!(matches!(bench.next().await, Event::ToldAll { .. }));
    assert!(bench.watcher.notices.borrow().is_empty());
}
