//! What became of an act that was going on when its engine ended.

use runbook_core::run::record::{AttemptKey, BlobDigest, End, Record};
use runbook_transcript::digest::Digest;
use runbook_transcript::run_dir::RunDir;

pub use super::leftover::Process;
use super::leftover::is_process;
use crate::executor::plan::{ExecutionPlan, PLAN_BYTES_MAX};
use crate::executor::stored::StoredPlan;
use crate::process::{self, session};
use crate::supervisor::{Control, Exit, Watched, exit_path};

/// What became of an act.
pub(super) struct Fate {
    pub(super) found: Found,
    pid: Option<u32>,
}

pub(super) enum Found {
    /// It was never let go: it did not run.
    NotLetGo,
    /// Its supervisor lives.
    Lives(Watched, Control),
    /// Its supervisor left how it ended.
    Left(Box<Exit>),
    /// Neither. What may still run of it is named.
    Nothing(Vec<process::Process>),
}

/// What would be found of an act: for who is to be told before the run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlook {
    /// It did not run, and starts.
    Starts,
    /// It runs, and is waited for.
    Attaches,
    /// It ended, and its end is taken in.
    Ended,
    /// It ran on this host, which is asked how it ended.
    Elsewhere(String),
    /// It writes a file that is as it was to be.
    Written,
    /// It writes a file that is still the old one.
    NotWritten,
    /// Nobody knows.
    Unknown,
}

impl Outlook {
    /// Looks on this host, and touches nothing. `supervisor` is the process that was recorded for it, where that was within
    /// this boot, `plan` what it was let go with.
    #[must_use]
    pub fn of(
        run: &RunDir,
        key: &AttemptKey,
        let_go: bool,
        supervisor: Option<Process>,
        plan: Option<&BlobDigest>,
    ) -> Self {
        if !let_go {
            Self::Starts
        } else if supervisor.is_some_and(|process| is_process(process.pid, process.start_time)) {
            Self::Attaches
        } else if Exit::read(&exit_path(&run.exits(), key)).is_some() {
            Self::Ended
        } else {
            plan.and_then(|plan| Self::by_plan(run, plan)).unwrap_or(Self::Unknown)
        }
    }

    /// What can be told of it although whoever watched over it is gone.
    fn by_plan(run: &RunDir, plan: &BlobDigest) -> Option<Self> {
        let bytes = run.blobs().get(Digest::parse(plan)?, PLAN_BYTES_MAX).ok()?;
        match StoredPlan::decode(&bytes).ok()? {
            StoredPlan::Program(ExecutionPlan { address: Some(_), host, .. }) => Some(Self::Elsewhere(host)),
            StoredPlan::Writing(plan) => {
                plan.looks().map(|end| if end == End::Wrote { Self::Written } else { Self::NotWritten })
            }
            StoredPlan::Program(_) | StoredPlan::Request(_) => None,
        }
    }
}

impl Fate {
    /// Looks what became of an act whose end is not recorded; `supervisor` is the process that was recorded for it,
    /// where that was within this boot. Must be called inside a tokio runtime with its io driver.
    pub(super) fn find(run: &RunDir, key: &AttemptKey, let_go: bool, supervisor: Option<Process>) -> Self {
        let pid = supervisor.map(|process| process.pid);
        let exit = exit_path(&run.exits(), key);
        let found = if !let_go {
            Found::NotLetGo
        } else if let Some((watched, control)) =
            supervisor.and_then(|process| Watched::find(process.pid, process.start_time, exit.clone()))
        {
            Found::Lives(watched, control)
        } else if let Some(exit) = Exit::read(&exit) {
            Found::Left(Box::new(exit))
        } else {
            Found::Nothing(pid.map(session).unwrap_or_default())
        };
        Self { found, pid }
    }

    /// What is noted of it when the run goes on.
    pub(super) fn note(&self, key: &AttemptKey) -> Option<Record> {
        let pid = self.pid.map_or(String::new(), |pid| format!(" {pid}"));
        let text = match &self.found {
            Found::NotLetGo => return None,
            Found::Lives(..) => format!("its supervisor{pid} outlived the engine: it is waited for"),
            Found::Left(_) => "it ended while no engine was there, and its supervisor kept how".to_owned(),
            Found::Nothing(left) if left.is_empty() => return None,
            Found::Nothing(left) => {
                let left: Vec<String> =
                    left.iter().map(|process| format!("{} {}", process.pid, process.command)).collect();
                format!(
                    "its supervisor{pid} is gone, and what it started still runs: {}; look at it before saying how it ended",
                    left.join(", ")
                )
            }
        };
        Some(Record::Note { step: Some(key.step.clone()), text })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::collections::BTreeMap;

    use runbook_core::id::RunbookName;
    use runbook_core::run::record::Part;
    use runbook_transcript::blob::Durable;
    use runbook_transcript::store::Store;

    use super::*;
    use crate::executor::plan::PlannedStdin;

    #[test]
    fn what_ran_on_another_host_is_asked_for_there_and_not_in_doubt() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::init(&folder.path().join("store")).unwrap();
        let name = RunbookName::new("try").unwrap();
        let run = store.create_run(&name, jiff::Timestamp::UNIX_EPOCH, [0; 4]).unwrap();
        let plan = |address: Option<&str>| {
            let plan = StoredPlan::Program(ExecutionPlan {
                words: vec!["halt".to_owned()],
                program: "halt".to_owned(),
                program_digest: None,
                directory: String::new(),
                host: "planthost1".to_owned(),
                address: address.map(str::to_owned),
                user: "ops".to_owned(),
                environment: BTreeMap::new(),
                stdin: PlannedStdin::Closed,
                timeout_ms: 1_000,
                grace_ms: 1_000,
                changes: true,
            });
            let bytes = plan.encode().unwrap();
            run.blobs().put(&bytes, Durable::Yes).unwrap();
            Digest::of(&bytes).to_hex()
        };
        let key = AttemptKey { step: "stop".to_owned(), part: Part::Main, attempt: 1 };
        let of = |let_go, plan: &BlobDigest| Outlook::of(&run, &key, let_go, None, Some(plan));
        let (far, here) = (plan(Some("ssh://ops@planthost1")), plan(None));
        assert_eq!(of(true, &far), Outlook::Elsewhere("planthost1".to_owned()));
        assert_eq!((of(true, &here), of(false, &far)), (Outlook::Unknown, Outlook::Starts));
        assert_eq!(of(true, &"0".repeat(64)), Outlook::Unknown, "a plan that is gone tells nothing");
    }
}
