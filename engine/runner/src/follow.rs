//! A transcript that another process writes, followed as it grows.

use std::path::PathBuf;
use std::time::Duration;

use runbook_transcript::entry::Entry;
use runbook_transcript::file::FileError;
use runbook_transcript::growing::Growing;
use runbook_transcript::reader::{ReadError, Reader};
use runbook_transcript::run_dir::RunDir;

use crate::inbox::Watch;

/// Time after which is looked in any case: a process that dies changes no file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows a transcript. Must be made inside a tokio runtime with its io and time drivers.
#[derive(Debug)]
pub struct Follow {
    reader: Reader<Growing>,
    watch: Watch,
}

impl Follow {
    /// Begins at the first entry.
    ///
    /// # Errors
    /// [`FileError`] when the transcript cannot be opened.
    pub fn open(run: &RunDir) -> Result<Self, FileError> {
        let path: PathBuf = run.transcript();
        // First the watch: what is written between the two is heard of.
        let watch = Watch::of_file(&path);
        let growing = Growing::open(&path)?;
        Ok(Self { reader: Reader::new(growing, &path, Some(run.id().clone())), watch })
    }

    /// The next entry, if there is one by now.
    ///
    /// # Errors
    /// [`ReadError`] when it is not what it should be.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        self.reader.go_on();
        self.reader.next().transpose()
    }

    /// Waits until something may have changed, for a second at most.
    pub async fn changed(&mut self) {
        // That nothing came in time is as good.
        let _timed_out = tokio::time::timeout(LOOK_EVERY, self.watch.changed()).await;
    }
}
