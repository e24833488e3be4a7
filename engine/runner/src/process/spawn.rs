//! Starts a child.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::Pid;
use tokio::net::unix::pipe;

use super::running::{Input, Output, Parts, Running};
use super::spec::{Spec, Stdin};
use super::terminate;
use super::watch::Watch;

/// Starts the child and returns at once. Must be called inside a tokio runtime with its io and time drivers.
///
/// A [`Running`] that is dropped without being waited for kills its group.
///
/// # Errors
///
/// [`SpawnError`] says whether the program, its interpreter, the directory or the input is at fault. Nothing was
/// started then, but for [`SpawnError::Unwatched`].
///
/// # Panics
///
/// When the program's path or the directory is not absolute: what they mean would depend on who starts the child.
pub fn start(spec: Spec) -> Result<Running, SpawnError> {
    assert!(spec.program.is_absolute(), "a program is resolved before it is started");
    assert!(spec.directory.is_absolute(), "a child's directory is made absolute before it is started");
    let other = |error| SpawnError::Other { program: spec.program.clone(), error };

    let (stdin, input) = open_stdin(&spec)?;
    let (stdout, stdout_end) = output_pipe().map_err(other)?;
    let (stderr, stderr_end) = output_pipe().map_err(other)?;

    let called = spec.called.clone();
    let expression = duct::cmd(&spec.program, &spec.words)
        .full_env(spec.environment.iter().map(|(name, value)| (name, value)))
        .dir(&spec.directory)
        .stdout_file(stdout_end)
        .stderr_file(stderr_end)
        // An exit code other than 0 is an answer here, not an error.
        .unchecked()
        .before_spawn(move |command| {
            command.process_group(0);
            if let Some(called) = &called {
                command.arg0(called);
            }
            Ok(())
        });
    let expression = match stdin {
        ChildStdin::Null => expression.stdin_null(),
        ChildStdin::Pipe(reader) => expression.stdin_file(reader),
        ChildStdin::File(file) => expression.stdin_file(file),
    };
    let started = std::time::Instant::now();
    let handle = expression.start().map_err(|error| explain(&spec, error))?;
    // The expression holds our copies of the child's ends: without this no pipe would ever close.
    drop(expression);

    let pid = handle.pids().first().and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?));
    let Some(pid) = pid else { unreachable!("a command that started has a pid") };
    // The child is not reaped before its handle is asked, so the number is still its own even if it has ended.
    match Watch::new(pid) {
        Ok(leader) => Ok(Running::new(Parts { spec, handle, pid, leader, started, input, stdout, stderr })),
        Err(error) => {
            terminate::kill(pid);
            let _status = handle.wait();
            Err(SpawnError::Unwatched { program: spec.program.clone(), error })
        }
    }
}

enum ChildStdin {
    Null,
    Pipe(PipeReader),
    File(File),
}

fn open_stdin(spec: &Spec) -> Result<(ChildStdin, Option<Input>), SpawnError> {
    match &spec.stdin {
        Stdin::Closed => Ok((ChildStdin::Null, None)),
        Stdin::File(path) => match open_regular(path) {
            Ok(file) => Ok((ChildStdin::File(file), None)),
            Err(error) => Err(SpawnError::Input { path: path.clone(), error }),
        },
        Stdin::Pipe(pipe) => match pipe.try_clone() {
            Ok(pipe) => Ok((ChildStdin::File(File::from(pipe)), None)),
            Err(error) => Err(SpawnError::Other { program: spec.program.clone(), error }),
        },
        Stdin::Bytes(bytes) => {
            input_pipe(bytes).map_err(|error| SpawnError::Other { program: spec.program.clone(), error })
        }
    }
}

/// Opens a file to be read. Only a regular one: opening a pipe without a writer would block for ever.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Makes the pipe for stdin and fills it. What does not fit is written during the wait; mostly all of it fits, and the
/// runtime never hears of the pipe.
fn input_pipe(bytes: &[u8]) -> io::Result<(ChildStdin, Option<Input>)> {
    let (reader, mut writer): (PipeReader, PipeWriter) = io::pipe()?;
    ioctl_fionbio(&writer, true)?;
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match writer.write(rest) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let pipe = pipe::Sender::from_owned_fd_unchecked(writer.into())?;
                return Ok((ChildStdin::Pipe(reader), Some(Input { pipe, written })));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((ChildStdin::Pipe(reader), None))
}

/// Makes the pipe for an output. Only our end is non-blocking: programs do not expect their stdout to be. Its size is
/// the default, as larger ones are slower: they fall out of the processor's cache.
fn output_pipe() -> io::Result<(Output, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    ioctl_fionbio(&reader, true)?;
    let pipe = pipe::Receiver::from_owned_fd_unchecked(OwnedFd::from(reader))?;
    Ok((pipe, writer))
}

/// Why there is no child.
#[derive(Debug)]
pub enum SpawnError {
    /// The program's file does not exist (any more).
    MissingProgram {
        /// Its path.
        program: PathBuf,
    },
    /// The program's file exists, but not what its first line or its header says it is run by.
    MissingInterpreter {
        /// Its path.
        program: PathBuf,
    },
    /// The program's file may not be executed, or is no program.
    NotExecutable {
        /// Its path.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The directory it should start in does not exist, is none, or may not be entered.
    Directory {
        /// Its path.
        directory: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file it should read cannot be opened, or is not a regular file.
    Input {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It was started, could not be watched, and was killed at once: it may have done a part of its work. The only
    /// variant where anything ran; too many open files are the likely cause, or SIGCHLD ignored by who started us.
    Unwatched {
        /// The program's path.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Anything else: too many processes or open files, words too long, a NUL in a word.
    Other {
        /// The program's path.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Finds out what an error of the spawn was about. The system says "no such file" of the program, of its interpreter
/// and of the directory alike.
fn explain(spec: &Spec, error: io::Error) -> SpawnError {
    let program = spec.program.clone();
    let directory = spec.directory.clone();
    if let Err(error) = enterable(&directory) {
        return SpawnError::Directory { directory, error };
    }
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT) if program.exists() => SpawnError::MissingInterpreter { program },
        Some(Errno::NOENT | Errno::NOTDIR) => SpawnError::MissingProgram { program },
        Some(Errno::ACCESS | Errno::NOEXEC | Errno::ISDIR) => SpawnError::NotExecutable { program, error },
        _ => SpawnError::Other { program, error },
    }
}

fn enterable(directory: &Path) -> io::Result<()> {
    if !directory.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(rustix::fs::access(directory, rustix::fs::Access::EXEC_OK)?)
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingProgram { program } => write!(f, "program {} does not exist", program.display()),
            Self::MissingInterpreter { program } => {
                write!(f, "program {} exists, but not the interpreter it names", program.display())
            }
            Self::NotExecutable { program, error } => {
                write!(f, "program {} is not executable: {error}", program.display())
            }
            Self::Directory { directory, error } => {
                write!(f, "directory {} cannot be entered: {error}", directory.display())
            }
            Self::Input { path, error } => write!(f, "input {} cannot be read: {error}", path.display()),
            Self::Unwatched { program, error } => {
                write!(f, "program {} was started and killed, as it could not be watched: {error}", program.display())
            }
            Self::Other { program, error } => write!(f, "program {} could not be started: {error}", program.display()),
        }
    }
}

impl std::error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotExecutable { error, .. }
            | Self::Directory { error, .. }
            | Self::Input { error, .. }
            | Self::Unwatched { error, .. }
            | Self::Other { error, .. } => Some(error),
            Self::MissingProgram { .. } | Self::MissingInterpreter { .. } => None,
        }
    }
}
