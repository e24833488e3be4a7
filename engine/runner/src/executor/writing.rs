//! Files of steps: what one would become, how that differs from what it is, and the change itself, whole or not at all.
//!
//! The new text goes into a file of its own beside the old one, is synced, gets the old one's mode and owner, and takes its
//! name in one move. Whoever reads the file sees the old one or the new one, and so does who looks after a crash: how an
//! attempt ended that nobody saw can be told from the file. A symbolic link is followed, and stays one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Instant;

use runbook_core::file_template::{self, FILE_TEMPLATE_BYTES_MAX, WRITTEN_BYTES_MAX};
use runbook_core::run::effect::{Invocation, Writing};
use runbook_core::run::event::Ending;
use runbook_core::run::record::{AttemptKey, End, StartFailure, StartFailureKind};
use runbook_transcript::canonical::{self, NotCanonical};
use runbook_transcript::digest::Digest;
use runbook_transcript::file::sync_directory;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::command;
use super::plan::{NotAPlan, quote};
use super::planner::{Planner, failure, utf8};
use super::stored::Members;
use crate::account::Machine;
use crate::process::open_regular;

/// The version of the form.
const VERSION: u64 = 1;
/// The mode of a file that was not there, where none is said.
const MODE_DEFAULT: u32 = 0o644;
/// The bits of a mode.
const MODE_BITS: u32 = 0o7777;

/// Exactly what will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WritingPlan {
    /// Absolute path of the file, no link.
    pub(crate) to: String,
    /// The handlebars file, as named.
    pub(crate) source: String,
    /// Its digest.
    pub(crate) source_digest: Digest,
    /// The digest of the new text, a blob.
    pub(crate) content: Digest,
    /// The mode the file will have.
    pub(crate) mode: u32,
    /// What the file is now: digest and mode; nothing where it is not there.
    pub(crate) before: Option<(Digest, u32)>,
    /// The host it is written on.
    pub(crate) host: String,
    /// The account it is written by.
    pub(crate) user: String,
}

/// A plan with what it takes to show it.
pub(crate) struct Planned {
    pub(crate) plan: WritingPlan,
    /// The new text.
    pub(crate) content: String,
    /// The bytes there are now.
    pub(crate) present: Option<Vec<u8>>,
}

impl Planned {
    /// Whether the file is so already.
    pub(crate) fn is_already_so(&self) -> bool {
        self.plan.before == Some((self.plan.content, self.plan.mode))
    }
}

/// Renders the file and looks what it would change. Nothing is touched.
pub(crate) fn plan(
    writing: &Writing,
    invocation: &Invocation,
    planner: &Planner,
    machine: &Machine,
) -> Result<Planned, StartFailure> {
    let rendering = |message: String| failure(StartFailureKind::Rendering, message);
    let text = read_source(&planner.directory.join(&writing.source))
        .map_err(|why| rendering(format!("template {}: {why}", writing.source)))?;
    let content = file_template::render(&text, &writing.values)
        .map_err(|error| rendering(format!("template {}: {error}", writing.source)))?;
    let directory = planner.directory(invocation.directory.as_deref())?;
    let to = resolve(&directory.join(&writing.to))?;
    let (present, before) = match look(&to).map_err(|error| cannot(&to, "read", &error))? {
        Some((bytes, mode)) => {
            let digest = Digest::of(&bytes);
            (Some(bytes), Some((digest, mode)))
        }
        None => (None, None),
    };
    let plan = WritingPlan {
        to: utf8(&to)?,
        source: writing.source.clone(),
        source_digest: Digest::of(text.as_bytes()),
        content: Digest::of(content.as_bytes()),
        mode: writing.mode.or(before.map(|(_, mode)| mode)).unwrap_or(MODE_DEFAULT),
        before,
        host: machine.host.clone(),
        user: machine.account.name.clone(),
    };
    Ok(Planned { plan, content, present })
}

/// Reads a handlebars file.
pub(crate) fn read_source(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let limit = FILE_TEMPLATE_BYTES_MAX as u64 + 1;
    open_regular(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
}

fn cannot(path: &Path, what: &str, error: &io::Error) -> StartFailure {
    failure(StartFailureKind::Other, format!("{} cannot be {what}: {error}", path.display()))
}

/// The file behind a name: its directory is there, a link is followed.
fn resolve(to: &Path) -> Result<PathBuf, StartFailure> {
    let named = to
        .file_name()
        .ok_or_else(|| failure(StartFailureKind::Rendering, format!("{} names no file", to.display())))?;
    let folder = to.parent().unwrap_or(Path::new("/"));
    let folder = folder.canonicalize().map_err(|error| {
        let message = if error.kind() == io::ErrorKind::NotFound {
            format!("directory {} does not exist, and none is made", folder.display())
        } else {
            format!("directory {} cannot be entered: {error}", folder.display())
        };
        failure(StartFailureKind::MissingDirectory, message)
    })?;
    let path = folder.join(named);
    match fs::symlink_metadata(&path) {
        Ok(data) if data.is_symlink() => path.canonicalize().map_err(|error| cannot(&path, "followed", &error)),
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        Err(error) => Err(cannot(&path, "looked at", &error)),
    }
}

/// What the file is now: its bytes and its mode; nothing where it is not there.
fn look(path: &Path) -> io::Result<Option<(Vec<u8>, u32)>> {
    // A pipe without a writer would block for ever, and a link is no file of ours.
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(WRITTEN_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > WRITTEN_BYTES_MAX {
        let message = format!("it has more than {WRITTEN_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(Some((bytes, data.mode() & MODE_BITS)))
}

impl WritingPlan {
    pub(super) fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut plan = json!({
            "v": VERSION,
            "to": self.to,
            "source": self.source,
            "source_sha256": self.source_digest.to_hex(),
            "sha256": self.content.to_hex(),
            "mode": self.mode,
            "host": self.host,
            "user": self.user,
            "changes": true,
        });
        if let (Some((digest, mode)), Some(plan)) = (self.before, plan.as_object_mut()) {
            plan.insert("before".to_owned(), json!({ "sha256": digest.to_hex(), "mode": mode }));
        }
        let mut bytes = Vec::new();
        canonical::encode(&plan, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn decode(form: &Map<String, Json>) -> Result<Self, NotAPlan> {
        let members = Members(form);
        if members.number("v")? != VERSION {
            return Err(NotAPlan { key: "v" });
        }
        let digest = |text: &str, key| Digest::parse(text).ok_or(NotAPlan { key });
        let mode = |number: u64, key| u32::try_from(number).map_err(|_| NotAPlan { key });
        let before = match form.get("before").map(|before| before.as_object().ok_or(NotAPlan { key: "before" })) {
            None => None,
            Some(before) => {
                let before = Members(before?);
                Some((digest(&before.text("sha256")?, "before")?, mode(before.number("mode")?, "before")?))
            }
        };
        Ok(Self {
            to: members.text("to")?,
            source: members.text("source")?,
            source_digest: digest(&members.text("source_sha256")?, "source_sha256")?,
            content: digest(&members.text("sha256")?, "sha256")?,
            mode: mode(members.number("mode")?, "mode")?,
            before,
            host: members.text("host")?,
            user: members.text("user")?,
        })
    }

    pub(super) fn shown(&self) -> String {
        let mode = match self.before {
            Some((_, mode)) if mode == self.mode => String::new(),
            Some((_, mode)) => format!(", mode {mode:04o} becomes {:04o}", self.mode),
            None => format!(", new, mode {:04o}", self.mode),
        };
        format!("# write {} from {}{mode}", quote(&self.to), quote(&self.source))
    }

    /// What is to be written, for who does it.
    pub(crate) fn ready(&self, key: &AttemptKey, content: PathBuf) -> ReadyWriting {
        ReadyWriting {
            to: self.to.clone().into(),
            content,
            digest: self.content.to_hex(),
            mode: self.mode,
            before: self.before.map(|(digest, mode)| (digest.to_hex(), mode)),
            draft: self.draft(key),
        }
    }

    /// The name of the file that becomes the new one. The same attempt has the same: what a crash left is found again.
    fn draft(&self, key: &AttemptKey) -> PathBuf {
        let to = Path::new(&self.to);
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        // A name has at most 255 bytes.
        let name: String = name.chars().take(40).collect();
        let mark =
            Digest::of(format!("{} {:?} {} {}", key.step, key.part, key.attempt, self.content.to_hex()).as_bytes());
        let mark = mark.to_hex();
        to.with_file_name(format!(".{name}.runbook-{}", mark.get(..12).unwrap_or_default()))
    }

    /// Looks how an attempt ended that nobody saw: by what the file is now. An end that was seen stays as it is.
    pub(crate) fn settled(&self, key: &AttemptKey, ending: Ending) -> Ending {
        if !matches!(ending.end, End::Lost(_)) {
            return ending;
        }
        self.seen(key).map_or(ending, command::ending)
    }

    /// How an attempt ended, by what the file is now; nothing where that does not tell.
    pub(crate) fn seen(&self, key: &AttemptKey) -> Option<End> {
        let end = self.looks()?;
        // One that stays does no harm.
        let _removed = fs::remove_file(self.draft(key));
        Some(end)
    }

    /// The same, and nothing is touched.
    pub(crate) fn looks(&self) -> Option<End> {
        let now = look(Path::new(&self.to)).ok()?.map(|(bytes, mode)| (Digest::of(&bytes), mode));
        if now == Some((self.content, self.mode)) {
            Some(End::Wrote)
        } else if now == self.before {
            let message = format!("{} was not written: the old file is still there", self.to);
            Some(End::NotStarted(failure(StartFailureKind::Other, message)))
        } else {
            None
        }
    }
}

/// What is to be written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReadyWriting {
    to: PathBuf,
    /// The blob with the new text.
    content: PathBuf,
    digest: String,
    mode: u32,
    before: Option<(String, u32)>,
    draft: PathBuf,
}

/// Writes it, and says how that ended. Where it fails the old file stays.
pub(crate) fn perform(ready: &ReadyWriting) -> Ending {
    let began = Instant::now();
    let end = write(ready).unwrap_or_else(|why| {
        let message = format!("{} cannot be written: {why}; it is as it was", ready.to.display());
        End::NotStarted(failure(StartFailureKind::Other, message))
    });
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ending { duration: std::time::Duration::from_millis(millis), ..command::ending(end) }
}

fn write(ready: &ReadyWriting) -> Result<End, String> {
    let said = |error: io::Error| error.to_string();
    let content = fs::read(&ready.content).map_err(said)?;
    if Digest::of(&content).to_hex() != ready.digest {
        return Err("the text that was approved is not the one that is kept".to_owned());
    }
    let now = look(&ready.to).map_err(said)?.map(|(bytes, mode)| (Digest::of(&bytes).to_hex(), mode));
    if now.as_ref().is_some_and(|(digest, mode)| *digest == ready.digest && *mode == ready.mode) {
        return Ok(End::Wrote);
    }
    if now != ready.before {
        return Err("it is not what it was when the change was shown".to_owned());
    }
    let folder = ready.to.parent().unwrap_or(Path::new("/"));
    if let Err(error) = replace(ready, &content) {
        // What is left of it is of no use; the error is what counts.
        let _removed = fs::remove_file(&ready.draft);
        return Err(said(error));
    }
    Ok(match sync_directory(folder) {
        Ok(()) => End::Wrote,
        Err(error) => End::Lost(format!("it was written, and may not be on disk: {error}")),
    })
}

fn replace(ready: &ReadyWriting, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(&ready.draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&ready.draft)?;
    file.write_all(content)?;
    keep_owner(&file, &ready.to)?;
    // After the owner: to give a file away takes away some bits of its mode.
    file.set_permissions(fs::Permissions::from_mode(ready.mode))?;
    file.sync_all()?;
    fs::rename(&ready.draft, &ready.to)
}

fn keep_owner(file: &File, old: &Path) -> io::Result<()> {
    let old = match fs::symlink_metadata(old) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let new = file.metadata()?;
    let other = |old: u32, new: u32| (old != new).then_some(old);
    let (user, group) = (other(old.uid(), new.uid()), other(old.gid(), new.gid()));
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    fchown(file, user, group)
        .map_err(|error| io::Error::new(error.kind(), format!("its owner cannot be kept: {error}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::os::unix::fs::symlink;

    use runbook_core::run::record::Part;

    use super::super::stored::StoredPlan;
    use super::*;

    fn key() -> AttemptKey {
        AttemptKey { step: "configure".to_owned(), part: Part::Main, attempt: 1 }
    }

    struct Bench {
        folder: tempfile::TempDir,
        to: PathBuf,
    }

    impl Bench {
        fn new(old: Option<&str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().canonicalize().unwrap().join("resolv.conf");
            if let Some(old) = old {
                fs::write(&to, old).unwrap();
                fs::set_permissions(&to, fs::Permissions::from_mode(0o640)).unwrap();
            }
            Self { folder, to }
        }

        fn plan(&self, content: &str) -> WritingPlan {
            let before = look(&self.to).unwrap().map(|(bytes, mode)| (Digest::of(&bytes), mode));
            fs::write(self.folder.path().join("content"), content).unwrap();
            WritingPlan {
                to: self.to.to_str().unwrap().to_owned(),
                source: "resolv.hbs".to_owned(),
                source_digest: Digest::of(b"s"),
                content: Digest::of(content.as_bytes()),
                mode: before.map_or(0o644, |(_, mode)| mode),
                before,
                host: "plant1".to_owned(),
                user: "oncall".to_owned(),
            }
        }

        fn ready(&self, plan: &WritingPlan) -> ReadyWriting {
            plan.ready(&key(), self.folder.path().join("content"))
        }

        fn names(&self) -> usize {
            fs::read_dir(self.folder.path()).unwrap().count()
        }
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        for old in [None, Some("old")] {
            let plan = Bench::new(old).plan("new");
            let stored = StoredPlan::Writing(plan);
            assert_eq!(StoredPlan::decode(&stored.encode().unwrap()), Ok(stored));
        }
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_kept_and_nothing_left_beside_it() {
        let bench = Bench::new(Some("old"));
        let plan = bench.plan("new");
        assert_eq!(perform(&bench.ready(&plan)).end, End::Wrote);
        assert_eq!(look(&bench.to).unwrap().unwrap(), (b"new".to_vec(), 0o640));
        assert_eq!(bench.names(), 2);
        // A second time it is so already.
        assert_eq!(perform(&bench.ready(&plan)).end, End::Wrote);
    }

    #[test]
    fn a_file_that_changed_since_it_was_planned_is_left_alone() {
        let bench = Bench::new(Some("old"));
        let plan = bench.plan("new");
        fs::write(&bench.to, "other").unwrap();
        let End::NotStarted(failure) = perform(&bench.ready(&plan)).end else { unreachable!("it was written") };
        assert!(failure.message.contains("not what it was when the change was shown"), "{}", failure.message);
        assert_eq!(fs::read(&bench.to).unwrap(), b"other");
        assert_eq!(plan.seen(&key()), None, "neither the old nor the new one");
    }

    #[test]
    fn how_it_ended_is_told_by_the_file_and_what_a_crash_left_goes() {
        let bench = Bench::new(None);
        let plan = bench.plan("new");
        fs::write(plan.draft(&key()), "ne").unwrap();
        assert!(matches!(plan.seen(&key()), Some(End::NotStarted(_))));
        assert!(!plan.draft(&key()).exists());
        fs::write(plan.draft(&key()), "ne").unwrap();
        assert_eq!(perform(&bench.ready(&plan)).end, End::Wrote);
        assert_eq!(plan.seen(&key()), Some(End::Wrote));
        let lost = command::ending(End::Lost("gone".to_owned()));
        assert_eq!(plan.settled(&key(), lost).end, End::Wrote);
    }

    #[test]
    fn a_link_is_followed_and_stays_and_one_to_nowhere_is_refused() {
        let bench = Bench::new(Some("old"));
        let link = bench.folder.path().join("link");
        symlink("resolv.conf", &link).unwrap();
        assert_eq!(resolve(&link).unwrap(), bench.to);
        symlink("gone", bench.folder.path().join("dangling")).unwrap();
        let error = resolve(&bench.folder.path().join("dangling")).unwrap_err();
        assert!(error.message.contains("dangling cannot be followed"), "{}", error.message);
        let error = resolve(&bench.folder.path().join("no/such")).unwrap_err();
        assert_eq!(error.kind, StartFailureKind::MissingDirectory);
    }
}
