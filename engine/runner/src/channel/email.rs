//! The `email` channel: one message to one mailbox, over a server that the secret address names.
//!
//! `smtps://USER:PASSWORD@HOST` is TLS from the first byte, `smtp://…?tls=required` is STARTTLS, `smtp://HOST` is plain,
//! which is for a server on this machine: a password is never sent over it to another.

use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use reqwest::Url;

use super::Message;
use super::attempts::Failure;
use super::http::first_line;
use crate::mask::Masker;

/// Characters of a subject: the rest is in the message.
const SUBJECT_CHARS_MAX: usize = 200;

/// Where mail goes, and where it comes from.
pub(super) struct Envelope<'a> {
    pub(super) to: &'a str,
    pub(super) from: Option<&'a str>,
    /// The server's address, with its account.
    pub(super) smtp: &'a str,
    pub(super) host: &'a str,
    pub(super) timeout: Duration,
    pub(super) masker: &'a Masker,
}

/// Sends it; gives what the server answered last, and the id of the message.
pub(super) async fn send(message: &Message, addressee: &str, envelope: &Envelope<'_>) -> Result<String, Failure> {
    let (mail, id) = mail(message, addressee, envelope)?;
    safe(envelope.smtp)?;
    let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(envelope.smtp);
    let server = server.map_err(|error| Failure::for_good(said(&error, envelope.masker)))?;
    let server = server.timeout(Some(envelope.timeout)).build();
    let sent = tokio::time::timeout(envelope.timeout, server.send(mail)).await;
    let Ok(sent) = sent else {
        return Err(Failure::for_now(format!("the mail server did not take it within {:?}", envelope.timeout)));
    };
    match sent {
        Ok(response) => {
            let line = first_line(&envelope.masker.text(&response.message().collect::<Vec<_>>().join(" ")));
            Ok(format!("{} {line} (message {id})", response.code()))
        }
        Err(error) => {
            let why = said(&error, envelope.masker);
            let for_good = error.is_permanent() || error.is_client() || why.contains("certificate");
            Err(if for_good { Failure::for_good(why) } else { Failure::for_now(why) })
        }
    }
}

/// The message as it goes out, and its id.
fn mail(message: &Message, addressee: &str, envelope: &Envelope<'_>) -> Result<(Mail, String), Failure> {
    let wrong = |what: &str, why: String| Failure::for_good(format!("{what}: {why}"));
    let address = |text: &str| text.parse::<Address>().map_err(|error| wrong(text, error.to_string()));
    let host = host_name(envelope.host);
    let from = match envelope.from {
        Some(from) => address(from)?,
        None => address(&format!("runbook@{host}"))?,
    };
    // The same for each try, so that a mailbox shows one that arrived twice once.
    let parts = [Some(message.run.as_str()), message.step.as_deref(), Some(addressee)];
    let parts: Vec<String> = parts.into_iter().flatten().map(id_part).collect();
    let id = format!("<{}@{host}>", parts.join("."));
    let mail = Mail::builder()
        .from(Mailbox::new(Some("runbook".to_owned()), from))
        .to(Mailbox::new(None, address(envelope.to)?))
        .subject(one_line(&message.subject))
        .message_id(Some(id.clone()))
        .date_now()
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(message.text.clone())
        .map_err(|error| wrong("the mail cannot be made", error.to_string()))?;
    Ok((mail, id))
}

/// A password goes only where nobody listens.
fn safe(smtp: &str) -> Result<(), Failure> {
    let Ok(url) = Url::parse(smtp) else {
        return Err(Failure::for_good("the server's address cannot be read: write smtps://USER:PASSWORD@HOST"));
    };
    let encrypted =
        url.scheme() == "smtps" || url.query_pairs().any(|(key, value)| key == "tls" && value == "required");
    let host = url.host_str().unwrap_or_default();
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if url.password().is_some() && !encrypted && !is_here {
        return Err(Failure::for_good(
            "the password would be sent in the clear: write smtps://… or add ?tls=required to the server's address",
        ));
    }
    Ok(())
}

/// Why a server did not take it: all that is known, from the outside in.
fn said(error: &dyn std::error::Error, masker: &Masker) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.iter().any(|known| known.contains(&text)) {
            words.push(text);
        }
        cause = error.source();
    }
    first_line(&masker.text(&words.join(": ").replace(['\r', '\n'], " ")))
}

/// A subject: one line, whatever was rendered into it. A line end would begin another header.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_CHARS_MAX).collect();
    text.trim().to_owned()
}

/// A part of an id: nothing in it that a mail reader would take for something else.
fn id_part(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' }).collect()
}

/// A name of this machine that may stand behind an `@`.
fn host_name(host: &str) -> String {
    let name: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect();
    let name = name.trim_matches(['.', '-']);
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;
    use crate::secret::Secrets;

    fn message(subject: &str) -> Message {
        Message {
            run: "20261122-0915-dns-failover-k7q2".to_owned(),
            step: Some("outage/tell[0]".to_owned()),
            subject: subject.to_owned(),
            text: "Grüße\n.\nlast line".to_owned(),
            ..Message::default()
        }
    }

    #[test]
    fn nothing_in_a_message_becomes_a_header() {
        let masker = Masker::new(&Secrets::default());
        let envelope = Envelope {
            to: "ops@example.com",
            from: None,
            smtp: "smtp://localhost",
            host: "desk.example",
            timeout: Duration::from_secs(1),
            masker: &masker,
        };
        let (mail, id) =
            mail(&message("down\r\nBcc: all@example.com\r\n\r\nhello \u{7}é"), "ops\nX: y", &envelope).unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> =
            head.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(':').next()).collect();
        assert!(!names.contains(&"Bcc") && !names.contains(&"X"), "{head}");
        for name in ["From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted"] {
            assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{name}: {head}");
        }
        assert_eq!(id, "<20261122-0915-dns-failover-k7q2.outage-tell-0-.ops-X--y@desk.example>");
        assert!(head.contains(&id) && head.contains("runbook@desk.example"), "{head}");
    }

    #[test]
    fn a_password_is_never_sent_in_the_clear() {
        for right in [
            "smtps://u:p@mail.example.com",
            "smtp://u:p@mail.example.com?tls=required",
            "smtp://u:p@127.0.0.1:25",
            "smtp://mail.example.com",
        ] {
            assert_eq!(safe(right), Ok(()), "{right}");
        }
        for wrong in ["smtp://u:p@mail.example.com", "smtp://u:p@mail.example.com?tls=opportunistic", "no address"] {
            let why = safe(wrong).unwrap_err().why;
            assert!(!why.contains("u:p"), "{why}");
        }
    }
}
