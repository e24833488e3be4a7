//! Sees a task on another host to its end, over as many connections as that takes.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use runbook_core::run::record::{End, StartFailure, StartFailureKind, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::hear::{Ear, Heard};
use super::session::{Came, Session};
use super::shell::payload;
use super::task::{Mode, Task};
use crate::executor::planner::failure;

/// Time until a connection says the first thing: ssh gives up on a host that does not answer after ten seconds.
const SPEAKS_WITHIN: Duration = Duration::from_secs(30);
/// Time within which something is heard of one that goes on: it says so every five seconds.
const HEARD_WITHIN: Duration = Duration::from_secs(30);
/// Between two connections, at first and at last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// Time over a task's own until nobody waits any more.
const MARGIN: Duration = Duration::from_secs(20);
/// Time for the far side to forget what was taken in.
const FORGET_WITHIN: Duration = Duration::from_secs(5);
/// Exit codes from here on are how a shell tells a signal, up to the last of them.
const SIGNALS: (i32, i32) = (129, 192);

/// How a task ended.
pub(crate) struct Told {
    /// The end.
    pub(crate) end: End,
    /// The rung of the ladder that ended it.
    pub(crate) rung: Option<String>,
    /// What may still run of it.
    pub(crate) survivors: Vec<String>,
    /// What is to be said once the end is on disk here.
    pub(crate) farewell: Farewell,
}

/// Lets the far side forget what it keeps. Dropped instead, it keeps it.
pub(crate) struct Farewell(Option<(Session, String)>);

impl Farewell {
    /// Says that the end was taken in; waits a moment.
    pub(crate) async fn done(self) {
        let Some((mut session, mark)) = self.0 else { return };
        session.send(format!("{mark} done\n").as_bytes());
        session.send_no_more();
        // What stays when it is not heard is a few files.
        let _heard = timeout(FORGET_WITHIN, async { while !matches!(session.next().await, Came::Over) {} }).await;
    }
}

/// What a connection came to.
enum Connection {
    Told(Told),
    /// It is lost, and why.
    Cut(String),
    /// The end is asked for.
    Asked,
}

/// Does it. `printed` is given what it prints; `stop` asks for its end by the ladder.
pub(crate) async fn run(task: &Task, stop: watch::Receiver<bool>, printed: impl FnMut(Stream, &[u8])) -> Told {
    let allowed = Duration::from_millis(task.timeout_ms.saturating_add(task.grace_ms));
    let mut work = Work {
        task,
        stop,
        printed,
        taken: (0, 0),
        told_to_begin: task.begun,
        boot: String::new(),
        deadline: task.begun.then(|| later(allowed)),
        allowed,
        asked: false,
        heard: false,
    };
    work.run().await
}

fn later(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).and_then(|at| at.checked_add(MARGIN)).unwrap_or_else(|| now + MARGIN * 1_000_000)
}

struct Work<'a, P> {
    task: &'a Task,
    stop: watch::Receiver<bool>,
    printed: P,
    /// Bytes of both outputs that came.
    taken: (u64, u64),
    /// It was let go: from here on only the far side knows.
    told_to_begin: bool,
    /// The boot of the far side when it was.
    boot: String,
    deadline: Option<Instant>,
    allowed: Duration,
    /// Its end was asked for.
    asked: bool,
    /// The connection of now has said something.
    heard: bool,
}

impl<P: FnMut(Stream, &[u8])> Work<'_, P> {
    async fn run(&mut self) -> Told {
        let mut pause = PAUSE.0;
        loop {
            let mode =
                if self.told_to_begin { Mode::Attach { stop: self.asked, taken: self.taken } } else { Mode::Start };
            self.heard = false;
            let why = match self.connect(&mode).await {
                Connection::Told(told) => return told,
                Connection::Asked => {
                    if !self.told_to_begin {
                        return never(self.other("it was stopped before it was started"));
                    }
                    self.asked = true;
                    self.deadline = Some(later(Duration::from_millis(self.task.grace_ms)));
                    continue;
                }
                Connection::Cut(why) if !self.told_to_begin => return never(self.other(&why)),
                Connection::Cut(why) => why,
            };
            if self.heard {
                pause = PAUSE.0;
            }
            if self.is_too_late() {
                return self.lost(&why);
            }
            let until = Instant::now() + pause;
            let until = self.deadline.map_or(until, |deadline| deadline.min(until));
            pause = (pause * 2).min(PAUSE.1);
            tokio::select! {
                () = sleep_until(until) => {}
                () = asked(&mut self.stop, self.asked) => {
                    self.asked = true;
                    self.deadline = Some(later(Duration::from_millis(self.task.grace_ms)));
                }
            }
        }
    }

    fn is_too_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Sees one connection to its end.
    async fn connect(&mut self, mode: &Mode) -> Connection {
        let mark = mark();
        let Ok(payload) = payload(self.task, mode, &mark) else {
            let message = "a word or a variable of it holds a NUL".to_owned();
            return Connection::Told(never(failure(StartFailureKind::Rendering, message)));
        };
        let mut session = match Session::open(&self.task.far.link, payload) {
            Ok(session) => session,
            Err(error) => return Connection::Cut(error.to_string()),
        };
        let mut ear = Ear::new(&mark);
        let mut silent_until = Instant::now() + SPEAKS_WITHIN;
        loop {
            let deadline = self.deadline;
            let came = tokio::select! {
                biased;
                () = asked(&mut self.stop, self.asked) => return Connection::Asked,
                came = session.next() => came,
                () = sleep_until(silent_until) => {
                    return Connection::Cut(format!("nothing was heard of {} for {} s", self.task.far.name, SPEAKS_WITHIN.as_secs()));
                }
                () = until(deadline) => return Connection::Cut("its time ran out".to_owned()),
            };
            let bytes = match came {
                Came::Bytes(bytes) => bytes,
                Came::Over => {
                    let complaint = session.complaint();
                    let why = if complaint.is_empty() { "the connection was closed".to_owned() } else { complaint };
                    return Connection::Cut(why);
                }
            };
            silent_until = Instant::now() + HEARD_WITHIN;
            let (taken, printed) = (&mut self.taken, &mut self.printed);
            let heard = ear.push(&bytes, &mut |stream, bytes| {
                match stream {
                    Stream::Stdout | Stream::Body => taken.0 += bytes.len() as u64,
                    Stream::Stderr => taken.1 += bytes.len() as u64,
                }
                printed(stream, bytes);
            });
            for heard in heard {
                self.heard = true;
                match heard {
                    Heard::Hello(boot) if !self.told_to_begin => {
                        if let Err(error) = self.let_go(&mut session, &mark, boot) {
                            return Connection::Told(never(
                                self.other(&format!("what it reads is not there: {error}")),
                            ));
                        }
                    }
                    Heard::End(end) => return Connection::Told(self.end(&end, session, mark)),
                    Heard::No(why) => return Connection::Told(never(self.other(&why))),
                    Heard::Void(boot) => return Connection::Told(self.void(&boot)),
                    Heard::Gone(pid) => return Connection::Told(self.gone(pid.as_deref())),
                    Heard::Lost(why) => return Connection::Told(self.lost(&why)),
                    Heard::Hello(_) | Heard::Began | Heard::There | Heard::Goes => {}
                }
            }
        }
    }

    /// Tells it to begin; from the first byte of that on it may have.
    fn let_go(&mut self, session: &mut Session, mark: &str, boot: String) -> std::io::Result<()> {
        let file: Option<&Path> = self.task.file.as_deref();
        let count = file.map_or(Ok(0), |file| file.metadata().map(|found| found.len()))?;
        self.boot = boot;
        self.told_to_begin = true;
        self.deadline = Some(later(self.allowed));
        session.send(format!("{mark} go {count}\n").as_bytes());
        file.map_or(Ok(()), |file| session.send_file(file))
    }

    fn end(&self, end: &str, session: Session, mark: String) -> Told {
        let (word, rest) = end.split_once(' ').unwrap_or((end, ""));
        let farewell = Farewell(Some((session, mark)));
        let rung = (!rest.is_empty()).then(|| rest.to_owned());
        let (end, rung) = match word {
            "code" => match rest.parse() {
                Ok(code) if (SIGNALS.0..=SIGNALS.1).contains(&code) => (End::Signalled(code - 128), None),
                Ok(code) => (End::Exited(code), None),
                Err(_) => (End::Lost(self.sentence("its end cannot be read")), None),
            },
            "timeout" => (End::TimedOut, rung),
            "stop" => (End::Stopped, rung),
            "never" => (End::NotStarted(self.not_there(rest)), None),
            _ => (End::Lost(self.sentence("its end cannot be read")), None),
        };
        Told { end, rung, survivors: Vec::new(), farewell }
    }

    fn not_there(&self, why: &str) -> StartFailure {
        let (kind, why) = why.split_once(' ').unwrap_or(("other", why));
        let kind = match kind {
            "missing" => StartFailureKind::MissingProgram,
            "refused" => StartFailureKind::NotExecutable,
            "directory" => StartFailureKind::MissingDirectory,
            _ => StartFailureKind::Other,
        };
        failure(kind, format!("on {}: {why}", self.task.far.name))
    }

    /// It was told to begin, and did not. After a crash of the far side nobody knows whether it had.
    fn void(&self, boot: &str) -> Told {
        if !self.boot.is_empty() && self.boot != "-" && self.boot != boot {
            return self.lost("that machine was started anew meanwhile, and has no trace of it");
        }
        never(self.other("the connection was lost before it began"))
    }

    fn gone(&self, pid: Option<&str>) -> Told {
        let survivors = pid.iter().map(|pid| format!("{pid} on {}", self.task.far.name)).collect();
        Told { survivors, ..self.lost("what watched over it there was ended") }
    }

    fn lost(&self, why: &str) -> Told {
        let far = &self.task.far;
        let why = format!("{}; what is known of it there is in runbook/{}/{}", self.sentence(why), far.run, far.at);
        Told { end: End::Lost(why), rung: None, survivors: Vec::new(), farewell: Farewell(None) }
    }

    fn sentence(&self, why: &str) -> String {
        format!("its end on {} is not known: {why}", self.task.far.name)
    }

    fn other(&self, why: &str) -> StartFailure {
        failure(StartFailureKind::Other, format!("it was not started on {}: {why}", self.task.far.name))
    }
}

fn never(failure: StartFailure) -> Told {
    Told { end: End::NotStarted(failure), rung: None, survivors: Vec::new(), farewell: Farewell(None) }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Waits until its end is asked for, unless it was already.
async fn asked(stop: &mut watch::Receiver<bool>, already: bool) {
    if already || stop.wait_for(|stop| *stop).await.is_err() {
        pending::<()>().await;
    }
}

/// A word that nobody can know: what begins a line of ours.
fn mark() -> String {
    use std::io::Read as _;
    let mut random = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut chance| chance.read_exact(&mut random));
    assert!(read.is_ok(), "a system that has no chance to give is none: {read:?}");
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    random.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
