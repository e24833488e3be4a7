//! A folder of its own for each run: a runbook, a store, and what its programs leave.
#![expect(clippy::panic, reason = "a failing test may stop where it is")]

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::check::{self, Facts};
use runbook_core::document::team::Team;
use runbook_core::run::event::Input;
use runbook_core::run::record::{AttemptKey, Mode, Outcome, Record, Stream};
use runbook_runner::account::Machine;
use runbook_runner::inbox;
use runbook_runner::load::{Source, Sources};
use runbook_runner::observer::Observer;
use runbook_runner::run::{Finished, Loaded, RunError, RunOptions, Wrap, resume, start, start_on};
use runbook_runner::{InputReceiver, inputs};
use runbook_transcript::entry::Entry;
use runbook_transcript::reader::Reader;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::Store;
use runbook_transcript::verify::Verdict;
use runbook_transcript::wire;
use tokio::sync::Notify;

/// Long enough for a busy machine; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sees what happens, and lets a test wait for it.
#[derive(Default)]
pub(crate) struct Watcher {
    records: RefCell<Vec<Record>>,
    printed: RefCell<String>,
    unrecorded: RefCell<Vec<String>>,
    news: Notify,
}

impl Observer for Watcher {
    fn recorded(&self, _: &Entry, record: &Record) {
        self.records.borrow_mut().push(record.clone());
        self.news.notify_one();
    }

    fn output(&self, _: &AttemptKey, _: Stream, bytes: &[u8]) {
        self.printed.borrow_mut().push_str(&String::from_utf8_lossy(bytes));
        self.news.notify_one();
    }

    fn unrecorded(&self, line: &str) {
        self.unrecorded.borrow_mut().push(line.to_owned());
    }
}

impl Watcher {
    async fn wait(&self, what: &str, is_there: impl Fn() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_there() {
                self.news.notified().await;
            }
        });
        assert!(waited.await.is_ok(), "{what} did not come");
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&Record) -> bool) {
        self.wait("a record", || self.records.borrow().iter().any(&wanted)).await;
    }

    pub(crate) async fn until_printed(&self, text: &str) {
        self.wait(text, || self.printed.borrow().contains(text)).await;
    }

    pub(crate) fn unrecorded(&self) -> Vec<String> {
        self.unrecorded.borrow().clone()
    }
}

pub(crate) struct Bench {
    directory: tempfile::TempDir,
    pub(crate) machine: Machine,
    loaded: Loaded,
    options: RunOptions,
}

impl Bench {
    /// A folder with a runbook of this text; its head is added.
    pub(crate) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runbooks/test.yaml");
        let text = format!("version: 1\nrunbook: test\ntitle: A test{text}");
        fs::create_dir(directory.path().join("runbooks")).unwrap();
        fs::write(&path, &text).unwrap();
        let checked = check::load("test.yaml", text.as_bytes(), None, &Facts::default());
        let Some(plan) = checked.plan else { panic!("{:?}\n{text}", checked.diagnostics) };
        let loaded = Loaded {
            plan: Arc::new(plan),
            team: Arc::new(Team::default()),
            runbook: Source { path, bytes: text.into_bytes() },
            called: Sources::new(),
            team_source: None,
            directory: directory.path().to_owned(),
        };
        let options = RunOptions {
            store: directory.path().join(".runbook"),
            params: Vec::new(),
            mode: Mode::Real,
            attended: false,
            yes: false,
            step_by_step: false,
        };
        // Hashing a test's own program takes longer than the test.
        let supervisor = env!("CARGO_BIN_EXE_supervisor").into();
        let machine = Machine { program: "/bin/true".into(), supervisor, ..Machine::current() };
        Self { directory, machine, loaded, options }
    }

    pub(crate) fn attended(mut self) -> Self {
        self.options.attended = true;
        self
    }

    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.options.mode = mode;
        self
    }

    pub(crate) fn param(mut self, name: &str, text: &str) -> Self {
        self.options.params.retain(|(known, _)| known != name);
        self.options.params.push((name.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn watcher() -> Rc<Watcher> {
        Rc::new(Watcher::default())
    }

    pub(crate) async fn start(&self) -> Result<Finished, RunError> {
        self.start_watched(Self::watcher()).await
    }

    pub(crate) async fn start_watched(&self, watcher: Rc<Watcher>) -> Result<Finished, RunError> {
        // The sender is gone: nobody sits at a terminal.
        self.start_with(watcher, inputs().1).await
    }

    pub(crate) async fn start_with(&self, watcher: Rc<Watcher>, said: InputReceiver) -> Result<Finished, RunError> {
        let run = start(self.loaded.clone(), self.options.clone(), self.machine.clone(), watcher, said);
        in_time(run).await
    }

    pub(crate) async fn start_on(&self, wrap: Wrap) -> Result<Finished, RunError> {
        self.start_wrapped(Self::watcher(), wrap).await
    }

    pub(crate) async fn start_wrapped(&self, watcher: Rc<Watcher>, wrap: Wrap) -> Result<Finished, RunError> {
        let (loaded, options, machine) = (self.loaded.clone(), self.options.clone(), self.machine.clone());
        in_time(start_on(loaded, options, machine, watcher, inputs().1, wrap)).await
    }

    pub(crate) async fn resume(&self, run: &RunDir) -> Result<Finished, RunError> {
        let store = self.store();
        in_time(resume(&store, run.clone(), false, self.machine.clone(), Self::watcher(), inputs().1)).await
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.options.store).unwrap()
    }

    pub(crate) fn latest(&self) -> RunDir {
        self.store().find("latest").unwrap()
    }

    pub(crate) fn hand_in(&self, run: &RunDir, input: &Input) -> String {
        inbox::hand_in(run, &self.machine.account, input, Timestamp::now()).unwrap()
    }

    /// How many messages lie in the inbox.
    pub(crate) fn inbox(run: &RunDir) -> usize {
        runbook_transcript::inbox::take(&run.inbox()).unwrap().messages.len()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// All entries of a run, and the records they are.
    pub(crate) fn records(run: &RunDir) -> Vec<(Entry, Record)> {
        let reader = Reader::open(&run.transcript(), Some(run.id().clone())).unwrap();
        reader
            .map(|entry| {
                let entry = entry.unwrap();
                let record = wire::decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d).unwrap();
                (entry, record)
            })
            .collect()
    }

    /// Checks the chain, the blobs and the ledger of a run that is over.
    pub(crate) fn verify_sealed(&self, run: &RunDir) {
        let verdict = runbook_transcript::verify::verify(run, Some(&self.store().ledger())).unwrap();
        assert_eq!(verdict.verdict, Verdict::Sealed);
    }
}

async fn in_time<T>(run: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(PATIENCE, run).await else { panic!("the run did not come to its end") };
    done
}

/// How a step settled, and why.
pub(crate) fn settled(records: &[(Entry, Record)], wanted: &str) -> (Outcome, Option<String>) {
    let found = records.iter().find_map(|(_, record)| match record {
        Record::StepSettled { step, outcome, reason, .. } if step == wanted => Some((*outcome, reason.clone())),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{wanted} did not settle"))
}
