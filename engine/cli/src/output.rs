//! Standard output and standard error: the only place that writes to them.

use std::io::{self, IsTerminal as _, Write};

use supports_color::Stream;

use crate::failure::Failure;
use crate::text::{Line, Style};

/// Columns that are taken where no terminal says how many it has.
const COLUMNS_WITHOUT_TERMINAL: usize = 100;
/// Columns below which nothing can be read any more.
const COLUMNS_MIN: usize = 20;

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// Where the terminal knows them and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a command writes.
pub struct Output {
    out: Box<dyn Write>,
    colour: bool,
    columns: usize,
    is_terminal: bool,
}

impl Output {
    /// Standard output, with colours as chosen.
    #[must_use]
    pub fn stdout(choice: ColorChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            out: Box::new(io::BufWriter::with_capacity(64 << 10, io::stdout())),
            colour: colour(choice, Stream::Stdout),
            columns: columns(is_terminal),
            is_terminal,
        }
    }

    /// Anything, as if it were a terminal of so many columns without colours: for tests.
    #[must_use]
    pub fn to(out: Box<dyn Write>, columns: usize) -> Self {
        Self { out, colour: false, columns, is_terminal: false }
    }

    /// Whether colours are used.
    #[must_use]
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// How many columns there are.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Whether a person may be looking.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a line as it is.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be written.
    pub fn line(&mut self, line: impl Into<Line>) -> Result<(), Failure> {
        let text = line.into().render(self.colour);
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Writes a line, broken at the width of the screen; what follows the first is indented.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn wrapped(&mut self, line: impl Into<Line>, indent: usize) -> Result<(), Failure> {
        line.into().wrap(self.columns, indent).into_iter().try_for_each(|line| self.line(line))
    }

    /// Writes a text that is ours or meant for a machine, byte for byte.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn raw(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Writes JSON, over several lines.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn json(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{value:#}")?)
    }

    /// Writes what is still held back. Where that fails, nothing is written any more: it has been told once.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| {
            // It would fail once more for each later line, and hide how the command ended.
            self.out = Box::new(io::sink());
            error.into()
        })
    }
}

/// Writes why a command stopped to standard error.
pub fn report(failure: &Failure, choice: ColorChoice) {
    if failure.what.is_empty() {
        return;
    }
    let colour = colour(choice, Stream::Stderr);
    let columns = columns(io::stderr().is_terminal());
    let mut lines = Vec::new();
    for what in failure.what.lines() {
        lines.extend(
            Line::new().and(Style::Bad, "error").and(Style::Plain, ": ").and(Style::Plain, what).wrap(columns, 7),
        );
    }
    for help in &failure.help {
        let line = Line::new().and(Style::Strong, "help").and(Style::Plain, ": ").and(Style::Plain, help);
        // A command is there to be copied: it stays in one piece.
        lines.extend(if help.contains('`') { vec![line] } else { line.wrap(columns, 6) });
    }
    let text: String = lines.iter().map(|line| line.render(colour) + "\n").collect();
    // Where standard error is closed there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes lines to standard error that say what is going on; data goes to standard output.
pub fn tell(lines: &[Line], choice: ColorChoice) {
    let colour = colour(choice, Stream::Stderr);
    let text: String = lines.iter().map(|line| line.render(colour) + "\n").collect();
    // Where standard error is closed there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes a text of ours to standard error.
pub fn tell_text(text: &str) {
    // As above.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn colour(choice: ColorChoice, stream: Stream) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => supports_color::on(stream).is_some(),
    }
}

/// How many columns the terminal has now.
#[must_use]
pub fn columns(is_terminal: bool) -> usize {
    if !is_terminal {
        return COLUMNS_WITHOUT_TERMINAL;
    }
    size().map_or(80, |(columns, _)| columns)
}

/// Columns and rows of the terminal, as it says; `None` where there is none or it does not say.
#[must_use]
pub fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout())
        .or_else(|_| rustix::termios::tcgetwinsize(rustix::stdio::stderr()))
        .ok()?;
    (size.ws_col > 0).then(|| (usize::from(size.ws_col).max(COLUMNS_MIN), usize::from(size.ws_row).max(4)))
}
