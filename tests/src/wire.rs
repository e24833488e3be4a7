//! A connection that a test's server has with the program, in the clear or not.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::until::SOON;

/// Bytes a line may have, and a head of lines.
const LINE_BYTES_MAX: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub enum Wire {
    /// In the clear.
    Plain(TcpStream),
    /// Over TLS.
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// It was taken to pieces.
    Gone,
}

impl Wire {
    /// What was accepted; nobody waits for ever on it.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(SOON))?;
        stream.set_write_timeout(Some(SOON))?;
        Ok(Self::Plain(stream))
    }

    /// Goes on over TLS.
    ///
    /// # Errors
    /// When there is TLS already, or none comes about.
    pub fn encrypt(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Gone) else {
            return Err(io::Error::other("there is TLS already"));
        };
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        *self = Self::Tls(Box::new(StreamOwned::new(connection, stream)));
        Ok(())
    }

    /// Reads a line without its end; nothing where the other side has gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.read(&mut byte)? == 1 {
            if byte == [b'\n'] {
                return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()));
            }
            line.extend(byte);
            if line.len() > LINE_BYTES_MAX {
                return Err(io::Error::other("a line without an end"));
            }
        }
        Ok(None)
    }

    /// Reads until the other side goes.
    pub fn wait_for_the_end(&mut self) {
        let mut piece = [0; 1024];
        while self.read(&mut piece).is_ok_and(|count| count > 0) {}
    }

    /// Says it all at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        self.write_all(text.as_bytes())?;
        self.flush()
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            Self::Gone => Ok(0),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Gone => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Gone => Ok(()),
        }
    }
}
