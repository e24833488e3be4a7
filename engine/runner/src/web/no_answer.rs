//! Why there is no answer: what happened and where, in words a person can act on.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::Url;

/// Whether the request reached anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// Not a byte of it was sent.
    Certainly,
    /// It may have been sent, and done.
    Perhaps,
}

/// No answer, or none that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// Whether it was sent.
    pub sent: NotSent,
    /// Whether its time ran out.
    pub timed_out: bool,
    /// What happened, and where.
    pub why: String,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl Error for NoAnswer {}

impl NoAnswer {
    /// It cannot be sent as it is written.
    pub(super) fn bad(why: String) -> Self {
        Self { sent: NotSent::Certainly, timed_out: false, why }
    }

    /// It was sent, and came to nothing.
    pub(super) fn after_sending(why: String) -> Self {
        Self { sent: NotSent::Perhaps, timed_out: false, why }
    }

    fn new(sent: bool, timed_out: bool, why: String) -> Self {
        Self { sent: if sent { NotSent::Perhaps } else { NotSent::Certainly }, timed_out, why }
    }
}

/// Host and port of an address.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The time ran out before there was an answer.
pub(super) fn out_of_time(place: &str, allowed: Duration, sent: bool) -> NoAnswer {
    let allowed = shown(allowed);
    let why = if sent {
        format!("no answer from {place} within {allowed}")
    } else {
        format!("no connection to {place} within {allowed}")
    };
    NoAnswer::new(sent, true, why)
}

/// The answer came in part.
pub(super) fn not_all_in_time(place: &str, allowed: Duration, status: u16, bytes: u64) -> NoAnswer {
    let why = format!(
        "the answer of {place} (status {status}) was not whole within {}: {bytes} bytes of its body came",
        shown(allowed)
    );
    NoAnswer::new(true, true, why)
}

/// The connection ended in the middle of the answer.
pub(super) fn broke_off(place: &str, status: u16, bytes: u64) -> NoAnswer {
    NoAnswer::after_sending(format!(
        "the answer of {place} (status {status}) broke off after {bytes} bytes of its body"
    ))
}

/// The answer is longer than it may be.
pub(super) fn too_long(url: &str, status: u16, bytes: u64) -> NoAnswer {
    let place = Url::parse(url).map(|url| place(&url)).unwrap_or_default();
    NoAnswer::after_sending(format!("the answer of {place} (status {status}) is longer than {bytes} bytes"))
}

/// What the client says, said for people.
pub(super) fn of(error: &reqwest::Error, place: &str, sent: bool) -> NoAnswer {
    let timed_out = error.is_timeout();
    if error.is_builder() {
        return NoAnswer::new(sent, timed_out, format!("the request to {place} cannot be made: {}", innermost(error)));
    }
    NoAnswer::new(sent, timed_out, sentence(error, place, sent))
}

fn sentence(error: &reqwest::Error, place: &str, sent: bool) -> String {
    if error.is_dns() {
        return format!("the host of {place} was not found: {}", innermost(error));
    }
    if let Some(why) = tls(error) {
        return format!("TLS with {place} failed: {why}");
    }
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => format!("connection refused by {place}"),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => format!("connection reset by {place}"),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            format!("no way to {place}: {}", innermost(error))
        }
        Some(io::ErrorKind::TimedOut) => format!("{place} did not answer: {}", innermost(error)),
        Some(_) | None if !sent => format!("no connection to {place}: {}", innermost(error)),
        Some(_) | None => match innermost(error).as_str() {
            why if why.contains("incomplete") || why.contains("connection closed") => {
                format!("{place} closed the connection without an answer")
            }
            why => format!("{place} gave no answer that can be read: {why}"),
        },
    }
}

/// The causes of an error, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        // An error of input and output gives the source of what it wraps, not what it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    causes(error).filter_map(|error| error.downcast_ref::<io::Error>()).last().map(io::Error::kind)
}

fn tls(error: &(dyn Error + 'static)) -> Option<String> {
    use rustls::CertificateError as Bad;

    let error = causes(error).find_map(|error| error.downcast_ref::<rustls::Error>())?;
    let rustls::Error::InvalidCertificate(bad) = error else { return Some(error.to_string()) };
    #[expect(clippy::wildcard_enum_match_arm, reason = "what has no words of its own here is said in the library's")]
    Some(match bad {
        Bad::UnknownIssuer => "its certificate is signed by nobody this machine trusts".to_owned(),
        Bad::Expired | Bad::ExpiredContext { .. } => format!("its certificate has expired ({bad})"),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => format!("its certificate is not valid yet ({bad})"),
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            format!("its certificate is for another name ({bad})")
        }
        Bad::Revoked => "its certificate was revoked".to_owned(),
        bad => format!("its certificate does not hold ({bad})"),
    })
}

/// A time as it is written in a runbook, to the millisecond.
fn shown(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (0, millis) => format!("{millis}ms"),
        (seconds, 0) => format!("{seconds}s"),
        (seconds, millis) => format!("{seconds}.{millis:03}s"),
    }
}
