//! An HTTP server on this machine that takes messages, or misbehaves in one of the ways that servers do.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use serde_json::Value;

use crate::wire::Wire;

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Way {
    /// It is answered: status, headers (each with its line end), body.
    Answer(u16, &'static str, &'static str),
    /// It is read, and never answered.
    Stall,
    /// It is read, and the connection dropped.
    Drop,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Got {
    /// Method and path.
    pub line: String,
    /// Headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl Got {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The server. It is gone when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    is_encrypted: bool,
    got: Arc<Mutex<Vec<Got>>>,
    over: Arc<AtomicBool>,
}

impl Receiver {
    /// One that does with each request the next of these, and the last with all that follow.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn new(ways: &[Way]) -> Self {
        Self::start(ways, None)
    }

    /// As [`Self::new`], over TLS.
    #[must_use]
    pub fn encrypted(ways: &[Way], config: Arc<ServerConfig>) -> Self {
        Self::start(ways, Some(config))
    }

    fn start(ways: &[Way], config: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let over: Arc<AtomicBool> = Arc::default();
        let is_encrypted = config.is_some();
        let (seen, ended, ways) = (Arc::clone(&got), Arc::clone(&over), ways.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (seen, ways, config) = (Arc::clone(&seen), ways.clone(), config.clone());
                // What a client does to its connection is no failure of the server.
                std::thread::spawn(move || serve(stream, &seen, &ways, config).is_ok());
            }
        });
        Self { port, is_encrypted, got, over }
    }

    /// Its address with this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// What came in so far.
    ///
    /// # Panics
    /// When one of its threads did.
    #[must_use]
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that listens.
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// A port of this machine where nobody listens.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Got>>, ways: &[Way], config: Option<Arc<ServerConfig>>) -> io::Result<()> {
    let mut wire = Wire::of(stream)?;
    if let Some(config) = config {
        wire.encrypt(config)?;
    }
    let Some(line) = wire.line()? else { return Ok(()) };
    let mut headers = BTreeMap::new();
    while let Some(header) = wire.line()?.filter(|header| !header.is_empty()) {
        if let Some((name, value)) = header.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    wire.read_exact(&mut body)?;
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(Got { line, headers, body: String::from_utf8_lossy(&body).into_owned() });
        seen.len() - 1
    };
    match ways.get(number).or(ways.last()) {
        Some(Way::Answer(status, headers, body)) => {
            let length = body.len();
            wire.say(&format!(
                "HTTP/1.1 {status} Said\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            ))
        }
        Some(Way::Stall) => {
            wire.wait_for_the_end();
            Ok(())
        }
        Some(Way::Drop) | None => Ok(()),
    }
}
