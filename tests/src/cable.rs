//! A wire between a client and a server on this machine, which can be cut and held.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A wire. Dropped, it is down.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    line: Arc<Line>,
}

#[derive(Debug, Default)]
struct Line {
    down: AtomicBool,
    over: AtomicBool,
    made: AtomicUsize,
    /// Both ends of each connection.
    connections: Mutex<Vec<(TcpStream, TcpStream)>>,
    held: Mutex<bool>,
    let_go: Condvar,
}

impl Wire {
    /// One to a server.
    ///
    /// # Panics
    /// When there is no port for its own end.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(Line::default());
        let shared = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                if shared.down.load(Ordering::SeqCst) {
                    drop(client);
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                shared.made.fetch_add(1, Ordering::SeqCst);
                // It may have gone down meanwhile: both are under one lock.
                let mut connections = lock(&shared.connections);
                let (Ok(one), Ok(other)) = (client.try_clone(), server.try_clone()) else { continue };
                if shared.down.load(Ordering::SeqCst) {
                    continue;
                }
                connections.push((one, other));
                drop(connections);
                for (from, to) in [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))] {
                    let (Ok(from), Ok(to)) = (from, to) else { continue };
                    let line = Arc::clone(&shared);
                    std::thread::spawn(move || carry(&line, from, to));
                }
            }
        });
        Self { port, line }
    }

    /// The port of its own end.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections were made over it.
    #[must_use]
    pub fn made(&self) -> usize {
        self.line.made.load(Ordering::SeqCst)
    }

    /// Cuts every connection that there is; new ones can be made.
    pub fn cut(&self) {
        for (client, server) in lock(&self.line.connections).drain(..) {
            let _gone = client.shutdown(Shutdown::Both);
            let _gone = server.shutdown(Shutdown::Both);
        }
    }

    /// Cuts all, and closes new ones at once.
    pub fn down(&self) {
        self.line.down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Takes new connections again.
    pub fn up(&self) {
        self.line.down.store(false, Ordering::SeqCst);
    }

    /// Carries nothing from now on, and closes nothing: as a machine that is frozen.
    pub fn hold(&self) {
        *lock(&self.line.held) = true;
    }

    /// Carries again, what was held first.
    pub fn let_go(&self) {
        *lock(&self.line.held) = false;
        self.line.let_go.notify_all();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.line.over.store(true, Ordering::SeqCst);
        self.let_go();
        self.down();
        // The one who waits for connections hears of it.
        let _heard = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn carry(line: &Line, mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 16 << 10];
    let mut carry_one = || -> io::Result<bool> {
        let count = from.read(&mut piece)?;
        let mut held = lock(&line.held);
        while *held {
            held = line.let_go.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        drop(held);
        to.write_all(piece.get(..count).unwrap_or_default())?;
        Ok(count > 0)
    };
    while matches!(carry_one(), Ok(true)) {}
    // The end of one direction is the end of what it says, not of what it hears.
    let _gone = to.shutdown(Shutdown::Write);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
