//! A service's log, as an operator reads it: one line an event, time first.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use crate::lab::{Service, Site};

/// The log of one service, appended to line by line.
#[derive(Clone, Debug)]
pub struct LogFile {
    path: PathBuf,
    service: Service,
}

impl LogFile {
    /// Names the log of a service; the file appears with its first line.
    #[must_use]
    pub fn of(site: &Site, service: Service) -> Self {
        Self { path: site.log_file(service), service }
    }

    /// Appends what went as it should.
    pub fn info(&self, what: impl Display) {
        self.line("info", what);
    }

    /// Appends what went wrong.
    pub fn error(&self, what: impl Display) {
        self.line("error", what);
    }

    // A full disk must not stop a name server, so a line that cannot be written is lost. The file is opened for each line, in
    // one write of the whole line, so that it can be rotated and read at any time.
    fn line(&self, level: &str, what: impl Display) {
        let line = format!("{:.3} {} {level} {what}\n", jiff::Timestamp::now(), self.service);
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        let _lost = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
