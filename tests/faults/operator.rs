//! A person who carries a run to its end, whatever happens to it: says what is waited for, goes on after a kill, and
//! settles what is in doubt after a look at the world.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, code};
use runbook_tests::story::Story;
use runbook_tests::until::SOON;
use serde_json::Value;

use crate::process::{none_touching, touching};
use crate::reference::{story, transcript};
use crate::tracer::{Fault, traced};
use crate::world::{World, fails};

/// Between two looks at a run that goes on.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// So many commands bring every run to its end.
const COMMANDS_MAX: usize = 60;

/// The exit code of a process that SIGKILL ended.
pub(crate) const KILLED: i32 = 128 + 9;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The engine.
    Engine,
    /// The engine, and at once whoever looks after an act.
    Supervisor,
    /// Everything that the run started.
    All,
}

impl Who {
    pub(crate) const EACH: [Self; 3] = [Self::Engine, Self::Supervisor, Self::All];
}

/// What a person says of an act in doubt that was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// To do it again.
    Again,
    /// That it failed.
    Failed,
}

/// A fault that is still to come.
#[derive(Debug, Clone, Copy)]
enum Planned {
    /// SIGKILL when the transcript is to get this entry, counted from 0.
    AtEntry(u64, Who),
    /// This, to the next process, which may end by it.
    Next(Fault, Who),
}

type AfterKill<'a> = Box<dyn FnOnce(&Desk) + 'a>;

/// A person at a desk.
pub(crate) struct Operator<'a> {
    desk: &'a World,
    name: &'a str,
    /// Faults still to come, each to one process.
    faults: Vec<Planned>,
    /// What is done right after a kill, to what is on disk.
    after_kill: Option<AfterKill<'a>>,
    not_done: NotDone,
    handed_in: BTreeSet<String>,
    /// The commands given, and how each ended.
    pub(crate) given: Vec<String>,
    /// How many processes were killed.
    pub(crate) killed: usize,
}

impl<'a> Operator<'a> {
    pub(crate) fn at(desk: &'a World, name: &'a str) -> Self {
        Self {
            desk,
            name,
            faults: Vec::new(),
            after_kill: None,
            not_done: NotDone::Again,
            handed_in: BTreeSet::new(),
            given: Vec::new(),
            killed: 0,
        }
    }

    /// Has the process killed that would write this entry, from 0; those that follow are killed at what they would write.
    pub(crate) fn killed_at(mut self, entry: u64, who: Who) -> Self {
        self.faults.push(Planned::AtEntry(entry, who));
        self
    }

    /// Has this happen to the next process; where that ends it outright, these are killed too.
    pub(crate) fn disturbed_by(mut self, fault: Fault, who: Who) -> Self {
        self.faults.push(Planned::Next(fault, who));
        self
    }

    /// Does something to what is on disk after the first kill.
    pub(crate) fn then(mut self, what: impl FnOnce(&Desk) + 'a) -> Self {
        self.after_kill = Some(Box::new(what));
        self
    }

    /// What is said of an act in doubt that was not done.
    pub(crate) fn says(mut self, not_done: NotDone) -> Self {
        self.not_done = not_done;
        self
    }

    /// Runs the runbook and carries the run to its seal.
    ///
    /// # Errors
    /// What went wrong, and all that was done.
    pub(crate) fn work_to_the_end(&mut self) -> Result<Said, String> {
        let said = self.go(&["run", self.name]);
        self.carry_on(said)
    }

    /// Carries a run to its seal, whose last process ended so.
    ///
    /// # Errors
    /// As [`Self::work_to_the_end`].
    pub(crate) fn carry_on(&mut self, said: Result<Said, String>) -> Result<Said, String> {
        let mut said = said;
        for _ in 0..COMMANDS_MAX {
            let last = said.map_err(|why| self.tell(&why))?;
            let story = story(self.desk);
            said = match (last.code, &story) {
                (0 | 1 | 3 | 4, Some(story)) if story.outcome() != "(not sealed)" => return Ok(last),
                // The kill came after the seal: the ledger may not have been told.
                (KILLED, Some(story)) if story.outcome() != "(not sealed)" => {
                    match self.go(&["resume", &self.run_id()]) {
                        Ok(said) if said.code == 2 && said.err.contains("is over") => return Ok(said),
                        said => said,
                    }
                }
                // Before anything was written there is nothing to go on with.
                (KILLED, None) => self.go(&["run", self.name]),
                (KILLED, Some(story)) if story.entries().is_empty() => self.begin_anew(),
                (KILLED, Some(_)) => self.go(&["resume", &self.run_id()]),
                (75 | 5, Some(story)) => match open(story).first() {
                    Some(request) => self.answer(request, story),
                    None => return Err(self.tell(&format!("exit {}, and nothing is waited for", last.code))),
                },
                (code, _) => return Err(self.tell(&format!("exit {code}\n{}\n{}", last.out, last.err))),
            };
        }
        Err(self.tell("it never ends"))
    }

    /// The run was killed before its first entry: it is refused by name, nothing has happened, and another is begun.
    fn begin_anew(&mut self) -> Result<Said, String> {
        let refused = self.go(&["resume", &self.run_id()])?;
        if ![2, 6, 14].contains(&refused.code) || !refused.err.contains("transcript") {
            return Err(format!("a run without an entry is not refused by name: {refused:?}"));
        }
        if !self.desk.effects().is_empty() {
            return Err("a run without an entry has had effects".to_owned());
        }
        self.go(&["run", self.name])
    }

    fn run_id(&self) -> String {
        let run = transcript(self.desk).and_then(|path| Some(path.parent()?.file_name()?.to_str()?.to_owned()));
        run.unwrap_or_else(|| "latest".to_owned())
    }

    fn answer(&mut self, request: &Request, story: &Story) -> Result<Said, String> {
        let words = self.words(request, story)?;
        self.go(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What is typed for a request.
    fn words(&self, request: &Request, story: &Story) -> Result<Vec<String>, String> {
        let verb = match request.what.as_str() {
            "approval" => vec!["approve"],
            "ack" => vec!["ack"],
            "yes_no" | "instruct" => vec!["answer"],
            "doubt" => vec!["settle", self.settled(request, story)?, "--reason", "looked"],
            other => return Err(format!("nobody thought of being asked {other:?}")),
        };
        let mut words: Vec<String> = verb.iter().take(1).map(|&word| word.to_owned()).collect();
        words.extend([self.run_id(), request.step.clone()]);
        match request.what.as_str() {
            "yes_no" => words.push("yes".to_owned()),
            "instruct" => words.push("done".to_owned()),
            _ => words.extend(verb.iter().skip(1).map(|&word| word.to_owned())),
        }
        Ok(words)
    }

    /// A look at the world, once nothing of the act runs any more, says how one in doubt ended.
    fn settled(&self, request: &Request, story: &Story) -> Result<&'static str, String> {
        let opened = story.last("doubt.opened", Some(&request.step), "why").and_then(Value::as_str);
        if opened.is_none_or(str::is_empty) {
            return Err(format!("{} is in doubt, and nothing says why", request.step));
        }
        none_touching(self.desk.work());
        let part = story.last("doubt.opened", Some(&request.step), "part").and_then(Value::as_str);
        let effect = if part == Some("undo") { format!("{}.undo", request.step) } else { request.step.clone() };
        Ok(match (self.desk.effects().contains(&effect), self.not_done) {
            (true, _) if fails(self.name, &effect) => "--not-done",
            (true, _) => "--done",
            // Where the run is ending nothing starts again, and who asked for it was told so.
            (false, NotDone::Again) if story.last("refused", Some(&request.step), "why").is_some() => "--not-done",
            (false, NotDone::Again) => "--again",
            (false, NotDone::Failed) => "--not-done",
        })
    }

    /// Gives a command and waits until it has ended; meanwhile says what it waits for. The next fault happens to it.
    ///
    /// # Errors
    /// When it goes on for too long.
    pub(crate) fn go(&mut self, words: &[&str]) -> Result<Said, String> {
        let log = self.desk.work().join("strace");
        let path = transcript(self.desk);
        let before = path.as_ref().map_or(0, |path| lines(&fs::read(path).unwrap_or_default()));
        let mut command = self.desk.command(words);
        let fault = self.faults.first().and_then(|planned| match *planned {
            Planned::AtEntry(entry, who) => Some((Fault::KilledAtWrite(entry.checked_sub(before)? + 1), who)),
            Planned::Next(fault, who) => Some((fault, who)),
        });
        if let Some((fault, _)) = fault {
            command = traced(&command, fault, self.name, path.as_deref(), &log);
        }
        let (out, mut child) = self.start(command)?;
        let status = self.wait(&mut child)?;
        let said = Said { code: code(status), out: fs::read_to_string(&out).unwrap_or_default(), err: String::new() };
        self.given.push(format!("{} → {}", words.join(" "), said.code));
        if fault.is_some() && (said.code == KILLED || matches!(self.faults.first(), Some(Planned::Next(..)))) {
            self.faults.remove(0);
        }
        if said.code == KILLED {
            self.killed += 1;
            self.kill_the_rest(fault.map_or(Who::Engine, |(_, who)| who));
            if let Some(then) = self.after_kill.take() {
                then(self.desk);
            }
        }
        Ok(Said { err: said.out.clone(), ..said })
    }

    fn start(&self, mut command: Command) -> Result<(std::path::PathBuf, Child), String> {
        // Outside of the folder to work in: what holds it open is no process of the run's.
        let path = self.desk.runbooks().with_file_name("said");
        let out = File::create(&path).map_err(|error| error.to_string())?;
        let err = out.try_clone().map_err(|error| error.to_string())?;
        let _old = fs::remove_file(self.desk.work().join("engine"));
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(|error| error.to_string())?;
        // Nobody reads half of it.
        let (file, whole) = (self.desk.work().join("engine"), self.desk.work().join("engine.new"));
        fs::write(&whole, format!("{}\n", child.id())).and_then(|()| fs::rename(&whole, &file)).unwrap();
        Ok((path, child))
    }

    fn wait(&mut self, child: &mut Child) -> Result<std::process::ExitStatus, String> {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                let _gone = child.kill();
                let _waited = child.wait();
                return Err("it goes on for too long".to_owned());
            }
            self.hand_in()?;
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Hands in what a living run waits for with a deadline: without one it ends, and is answered then.
    fn hand_in(&mut self) -> Result<(), String> {
        let Some(story) = story(self.desk) else { return Ok(()) };
        let waiting: Vec<Request> = open(&story).into_iter().filter(|request| request.has_deadline).collect();
        for request in waiting {
            if self.handed_in.insert(request.key.clone()) {
                let mut words = self.words(&request, &story)?;
                words.push("--no-resume".to_owned());
                let said = self.desk.do_it(&words.iter().map(String::as_str).collect::<Vec<_>>());
                self.given.push(format!("{} → {}", words.join(" "), said.code));
            }
        }
        Ok(())
    }

    fn kill_the_rest(&mut self, who: Who) {
        for process in touching(self.desk.work().parent().unwrap()) {
            if who == Who::All || (who == Who::Supervisor && process.is_supervisor()) {
                process.kill();
            }
        }
    }

    /// A sentence with all that was done before it.
    pub(crate) fn tell(&self, why: &str) -> String {
        let entries: String = story(self.desk).iter().flat_map(Story::entries).map(in_short).collect();
        format!(
            "{why}\n-- commands\n{}\n-- effects\n{}-- transcript\n{entries}",
            self.given.join("\n"),
            self.desk.read("effects")
        )
    }
}

/// As much of an entry as tells what happened.
fn in_short(entry: &Value) -> String {
    let of = |name: &str| entry.get(name).map_or_else(String::new, Value::to_string);
    let d: String = of("d").chars().take(160).collect();
    format!("{} {} {} {} {d}\n", of("n"), of("kind"), of("step"), of("attempt"))
}

/// How many whole lines there are.
pub(crate) fn lines(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').skip(1).count() as u64
}

/// Something a run waits for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    what: String,
    step: String,
    has_deadline: bool,
    key: String,
}

/// What is waited for, by the transcript alone, oldest first.
pub(crate) fn open(story: &Story) -> Vec<Request> {
    let mut open: Vec<(Option<u64>, Request)> = Vec::new();
    for entry in story.entries() {
        let text = |name: &str| entry.pointer(name).and_then(Value::as_str).unwrap_or_default();
        let step = text("/step").to_owned();
        let number = entry.pointer("/d/request").and_then(Value::as_u64);
        let what = match text("/kind") {
            "approval.requested" => "approval",
            "question" => text("/d/question"),
            "escalation.waiting" => "ack",
            "approval.granted" | "approval.denied" | "approval.expired" | "approval.void" | "answer"
            | "question.withdrawn" => {
                open.retain(|(other, _)| *other != number);
                continue;
            }
            "escalation.acknowledged" | "escalation.timed_out" => {
                open.retain(|(_, request)| request.what != "ack" || request.step != step);
                continue;
            }
            "doubt.settled" => {
                open.retain(|(_, request)| request.what != "doubt" || request.step != step);
                continue;
            }
            _ => continue,
        };
        let has_deadline = entry.pointer("/d/deadline").is_some();
        let key = format!("{} {number:?} {step}", text("/run"));
        open.push((number, Request { what: what.to_owned(), step, has_deadline, key }));
    }
    open.into_iter().map(|(_, request)| request).collect()
}
