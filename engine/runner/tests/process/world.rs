//! Children to run, and a look at what is left of them.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use runbook_runner::process::{Ended, Reason, Running, Spec, Stream, resolve, start};

/// A child whose every descendant can be found again by a variable in its environment.
pub(crate) struct Marked {
    pub(crate) spec: Spec,
    mark: String,
}

impl Marked {
    pub(crate) fn sh(script: &str) -> Self {
        Self::program(Path::new("/bin/sh"), &["-c", script])
    }

    /// The helper that starts generations of processes.
    pub(crate) fn grandchildren(words: &[&str]) -> Self {
        let test = std::env::current_exe().unwrap();
        let built = test.parent().and_then(Path::parent).unwrap().join("examples/grandchildren");
        Self::program(&built, words)
    }

    pub(crate) fn program(program: &Path, words: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("RUNBOOK_TEST_MARK=process-{}-{next}", std::process::id());
        let mut spec = Spec::new(program, "/");
        spec.words = words.iter().map(OsString::from).collect();
        let (name, value) = mark.split_once('=').unwrap();
        spec.environment = vec![("PATH".into(), "/usr/bin:/bin".into()), (name.into(), value.into())];
        spec.grace = Duration::from_secs(20);
        spec.drain = Duration::from_secs(20);
        Self { spec, mark: format!("{mark}\0") }
    }

    /// Runs it to its end, silently.
    pub(crate) fn run(&self) -> Ended {
        self.run_and(|_, _, _| {})
    }

    /// Runs it and asks it to end as soon as it has printed a whole line, which is returned too.
    pub(crate) fn run_until_ready(&self) -> (String, Ended) {
        let printed = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&printed);
        let ended = self.run_and(move |running, _, chunk| {
            seen.borrow_mut().extend_from_slice(chunk);
            if seen.borrow().contains(&b'\n') {
                running.request(Reason::Cancelled);
            }
        });
        let line = String::from_utf8(printed.take()).unwrap();
        (line.trim_end().to_owned(), ended)
    }

    fn run_and(&self, mut on_output: impl FnMut(&runbook_runner::process::Terminate, Stream, &[u8])) -> Ended {
        block_on(async {
            let running = self.start();
            let terminate = running.terminate_handle();
            running.wait(|stream, chunk| on_output(&terminate, stream, chunk)).await
        })
    }

    /// Runs it to its end, inside a runtime.
    pub(crate) async fn run_with(&self, on_output: impl FnMut(Stream, &[u8])) -> Ended {
        self.start().wait(on_output).await
    }

    /// Starts it, inside a runtime.
    pub(crate) fn start(&self) -> Running {
        start(self.spec.clone()).unwrap()
    }

    /// Lists the processes with its mark that are alive.
    pub(crate) fn alive(&self) -> Vec<u32> {
        let environment_has_mark = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(self.mark.len()).any(|window| window == self.mark.as_bytes())
        };
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(environment_has_mark).collect()
    }
}

/// The one-character state of a process, `None` when there is none.
pub(crate) fn state(pid: u32) -> Option<char> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    line.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Kills a process that a test let escape.
pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Finds a program of the system.
pub(crate) fn system(program: &str) -> PathBuf {
    resolve(program, "/usr/bin:/bin".as_ref(), Path::new("/")).unwrap()
}

/// Runs a future on a current-thread runtime, as the runner does.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}
