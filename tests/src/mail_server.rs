//! A mail server on this machine, as small as it can be: it takes mail, or misbehaves in one of the ways they do.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;

use crate::wire::Wire;

/// How it is spoken to.
#[derive(Debug, Clone)]
pub enum Speaks {
    /// In the clear.
    Plain,
    /// In the clear until the client asks for TLS.
    StartTls(Arc<ServerConfig>),
    /// Over TLS from the first byte.
    Tls(Arc<ServerConfig>),
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Nothing is said, ever.
    Stall,
    /// The connection is dropped when the message is to be sent.
    Drop,
    /// So many times the mailbox is busy.
    Busy(usize),
    /// There is no such mailbox.
    NoMailbox,
}

/// Mail as it came in.
#[derive(Debug, Clone)]
pub struct Mail {
    /// What was said before the message, a line each.
    pub said: Vec<String>,
    /// Whether the message came over TLS.
    pub encrypted: bool,
    /// Its lines.
    pub lines: Vec<String>,
}

impl Mail {
    /// A header on one line.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.lines.iter().take_while(|line| !line.is_empty());
        let mut found: Option<String> = None;
        for line in head {
            match &mut found {
                Some(value) if line.starts_with([' ', '\t']) => value.push_str(line),
                Some(_) => break,
                None => found = line.strip_prefix(&format!("{name}: ")).map(str::to_owned),
            }
        }
        found
    }

    /// What stands below the headers.
    #[must_use]
    pub fn body(&self) -> String {
        self.lines.iter().skip_while(|line| !line.is_empty()).skip(1).cloned().collect::<Vec<_>>().join("\n")
    }
}

/// The server. It is gone when it is dropped.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    held: Arc<Held>,
    over: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Held {
    speaks: Speaks,
    trouble: Trouble,
    /// What `AUTH PLAIN` has to say, in base64.
    account: Option<&'static str>,
    mails: Mutex<Vec<Mail>>,
    sessions: Mutex<usize>,
}

impl MailServer {
    /// One that takes mail for anybody.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn new(speaks: Speaks, account: Option<&'static str>, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(Held { speaks, trouble, account, mails: Mutex::default(), sessions: Mutex::default() });
        let over: Arc<AtomicBool> = Arc::default();
        let (server, ended) = (Arc::clone(&held), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let server = Arc::clone(&server);
                // What a client does to its connection is no failure of the server.
                std::thread::spawn(move || server.serve(stream).is_ok());
            }
        });
        Self { port, held, over }
    }

    /// Host and port.
    #[must_use]
    pub fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What came in so far.
    ///
    /// # Panics
    /// When one of its threads did.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.held.mails.lock().unwrap().clone()
    }

    /// How often somebody came.
    ///
    /// # Panics
    /// When one of its threads did.
    #[must_use]
    pub fn sessions(&self) -> usize {
        *self.held.sessions.lock().unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that listens.
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Held {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut wire = Wire::of(stream)?;
        let session = {
            let mut sessions = self.sessions.lock().unwrap();
            *sessions += 1;
            *sessions
        };
        if self.trouble == Trouble::Stall {
            wire.wait_for_the_end();
            return Ok(());
        }
        let mut encrypted = false;
        if let Speaks::Tls(config) = &self.speaks {
            wire.encrypt(Arc::clone(config))?;
            encrypted = true;
        }
        wire.say("220 desk.example ready\r\n")?;
        let mut said = Vec::new();
        let mut known = self.account.is_none();
        while let Some(line) = wire.line()? {
            said.push(line.clone());
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" | "HELO" => {
                    let offer =
                        if matches!(self.speaks, Speaks::StartTls(_)) && !encrypted { "250-STARTTLS\r\n" } else { "" };
                    wire.say(&format!("250-desk.example\r\n{offer}250-8BITMIME\r\n250 AUTH PLAIN\r\n"))?;
                }
                "STARTTLS" => {
                    let Speaks::StartTls(config) = &self.speaks else {
                        wire.say("502 not here\r\n")?;
                        continue;
                    };
                    wire.say("220 go on\r\n")?;
                    wire.encrypt(Arc::clone(config))?;
                    encrypted = true;
                }
                "AUTH" => {
                    known = self.account.is_some_and(|account| line == format!("AUTH PLAIN {account}"));
                    wire.say(if known { "235 welcome\r\n" } else { "535 wrong account or password\r\n" })?;
                }
                "MAIL" if !known => wire.say("530 say who you are\r\n")?,
                "RCPT" => match self.trouble {
                    Trouble::NoMailbox => wire.say("550 no such mailbox\r\n")?,
                    Trouble::Busy(times) if session <= times => wire.say("450 the mailbox is busy\r\n")?,
                    Trouble::None | Trouble::Stall | Trouble::Drop | Trouble::Busy(_) => wire.say("250 fine\r\n")?,
                },
                "DATA" if self.trouble == Trouble::Drop => return Ok(()),
                "DATA" => {
                    wire.say("354 go on\r\n")?;
                    let mut lines = Vec::new();
                    while let Some(line) = wire.line()?.filter(|line| line != ".") {
                        lines.push(line.strip_prefix('.').map_or_else(|| line.clone(), str::to_owned));
                    }
                    self.mails.lock().unwrap().push(Mail { said: said.clone(), encrypted, lines });
                    wire.say("250 taken as 4711\r\n")?;
                }
                "QUIT" => return wire.say("221 bye\r\n"),
                _ => wire.say("250 fine\r\n")?,
            }
        }
        Ok(())
    }
}
