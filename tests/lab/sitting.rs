//! One sitting of a person before a failover, and everything that came of it.

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;

use plant_shop::dns::Server;
use plant_shop::lab::{Fault, Lab};
use plant_shop::person::{Person, Rule};
use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started, code};
use runbook_tests::story::Story;
use runbook_tests::until::SOON;
use tempfile::TempDir;

/// A name that both servers know.
pub(crate) const NAME: &str = "shop.internal";

/// What came of a sitting. The services are gone by then.
pub(crate) struct Sitting {
    pub(crate) code: i32,
    pub(crate) page: String,
    pub(crate) story: Story,
    /// The on-call log, as Markdown.
    pub(crate) log: String,
    /// `audit verify` of the run.
    pub(crate) verified: Said,
    /// Who answered a client that asked for [`NAME`] afterwards.
    pub(crate) answering: Option<Server>,
    /// Whether the process of dns1, and that of dns2, was there afterwards.
    pub(crate) running: [bool; 2],
}

/// The shop with its servers, and a desk from which it is looked after. Fields are dropped in this order.
pub(crate) struct Shop {
    pub(crate) lab: Lab,
    pub(crate) desk: Desk,
    _folder: TempDir,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = Lab::start(folder.path()).unwrap();
        Self { lab, desk: Desk::with("runbooks"), _folder: folder }
    }

    /// The words that start the failover, with times that a test has.
    pub(crate) fn words(&self, recovery: &str) -> Vec<String> {
        let log_dir = format!("log_dir={}", self.lab.log_dir().display());
        let recovery = format!("recovery_time={recovery}");
        let params = [&format!("name={NAME}"), "check_every=500ms", &recovery, &log_dir];
        let options = params.into_iter().flat_map(|param| ["-p".to_owned(), (*param).to_owned()]);
        ["run".to_owned(), "dns-failover".to_owned()].into_iter().chain(options).collect()
    }

    /// PATH with `dnsTool` first.
    pub(crate) fn path(&self) -> OsString {
        let mut path = self.lab.bin_dir().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        path
    }

    /// The program, with `dnsTool` on PATH.
    pub(crate) fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = self.desk.command(words);
        command.env("PATH", self.path());
        command
    }

    /// Runs the failover at a terminal, where each prompt is answered by the first rule that fits, and looks around.
    #[track_caller]
    pub(crate) fn sit_through(self, recovery: &str, rules: &[Rule]) -> Sitting {
        let words = self.words(recovery);
        let mut command = self.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        command.env("TERM", "xterm-256color");
        let mut person = Person::sit_down(command, None).unwrap();
        let ended = person.attend(rules, 2 * SOON, &AtomicBool::new(false));
        let page = person.page();
        let status = ended.unwrap_or_else(|error| unreachable!("{error}\n{page}"));
        self.look_around(code(status), page)
    }

    /// Runs the failover to its end where nobody sits.
    #[track_caller]
    pub(crate) fn unattended(&self, recovery: &str, more: &[&str]) -> Started {
        let words = self.words(recovery);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Started::from(self.command(&words))
    }

    pub(crate) fn look_around(self, code: i32, page: String) -> Sitting {
        Sitting {
            code,
            page,
            story: self.desk.story(),
            log: self.desk.do_it(&["log", "latest"]).ended(0).out,
            verified: self.desk.do_it(&["audit", "verify", "latest"]),
            answering: self.lab.query_as_client(NAME).ok().and_then(|answer| answer.server),
            running: [Server::Dns1, Server::Dns2].map(|server| self.lab.is_running(server).unwrap()),
        }
    }
}

/// A shop where this has happened to the active server, which is dns1.
pub(crate) fn broken_by(fault: Fault) -> Shop {
    let shop = Shop::open();
    assert_eq!(shop.lab.inject(fault).unwrap(), Server::Dns1);
    shop
}

/// A person who allows everything.
pub(crate) fn allows_all() -> Vec<Rule> {
    vec![Rule::new("[y/n/?", "y")]
}
