//! Asking a name server, as any resolver would.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use hickory_server::proto::ProtoError;
use hickory_server::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_server::proto::rr::rdata::opt::{EdnsCode, EdnsOption, NSIDPayload};
use hickory_server::proto::rr::{Name, RData, RecordType};

use crate::dns::Server;

/// The largest answer taken over UDP, in bytes; what [`Edns`] offers the server.
const UDP_BYTES_MAX: u16 = 1232;

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// A connection, each message after its length.
    Tcp,
}

/// What a name server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The addresses of the name, at least one.
    pub addresses: Vec<Ipv4Addr>,
    /// Which server says that it answered, where it says so (the NSID option of EDNS).
    pub server: Option<Server>,
}

/// Asks the server at `at` for the addresses of `name`, and waits for the answer for at most `limit`.
///
/// # Errors
/// [`QueryError::Code`] when it answers that it cannot or that there is no such name, [`QueryError::Timeout`] when it does not
/// answer, [`QueryError::Io`] when nobody listens there.
pub fn query(at: SocketAddr, name: &str, transport: Transport, limit: Duration) -> Result<Answer, QueryError> {
    let question = question(name).map_err(|e| QueryError::Name { name: name.to_owned(), why: e.to_string() })?;
    let bytes = question.to_vec().map_err(|e| QueryError::Name { name: name.to_owned(), why: e.to_string() })?;
    let received = match transport {
        Transport::Udp => over_udp(at, &question, &bytes, limit),
        Transport::Tcp => over_tcp(at, &bytes, limit),
    };
    let answer = received.map_err(|source| {
        let late = matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        if late { QueryError::Timeout { at, limit } } else { QueryError::Io { at, source } }
    })?;
    read_answer(&answer, name, at)
}

fn question(name: &str) -> Result<Message, ProtoError> {
    let mut name = Name::from_ascii(name)?;
    name.set_fqdn(true);
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_BYTES_MAX);
    edns.options_mut().insert(EdnsOption::NSID(NSIDPayload::new([])?));
    let mut message = Message::query();
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(name, RecordType::A));
    message.set_edns(edns);
    Ok(message)
}

fn over_udp(at: SocketAddr, question: &Message, bytes: &[u8], limit: Duration) -> io::Result<Message> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    // Connected, so that a closed port is told at once instead of by silence.
    socket.connect(at)?;
    socket.send(bytes)?;
    let deadline = Instant::now() + limit;
    let mut buffer = [0; UDP_BYTES_MAX as usize];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let count = socket.recv(&mut buffer)?;
        let answer = buffer.get(..count).unwrap_or_default();
        match Message::from_vec(answer) {
            // A late answer to another question is not this one's.
            Ok(message) if message.metadata.id != question.metadata.id => {}
            parsed => return parsed.map_err(io::Error::other),
        }
    }
}

fn over_tcp(at: SocketAddr, bytes: &[u8], limit: Duration) -> io::Result<Message> {
    let mut stream = TcpStream::connect_timeout(&at, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Message::from_vec(&answer).map_err(io::Error::other)
}

fn read_answer(message: &Message, name: &str, at: SocketAddr) -> Result<Answer, QueryError> {
    let code = message.metadata.response_code;
    if code != ResponseCode::NoError {
        return Err(QueryError::Code { at, name: name.to_owned(), code: code_name(code) });
    }
    let addresses: Vec<_> = message
        .answers
        .iter()
        .filter_map(|record| if let RData::A(a) = &record.data { Some(a.0) } else { None })
        .collect();
    if addresses.is_empty() {
        return Err(QueryError::NoAddress { at, name: name.to_owned() });
    }
    let nsid = message.edns.as_ref().and_then(|edns| edns.option(EdnsCode::NSID));
    let server = match nsid {
        Some(EdnsOption::NSID(payload)) => str::from_utf8(payload.as_ref()).ok().and_then(Server::from_name),
        _ => None,
    };
    Ok(Answer { addresses, server })
}

/// The code as every DNS tool writes it, which is what an operator searches for.
fn code_name(code: ResponseCode) -> String {
    let names = [
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::NXDomain, "NXDOMAIN"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::FormErr, "FORMERR"),
        (ResponseCode::NotImp, "NOTIMP"),
    ];
    let known = names.into_iter().find(|(each, _)| *each == code);
    known.map_or_else(|| format!("code {}", u16::from(code)), |(_, name)| name.to_owned())
}

/// Why a question has no address for an answer.
#[derive(Debug)]
pub enum QueryError {
    /// The name is none.
    Name {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server answered with a code that says no.
    Code {
        /// The server's address.
        at: SocketAddr,
        /// The name asked for.
        name: String,
        /// The code, such as `SERVFAIL`.
        code: String,
    },
    /// The server knows the name but has no address for it.
    NoAddress {
        /// The server's address.
        at: SocketAddr,
        /// The name asked for.
        name: String,
    },
    /// No answer came in time.
    Timeout {
        /// The server's address.
        at: SocketAddr,
        /// How long was waited.
        limit: Duration,
    },
    /// The question could not be sent, or the answer not be read.
    Io {
        /// The server's address.
        at: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => write!(f, "{name:?} is not a name: {why}"),
            Self::Code { at, name, code } => write!(f, "{code} for {name} from {at}"),
            Self::NoAddress { at, name } => write!(f, "no address for {name} at {at}"),
            Self::Timeout { at, limit } => write!(f, "no answer from {at} within {} s", limit.as_secs()),
            Self::Io { at, source } => write!(f, "{at}: {source}"),
        }
    }
}

impl std::error::Error for QueryError {}
