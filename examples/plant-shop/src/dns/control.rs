//! The control protocol of the lab's services: a line asked over TCP, a line answered.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// The longest line taken, in bytes; the protocol's own are much shorter.
const LINE_BYTES_MAX: u64 = 512;

/// Asks a service one line and returns the line it answers, without its end. A process that is stopped takes the connection,
/// because the kernel does, and never answers: only the answer counts.
///
/// # Errors
/// [`ControlError`] when nobody listens, or nobody answers within `limit`.
pub fn ask(at: SocketAddr, line: &str, limit: Duration) -> Result<String, ControlError> {
    let asked = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&at, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.trim_end().to_owned())
    };
    asked().map_err(|source| ControlError { at, limit, source })
}

/// Answers every line asked at `listener` with what `answer` makes of it, for as long as the process lives.
pub(super) async fn serve(listener: TcpListener, answer: impl Fn(&str) -> String + Clone + Send + 'static) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            continue;
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            let (read, mut write) = stream.split();
            let mut line = String::new();
            let asked = tokio::io::BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await;
            if asked.is_ok_and(|count| count > 0) {
                let said = format!("{}\n", answer(line.trim_end()));
                let _asker_gone = write.write_all(said.as_bytes()).await;
            }
        });
    }
}

/// A service that did not answer on its control port.
#[derive(Debug)]
pub struct ControlError {
    at: SocketAddr,
    limit: Duration,
    source: io::Error,
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.source.kind();
        if matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            write!(f, "no answer at {} within {} s", self.at, self.limit.as_secs())
        } else if kind == io::ErrorKind::ConnectionRefused {
            write!(f, "nothing listens at {}", self.at)
        } else {
            write!(f, "{} at {}", self.source, self.at)
        }
    }
}

impl std::error::Error for ControlError {}
