//! What can be said about a whole run from its files alone, and what cannot.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::blob::{Blobs, Presence};
use crate::boot::BootTime;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::file::FileError;
use crate::kind;
use crate::ledger::Ledger;
use crate::reader::{ReadError, Reader};
use crate::run_dir::RunDir;
use crate::run_id::RunId;
use crate::writer::count_kind;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it should be, and the run is sealed.
    Sealed,
    /// All is as it should be so far; the run goes on, or was interrupted.
    Unsealed,
    /// The transcript is sound, and contradicts the ledger.
    LedgerMismatch {
        /// How, for a person.
        why: String,
    },
    /// An entry is not what it should be.
    Broken {
        /// The first such entry.
        n: u64,
        /// Why, for a person.
        why: String,
    },
}

impl Verdict {
    /// The exit code of `audit verify`: 0 sealed, 10 unsealed, 13 contradicts the ledger, 14 broken.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Sealed => 0,
            Self::Unsealed => 10,
            Self::LedgerMismatch { .. } => 13,
            Self::Broken { .. } => 14,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str("sealed"),
            Self::Unsealed => f.write_str("intact but unsealed"),
            Self::LedgerMismatch { why } => write!(f, "does not match the ledger: {why}"),
            Self::Broken { n, why } => write!(f, "broken at entry {n}: {why}"),
        }
    }
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The run.
    pub run: RunId,
    /// What was found.
    pub verdict: Verdict,
    /// Entries that are sound, from the first on.
    pub entries: u64,
    /// The digest of the last sound line.
    pub head: Digest,
    /// Sound entries of each kind.
    pub by_kind: BTreeMap<String, u64>,
    /// Bytes after the last whole line.
    pub torn_bytes: u64,
    /// Blobs whose bytes are what entries say.
    pub blobs: u64,
    /// Blobs that were erased and left a tombstone.
    pub erased: u64,
    /// What this cannot exclude, a sentence each.
    pub cannot_exclude: Vec<String>,
}

/// Looks at a whole run: every byte of its transcript, its meaning as far as the format knows it, the blobs it names,
/// and the ledger if there is one.
///
/// # Errors
/// [`FileError`] when the transcript or a blob is there and cannot be read.
pub fn verify(run: &RunDir, ledger: Option<&Ledger>) -> Result<Verification, FileError> {
    let mut reader = Reader::open(&run.transcript(), Some(run.id().clone()))?;
    let mut meaning = Meaning::default();
    let mut torn_bytes = 0;
    let mut broken: Option<(u64, String)> = None;
    while let Some(entry) = reader.next() {
        match entry {
            Ok(entry) => {
                let n = entry.n;
                if let Err(why) = meaning.take(&entry, reader.head()) {
                    broken = Some((n, why));
                    break;
                }
            }
            Err(ReadError::Torn { n, .. }) if meaning.seal.is_some() => {
                broken = Some((n, "something follows the seal".to_owned()));
            }
            Err(ReadError::Torn { bytes, .. }) => torn_bytes = bytes,
            Err(ReadError::Broken { n, why, .. }) => broken = Some((n, why.to_string())),
            Err(ReadError::File(error)) => return Err(error),
        }
    }
    let blobs = Found::look(&run.blobs(), &meaning.blobs)?;
    if let Some((n, why)) = blobs.broken
        && broken.as_ref().is_none_or(|(earlier, _)| n < *earlier)
    {
        broken = Some((n, why));
    }
    if broken.is_none() && meaning.count == 0 {
        broken = Some((0, "there is no entry".to_owned()));
    }
    let verdict = match (broken, ledger.and_then(|ledger| contradiction(ledger, run.id(), &meaning))) {
        (Some((n, why)), _) => Verdict::Broken { n, why },
        (None, Some(why)) => Verdict::LedgerMismatch { why },
        (None, None) if meaning.seal.is_some() => Verdict::Sealed,
        (None, None) => Verdict::Unsealed,
    };
    Ok(Verification {
        run: run.id().clone(),
        cannot_exclude: cannot_exclude(&verdict, ledger.is_some(), torn_bytes, blobs.erased),
        verdict,
        entries: meaning.count,
        head: meaning.head,
        by_kind: meaning.by_kind,
        torn_bytes,
        blobs: blobs.right,
        erased: blobs.erased,
    })
}

fn contradiction(ledger: &Ledger, run: &RunId, meaning: &Meaning) -> Option<String> {
    match ledger.check(run, meaning.first, meaning.seal) {
        Ok(mismatch) => mismatch.map(|mismatch| mismatch.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

/// What the format itself knows of the meaning of entries, in order.
#[derive(Debug)]
struct Meaning {
    count: u64,
    first: Digest,
    head: Digest,
    by_kind: BTreeMap<String, u64>,
    boot: BootTime,
    seal: Option<Digest>,
    /// Each blob an entry names, and the first entry that does.
    blobs: BTreeMap<Digest, u64>,
}

impl Default for Meaning {
    fn default() -> Self {
        Self {
            count: 0,
            first: Digest::ZERO,
            head: Digest::ZERO,
            by_kind: BTreeMap::new(),
            boot: BootTime::default(),
            seal: None,
            blobs: BTreeMap::new(),
        }
    }
}

impl Meaning {
    fn take(&mut self, entry: &Entry, digest: Digest) -> Result<(), String> {
        if self.seal.is_some() {
            return Err("it follows the seal".to_owned());
        }
        let is_start = entry.kind == kind::RUN_STARTED;
        if is_start != (entry.n == 0) {
            return Err(if is_start {
                "a run starts once".to_owned()
            } else {
                format!("a transcript begins with {:?}, not with {:?}", kind::RUN_STARTED, entry.kind)
            });
        }
        let floor = self.boot.floor_for(&entry.d);
        if entry.bt < floor {
            return Err(format!("time goes back within a boot: {} ms after {floor} ms", entry.bt));
        }
        self.name_blobs(&entry.d, entry.n)?;
        if entry.kind == kind::RUN_SEALED {
            self.check_seal(&entry.d)?;
            self.seal = Some(digest);
        }
        if is_start {
            self.first = digest;
        }
        self.boot.advance(entry.bt, &entry.d);
        self.head = digest;
        self.count += 1;
        count_kind(&mut self.by_kind, &entry.kind);
        Ok(())
    }

    fn check_seal(&self, d: &Map<String, Value>) -> Result<(), String> {
        match d.get(kind::COUNT).and_then(Value::as_u64) {
            Some(count) if count == self.count => {}
            Some(count) => return Err(format!("the seal counts {count} entries before it, there are {}", self.count)),
            None => return Err("the seal does not count what stands before it".to_owned()),
        }
        let by_kind = d.get(kind::BY_KIND).and_then(Value::as_object);
        let same = by_kind.is_some_and(|by_kind| {
            by_kind.len() == self.by_kind.len()
                && self.by_kind.iter().all(|(kind, count)| by_kind.get(kind).and_then(Value::as_u64) == Some(*count))
        });
        if same { Ok(()) } else { Err("the seal counts other numbers by kind than there are".to_owned()) }
    }

    /// Notes the digests an entry names: its own keys only, so that a value of a run called `blob` is just a value.
    fn name_blobs(&mut self, d: &Map<String, Value>, n: u64) -> Result<(), String> {
        for key in BLOB_KEYS {
            let Some(value) = d.get(key) else { continue };
            // The digest itself, or an object that says more about what the blob holds.
            let text = value.as_str().or_else(|| value.get(kind::BLOB).and_then(Value::as_str));
            let digest = text.and_then(Digest::parse);
            let digest = digest.ok_or_else(|| format!("its `{key}` is no sha256"))?;
            self.blobs.entry(digest).or_insert(n);
        }
        let called = d.get(CALLED_KEY).and_then(Value::as_object).into_iter().flatten();
        for (name, value) in called {
            let digest = value.as_str().and_then(Digest::parse);
            let digest = digest.ok_or_else(|| format!("its `{CALLED_KEY}` has no sha256 of {name:?}"))?;
            self.blobs.entry(digest).or_insert(n);
        }
        Ok(())
    }
}

/// The keys of an entry's `d` that hold the digest of a blob.
const BLOB_KEYS: [&str; 4] = ["blob", "plan", "source", "team"];

/// The key of a start that holds the digests of blobs by names: the runbooks that the run's own runs.
const CALLED_KEY: &str = "called";

/// What is in the folder of blobs, of those that entries name.
#[derive(Debug, Default)]
struct Found {
    right: u64,
    erased: u64,
    /// The first entry whose blob is not right, and why.
    broken: Option<(u64, String)>,
}

impl Found {
    fn look(blobs: &Blobs, named: &BTreeMap<Digest, u64>) -> Result<Self, FileError> {
        let mut found = Self::default();
        for (digest, n) in named {
            let problem = match blobs.presence(*digest) {
                Presence::Erased => {
                    found.erased += 1;
                    None
                }
                Presence::Missing => Some(format!("its blob {digest} is gone, and no tombstone says why")),
                Presence::There => {
                    let (actual, _) = Digest::of_file(&blobs.path_of(*digest))?;
                    (actual != *digest).then(|| format!("its blob {digest} was changed: its sha256 is {actual}"))
                }
            };
            match problem {
                Some(why) if found.broken.as_ref().is_none_or(|(earlier, _)| n < earlier) => {
                    found.broken = Some((*n, why));
                }
                Some(_) => {}
                None => found.right += 1,
            }
        }
        found.right -= found.erased;
        Ok(found)
    }
}

fn cannot_exclude(verdict: &Verdict, ledger: bool, torn_bytes: u64, erased: u64) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut say = |sentence: &str| sentences.push(sentence.to_owned());
    match verdict {
        Verdict::Broken { .. } => {
            say("What stands from the broken entry on was not looked at, and proves nothing.");
        }
        Verdict::Unsealed => {
            say("The run is not sealed: entries may have been cut off its end.");
            if torn_bytes > 0 {
                say("The last line has no end: what it would have said is not known.");
            }
        }
        Verdict::Sealed | Verdict::LedgerMismatch { .. } => {}
    }
    say("Nothing is signed: whoever can write to this store could have written all of it anew, ledger included.");
    if !ledger {
        say("There was no ledger to compare with: another run could stand in the place of this one.");
    }
    say("Times are what this machine's clock said.");
    if erased > 0 {
        say("What stood in the erased blobs can no longer be looked at, only that it had their digests.");
    }
    sentences
}
