//! A cgroup to end in it what forks faster than it can be killed one by one, where this account may make one.
//!
//! It is made when something has to be ended by force, not when an act starts: to go into a cgroup costs up to 15 ms,
//! and hardly any act needs it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

/// Where the one hierarchy of cgroup v2 is mounted; the second where a machine still has the old ones too.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// A cgroup of this process's own making. Dropped, it goes away, unless something still lives in it.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes one beside this process; nothing where that may not be done, or the kernel cannot kill one.
    pub(super) fn make() -> Option<Self> {
        let place = fs::read_to_string("/proc/self/cgroup").ok()?;
        let place = place.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let mount = MOUNTS.iter().map(Path::new).find(|mount| mount.join("cgroup.procs").is_file())?;
        let path = mount.join(place).join(format!("runbook-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let cgroup = Self { path };
        cgroup.path.join("cgroup.kill").is_file().then_some(cgroup)
    }

    /// Takes processes in, and with them whatever they start from then on; then kills all at once.
    pub(super) fn kill(&self, processes: &[Pid]) {
        for pid in processes {
            // One that has ended meanwhile is as good as killed.
            let _gone = fs::write(self.path.join("cgroup.procs"), pid.as_raw_pid().to_string());
        }
        let _killed = fs::write(self.path.join("cgroup.kill"), "1");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _busy = fs::remove_dir(&self.path);
    }
}
