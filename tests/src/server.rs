//! A server for requests, on the loopback: it answers as it is told, badly too, and keeps what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use crate::until::until;

/// What is done about one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This is answered: head and body as they go over the wire.
    Text(String),
    /// This is answered, and the connection is closed before the body is whole.
    Half(String),
    /// Nothing is answered; the connection stays until the server goes.
    Stall,
    /// Nothing is answered; the connection is closed.
    Drop,
}

impl Reply {
    /// An answer with a status line such as `200 OK`, a type and a body.
    #[must_use]
    pub fn of(status: &str, kind: &str, body: &str) -> Self {
        let length = body.len();
        Self::Text(format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"))
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status: &str, body: &str) -> Self {
        Self::of(status, "application/json", body)
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Got {
    /// Its first line.
    pub line: String,
    /// The rest of its head, a line each.
    pub headers: Vec<String>,
    /// Its body.
    pub body: String,
}

impl Got {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

#[derive(Debug, Default)]
struct Inside {
    over: AtomicBool,
    got: Mutex<Vec<Got>>,
    stalled: Mutex<Vec<TcpStream>>,
}

/// A server. It goes with this.
#[derive(Debug)]
pub struct Server {
    place: String,
    inside: Arc<Inside>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Server {
    /// One that gives these answers, one a request, and then the last of them for ever.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(replies: Vec<Reply>) -> Self {
        let mut replies = replies.into_iter().peekable();
        let mut last = replies.peek().cloned();
        Self::answering(move |_| {
            last = replies.next().or_else(|| last.clone());
            last.clone().unwrap_or(Reply::Drop)
        })
    }

    /// One that answers as this says.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn answering(mut answer: impl FnMut(&Got) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let inside = Arc::new(Inside::default());
        let kept = Arc::clone(&inside);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if kept.over.load(Ordering::SeqCst) {
                    return;
                }
                let Some(got) = read(&stream) else { continue };
                let reply = answer(&got);
                held(&kept.got).push(got);
                reply_with(stream, reply, &kept);
            }
        });
        Self { place, inside }
    }

    /// Where it listens: host and port.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The requests so far.
    #[must_use]
    pub fn got(&self) -> Vec<Got> {
        held(&self.inside.got).clone()
    }

    /// Waits until it was sent so many.
    ///
    /// # Panics
    /// When it was not [`SOON`](crate::until::SOON).
    #[track_caller]
    pub fn until_got(&self, count: usize) {
        until(|| if self.got().len() >= count { Ok(()) } else { Err(format!("{} requests came", self.got().len())) });
    }

    /// Answers all that it let wait.
    pub fn let_go(&self, answer: &str) {
        for mut stream in held(&self.inside.stalled).drain(..) {
            // Who waited may be gone.
            let _sent = stream.write_all(answer.as_bytes());
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.inside.over.store(true, Ordering::SeqCst);
        // Wakes the thread that listens.
        let _woken = TcpStream::connect(&self.place);
    }
}

fn reply_with(mut stream: TcpStream, reply: Reply, inside: &Inside) {
    // Who asked may be gone: that is what some tests are about.
    let _sent = match reply {
        Reply::Text(text) | Reply::Half(text) => stream.write_all(text.as_bytes()),
        Reply::Stall => {
            held(&inside.stalled).push(stream);
            return;
        }
        Reply::Drop => Ok(()),
    };
    let _closed = stream.shutdown(Shutdown::Write);
}

fn read(stream: &TcpStream) -> Option<Got> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut got = Got { line: lines.first()?.clone(), headers: lines.split_off(1), body: String::new() };
    let length = got.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    got.body = String::from_utf8_lossy(&body).into_owned();
    Some(got)
}
