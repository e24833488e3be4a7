//! A cgroup for one act, where this account may make one: what is in it can be ended at once, however fast it forks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the one hierarchy of cgroup v2 is mounted; the second where a machine still has the old ones too.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// A cgroup that was made for an act.
#[derive(Debug)]
pub(super) struct Cgroup {
    own: PathBuf,
    parent: PathBuf,
}

impl Cgroup {
    /// Makes one and goes into it; nothing where that may not be done. What is started before [`Self::leave`] is born
    /// in it, so that nothing can be quicker.
    pub(super) fn enter() -> Option<Self> {
        let place = fs::read_to_string("/proc/self/cgroup").ok()?;
        let place = place.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let parent = MOUNTS
            .iter()
            .map(|mount| Path::new(mount))
            .find(|mount| mount.join("cgroup.procs").is_file())
            .map(|mount| mount.join(place))?;
        let own = parent.join(format!("runbook-act-{}", std::process::id()));
        fs::create_dir(&own).ok()?;
        let cgroup = Self { own, parent };
        if cgroup.own.join("cgroup.kill").is_file() && go_into(&cgroup.own).is_ok() {
            return Some(cgroup);
        }
        cgroup.remove();
        None
    }

    /// Goes back to where this process came from.
    pub(super) fn leave(&self) {
        // One that cannot go back must not be killed with the act: then the act is not ended this way.
        let _back = go_into(&self.parent);
    }

    /// Kills everything in it.
    pub(super) fn kill(&self) {
        let own = std::process::id().to_string();
        let inside = fs::read_to_string(self.own.join("cgroup.procs")).unwrap_or_default();
        if !inside.lines().any(|pid| pid == own) {
            let _killed = fs::write(self.own.join("cgroup.kill"), "1");
        }
    }

    /// Takes it away, unless something still lives in it.
    pub(super) fn remove(&self) {
        let _busy = fs::remove_dir(&self.own);
    }
}

fn go_into(cgroup: &Path) -> io::Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0")
}
