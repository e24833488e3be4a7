//! What a reference runbook works on beside its desk, and what happened there: a server that counts, a file that is watched,
//! another host.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;
use runbook_tests::far::Far;
use runbook_tests::processes::{marked, worded};
use runbook_tests::server::{Got, Reply, Server};
use runbook_tests::until::until;
use rustix::fs::inotify;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::process::touching;

/// The step that writes a file, where there is one.
pub(crate) const WRITES: &str = "write";
/// What the file holds before and after it was written.
const OLD: &str = "old\n";
const NEW: &str = "new\n";

/// Hosts that nobody works on. They go with whoever has this last.
pub(crate) type Hosts = Arc<Mutex<Vec<Far>>>;

/// A desk with a reference runbook on it, and what that works on.
#[derive(Debug)]
pub(crate) struct World {
    /// Gone first: nothing is sent to a server that is not there.
    _server: Option<Server>,
    file: Option<Watched>,
    host: Option<(Hosts, Far)>,
    desk: Desk,
}

impl Deref for World {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl World {
    /// One of this runbook, in memory where that is possible: what is not synced is lost with the machine, not with a
    /// process.
    pub(crate) fn of(name: &str) -> Self {
        Self::with(name, None)
    }

    /// As [`Self::of`], where a host of these is `web1`.
    pub(crate) fn with(name: &str, hosts: Option<&Hosts>) -> Self {
        let desk = Desk::in_memory();
        let work = desk.work().to_owned();
        let mut text = text(name).replace("$EFFECT", env!("CARGO_BIN_EXE_effect"));
        let server = text.contains("$SERVER").then(|| counts(work.clone()));
        if let Some(server) = &server {
            text = text.replace("$SERVER", &format!("http://{}", server.place()));
        }
        text = text.replace("$WORK", &work.to_string_lossy());
        fs::write(desk.runbooks().join(format!("{name}.yaml")), &text).unwrap();
        let file = text.contains("template:").then(|| Watched::new(&work));
        let host = hosts.map(|hosts| (Arc::clone(hosts), take(hosts)));
        if let Some((_, far)) = &host {
            let team = desk.runbooks().join("team.yaml");
            let known = fs::read_to_string(&team).unwrap();
            fs::write(team, format!("{known}hosts: {{ web1: '{}' }}\n", far.host(1).address())).unwrap();
        }
        Self { _server: server, file, host, desk }
    }

    /// The program, ready to be started where the host is known.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.desk.command(words);
        if let Some((_, far)) = &self.host {
            far.settle_in(&mut command);
            // A shared connection's socket is this desk's own.
            command.env("TMPDIR", self.desk.work());
        }
        command
    }

    /// The names of the effects that happened, in their order.
    pub(crate) fn effects(&self) -> Vec<String> {
        if let Some(file) = &self.file {
            file.note();
        }
        let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        self.desk.read("effects").lines().map(name).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some((hosts, far)) = self.host.take() else { return };
        let state = far.host(1).state();
        // Shared connections, which stay a minute, and what waits there until an act's time is over.
        let there = marked(&format!("XDG_STATE_HOME={}", state.display()));
        let there = there.iter().filter_map(|line| line.split(' ').next()?.parse().ok());
        for pid in worded(&self.desk.work().to_string_lossy()).into_iter().chain(there).filter_map(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::KILL);
        }
        let _none = fs::remove_dir_all(state.join("runbook"));
        hosts.lock().unwrap().push(far);
    }
}

/// A host that nobody works on.
fn take(hosts: &Hosts) -> Far {
    let known = hosts.lock().unwrap().pop();
    known.unwrap_or_else(Far::one)
}

/// The text of a reference runbook.
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(repository().join("tests/faults/runbooks").join(format!("{name}.yaml"))).unwrap()
}

fn append(work: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(work.join("effects")).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// A server that counts what it is sent: a POST is an effect, a GET asks whether it has happened.
fn counts(work: PathBuf) -> Server {
    Server::answering(move |got| {
        let (name, status) = asked(got);
        let happened = fs::read_to_string(work.join("effects")).unwrap_or_default();
        if got.line.starts_with("GET ") {
            let is = happened.lines().any(|line| line.split(' ').next() == Some(name));
            return Reply::of(if is { "200 Yes" } else { "404 No" }, "text/plain", "");
        }
        if end_others(&work, name, "before") == Some("all") {
            return Reply::Drop;
        }
        append(&work, &format!("{name} - -\n"));
        end_others(&work, name, "after");
        Reply::of(status, "text/plain", "")
    })
}

/// The name of the effect, and what is to be answered.
fn asked(got: &Got) -> (&str, &'static str) {
    let target = got.line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let (name, rest) = target.split_once('?').unwrap_or((target, ""));
    (name, if rest == "status=500" { "500 Bad" } else { "200 Good" })
}

/// Does what the file `kill` says, where it speaks of this effect and of now: as `effect` does, from outside. Gives who was
/// ended.
fn end_others(work: &Path, name: &str, now: &str) -> Option<&'static str> {
    let order = work.join("kill");
    let text = fs::read_to_string(&order).ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [who] = words.strip_prefix(&[name, now])? else { return None };
    let who = ["engine", "supervisor", "all"].into_iter().find(|known| known == who)?;
    fs::rename(&order, work.join("killed")).ok()?;
    let engine = until(|| {
        let text = fs::read_to_string(work.join("engine")).map_err(|error| error.to_string())?;
        text.trim_end().parse().ok().and_then(Pid::from_raw).ok_or(text)
    });
    let _gone = kill_process(engine, Signal::KILL);
    // Whoever sends a request is its supervisor: of it nothing more is left.
    let all = touching(work.parent()?).into_iter().filter(|process| who != "engine" && process.is_supervisor());
    all.for_each(|process| process.kill());
    until(|| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", engine.as_raw_pid())).unwrap_or_default();
        let is_zombie = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        if is_zombie || test_kill_process(engine).is_err() { Ok(()) } else { Err("the engine lives on".to_owned()) }
    });
    Some(who)
}

/// A file that steps write, and each time that it was: as new, and as it was before in turn, since whoever finds it written
/// already leaves it alone.
#[derive(Debug)]
struct Watched {
    work: PathBuf,
    notices: OwnedFd,
    times: RefCell<usize>,
}

impl Watched {
    fn new(work: &Path) -> Self {
        fs::write(work.join("old.hbs"), OLD).unwrap();
        fs::write(work.join("new.hbs"), NEW).unwrap();
        let folder = work.join("etc");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("servers.conf"), OLD).unwrap();
        let notices = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
        let what = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::MODIFY | inotify::WatchFlags::DELETE;
        inotify::add_watch(&notices, &folder, what).unwrap();
        Self { work: work.to_owned(), notices, times: RefCell::new(0) }
    }

    /// Writes down what was done to it since.
    ///
    /// # Panics
    /// When it was changed otherwise than by one move, or does not hold what it must by now.
    fn note(&self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.notices, &mut buffer);
        while let Ok(event) = reader.next() {
            if event.file_name().is_none_or(|name| name.to_bytes() != b"servers.conf") {
                continue;
            }
            assert_eq!(event.events(), inotify::ReadFlags::MOVED_TO, "it is changed where others read it");
            let times = self.times.replace_with(|times| *times + 1);
            let name = if times.is_multiple_of(2) { WRITES.to_owned() } else { format!("{WRITES}.undo") };
            append(&self.work, &format!("{name} - -\n"));
        }
        let held = fs::read_to_string(self.work.join("etc/servers.conf")).unwrap();
        let wanted = if self.times.borrow().is_multiple_of(2) { OLD } else { NEW };
        assert_eq!(held, wanted, "written {} times", self.times.borrow());
    }
}

/// The names of all effects that a runbook can have, whether they happen in an undisturbed run or not.
pub(crate) fn acts(name: &str, items: usize) -> BTreeSet<String> {
    let text = text(name);
    let mut names = BTreeSet::new();
    for rest in text.split("$EFFECT $WORK ").skip(1) {
        match rest.strip_prefix('\'').and_then(|quoted| quoted.split('\'').next()) {
            // An effect of each item, named as the item's step is.
            Some(name) => names.extend((0..items).map(|item| name.replace("{{ each.index }}", &item.to_string()))),
            None => names.extend(rest.split([' ', '\n', ',']).next().map(str::to_owned)),
        }
    }
    for rest in text.split("method: POST, url: ").skip(1) {
        let place = rest.trim_start_matches('"').strip_prefix("$SERVER/").unwrap();
        names.extend(place.split([' ', '?', '"']).next().map(str::to_owned));
    }
    if text.contains("template:") {
        names.extend([WRITES.to_owned(), format!("{WRITES}.undo")]);
    }
    names
}

/// Whether an act fails after its effect has happened: its words end in the exit code, or its address in the status.
pub(crate) fn fails(name: &str, effect: &str) -> bool {
    let text = text(name);
    let code = text.split(&format!("$EFFECT $WORK {effect} ")).nth(1);
    code.is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
        || text.contains(&format!("$SERVER/{effect}?status="))
}
