//! Who and where the operating system says we are: account, host, boot, and the environment programs get.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use runbook_core::run::calls::Calls;
use runbook_core::run::record::{Actor, Auth};

/// Variables every program gets, if the engine has them.
const CLEAN: [&str; 5] = ["PATH", "HOME", "LANG", "TERM", "TZ"];
/// Where programs are looked for when the engine itself has no PATH.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// An account of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// Its name; `uid-1000` where the machine has none for it.
    pub name: String,
}

impl Account {
    /// The account this process runs as.
    #[must_use]
    pub fn current() -> Self {
        Self::of(rustix::process::getuid().as_raw())
    }

    /// The account with a number.
    #[must_use]
    pub fn of(uid: u32) -> Self {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = find(&passwd, uid, 0).unwrap_or_else(|| format!("uid-{uid}"));
        Self { uid, name }
    }

    /// Whether this machine has an account of a name.
    #[must_use]
    pub fn is_known(name: &str) -> bool {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        !name.is_empty() && passwd.lines().any(|line| line.split(':').next() == Some(name))
    }

    /// This account, as who did something. `origin` is from where: `terminal`, `option --yes`.
    #[must_use]
    pub fn actor(&self, origin: &str) -> Actor {
        Actor { id: self.name.clone(), auth: Auth::Tty, uid: self.uid, origin: origin.to_owned() }
    }
}

/// A field of the account's line in `/etc/passwd`: 0 is its name, 5 its home.
fn find(passwd: &str, uid: u32, field: usize) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        if number != uid {
            return None;
        }
        // Fields 0 and 2 are read; `nth` counts from 3.
        if field == 0 { Some(name.to_owned()) } else { fields.nth(field.checked_sub(3)?).map(str::to_owned) }
    })
}

/// The machine as a run sees it, looked at once when the run starts.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The host's name.
    pub host: String,
    /// Identity of the boot, from the kernel; empty where the kernel does not tell.
    pub boot_id: String,
    /// The account the run belongs to.
    pub account: Account,
    /// The engine's own environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The engine's working directory.
    pub directory: PathBuf,
    /// The engine's own program.
    pub program: PathBuf,
    /// The program that is a supervisor when its first word is [`VERB`](crate::supervisor::VERB): the engine's own.
    pub supervisor: PathBuf,
    /// How the program is called in the commands that people are sent.
    pub calls: Calls,
}

impl Machine {
    /// Looks at this machine and this process.
    #[must_use]
    pub fn current() -> Self {
        Self {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned(),
            account: Account::current(),
            environment: std::env::vars_os().collect(),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            program: PathBuf::from("/proc/self/exe"),
            supervisor: PathBuf::from("/proc/self/exe"),
            calls: Calls::default(),
        }
    }

    /// A variable of the engine's own environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The clean environment: PATH, HOME, LANG, TERM and TZ, as far as the engine has them, and always a PATH and HOME.
    #[must_use]
    pub fn clean_environment(&self) -> BTreeMap<String, OsString> {
        let mut clean: BTreeMap<String, OsString> =
            CLEAN.iter().filter_map(|name| Some(((*name).to_owned(), self.variable(name)?.to_owned()))).collect();
        clean.entry("PATH".to_owned()).or_insert_with(|| PATH_DEFAULT.into());
        clean.entry("HOME".to_owned()).or_insert_with(|| self.home().into());
        clean
    }

    fn home(&self) -> String {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        find(&passwd, self.account.uid, 5).unwrap_or_else(|| "/".to_owned())
    }

    /// Makes a path absolute, seen from the engine's working directory.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\n::\noncall:x:1001:1001:,,,:/home/oncall:/bin/sh\n";

    #[test]
    fn an_account_is_found_by_its_number_alone() {
        assert_eq!(find(PASSWD, 1001, 0).as_deref(), Some("oncall"));
        assert_eq!(find(PASSWD, 1001, 5).as_deref(), Some("/home/oncall"));
        assert_eq!(find(PASSWD, 0, 5).as_deref(), Some("/root"));
        assert_eq!(find(PASSWD, 7, 0), None);
        assert_eq!(Account::of(4_000_000_000).name, "uid-4000000000");
    }

    #[test]
    fn the_clean_environment_holds_nothing_else() {
        let mut machine = Machine::current();
        machine.environment =
            [("HOME", "/h"), ("LANG", "C"), ("SECRET", "x")].map(|(name, value)| (name.into(), value.into())).into();
        let clean = machine.clean_environment();
        assert_eq!(clean.keys().collect::<Vec<_>>(), ["HOME", "LANG", "PATH"]);
        assert_eq!(clean.get("PATH").and_then(|path| path.to_str()), Some(PATH_DEFAULT));
    }
}
