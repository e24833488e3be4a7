//! Mail against a real server on this machine: in the clear, with STARTTLS and over TLS, and in each way in which mail
//! servers misbehave.

use runbook_tests::certificate::Authority;
use runbook_tests::desk::Desk;
use runbook_tests::mail_server::{Mail, MailServer, Speaks, Trouble};
use runbook_tests::receiver::closed_port;
use runbook_tests::run::{Said, Started};

use crate::channels::{SECRET, desk, nowhere};

/// `ops` with the secret as its password, as `AUTH PLAIN` says it.
const ACCOUNT: &str = "AG9wcwBzd29yZGZpc2gtNDcxMS1vcGVu";

const CHANNEL: &str = "email: { to: ops@example.com, smtp: { env: SMTP_URL } }";

/// A desk and the program at it that sends mail by this address.
fn start(url: &str, trusted: &Authority) -> (Desk, Started) {
    let desk = desk(CHANNEL);
    let mut command = desk.command(&["run", "try"]);
    command.env("SMTP_URL", url).env("SSL_CERT_FILE", trusted.file());
    let running = Started::from(command);
    (desk, running)
}

fn errors(desk: &Desk) -> Vec<String> {
    let story = desk.story();
    story.of("escalation.failed", Some("tell")).map(|entry| entry["d"]["error"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn arrives(server: &MailServer, desk: &Desk, said: &Said) -> Mail {
    assert_eq!(said.code, 0, "{:?} {said:#?}", errors(desk));
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    nowhere(SECRET, desk, said);
    nowhere(ACCOUNT, desk, said);
    mails[0].clone()
}

#[test]
fn mail_arrives_in_each_way_a_server_is_spoken_to() {
    let authority = Authority::new();
    let ways = [
        (Speaks::Plain, "smtp://ops:PASSWORD@PLACE", false),
        (Speaks::StartTls(authority.config()), "smtp://ops:PASSWORD@PLACE?tls=required", true),
        (Speaks::Tls(authority.config()), "smtps://ops:PASSWORD@PLACE", true),
    ];
    for (speaks, url, encrypted) in ways {
        let server = MailServer::new(speaks, Some(ACCOUNT), Trouble::None);
        let url = url.replace("PASSWORD", SECRET).replace("PLACE", &server.place());
        let (desk, running) = start(&url, &authority);
        let mail = arrives(&server, &desk, &running.end());
        assert_eq!(mail.encrypted, encrypted);
        assert_eq!(mail.said.iter().any(|line| line == "STARTTLS"), url.contains("required"));
        let run = desk.runs().pop().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(mail.header("To").as_deref(), Some("ops@example.com"));
        assert!(mail.header("From").unwrap().contains("runbook@"), "{mail:#?}");
        assert_eq!(mail.header("Subject").as_deref(), Some("Something to try: The pump <stands> & \"waits\""));
        let id = mail.header("Message-ID").unwrap();
        assert!(id.starts_with(&format!("<{run}.tell.ops@")), "{id}");
        assert_eq!(mail.body().trim_end(), "It is <!channel> & hot");
        let answer = desk.story().last("escalation.sent", Some("tell"), "answer").unwrap().to_string();
        assert!(answer.contains("250 taken as 4711") && answer.contains(&id), "{answer}");
    }
}

#[test]
fn a_line_end_in_a_title_begins_no_header() {
    let authority = Authority::new();
    let server = MailServer::new(Speaks::Plain, None, Trouble::None);
    let desk = desk(CHANNEL);
    desk.write(
        "try",
        "steps:\n  look: { verify: Look, run: [printf, 'x\\r\\nBcc: all@example.com\\r\\n\\r\\nhello'] }\n  \
         tell: { escalate: 'Seen {{ steps.look.stdout }}', to: ops, message: 'a\n\n  .\n\n  b' }\n",
    );
    let mut command = desk.command(&["run", "try"]);
    command.env("SMTP_URL", format!("smtp://{}", server.place())).env("SSL_CERT_FILE", authority.file());
    let said = Started::from(command).end();
    assert_eq!(said.code, 0, "{said:#?}");
    let mail = server.mails().remove(0);
    assert_eq!(mail.header("Bcc"), None, "{mail:#?}");
    assert!(mail.header("Subject").unwrap().contains("Seen x"), "{mail:#?}");
    assert_eq!(mail.said.iter().filter(|line| line.starts_with("RCPT")).count(), 1, "{mail:#?}");
    assert!(mail.body().starts_with("a\n.\nb"), "{mail:#?}");
}

#[test]
fn mail_in_each_way_of_misbehaving() {
    let (authority, other) = (Authority::new(), Authority::new());
    let plain = |trouble| MailServer::new(Speaks::Plain, None, trouble);
    let stalls = plain(Trouble::Stall);
    let drops = plain(Trouble::Drop);
    let busy = plain(Trouble::Busy(1));
    let nobody = plain(Trouble::NoMailbox);
    let strange = MailServer::new(Speaks::Plain, Some("AG9wcwBlbHNl"), Trouble::None);
    let without = plain(Trouble::None);
    let false_one = MailServer::new(Speaks::Tls(other.config()), None, Trouble::None);
    let false_start = MailServer::new(Speaks::StartTls(other.config()), None, Trouble::None);
    let account = format!("ops:{SECRET}@");
    // Where it is sent, how often it is tried, a part of each error, how often it arrives.
    let cases = [
        (format!("smtp://{account}127.0.0.1:{}", closed_port()), 3, "refused", 0),
        (format!("smtp://{}", stalls.place()), 3, "did not take it within 3s", 0),
        (format!("smtp://{}", drops.place()), 3, "", 0),
        (format!("smtp://{}", busy.place()), 1, "the mailbox is busy", 1),
        (format!("smtp://{}", nobody.place()), 1, "no such mailbox", 0),
        (format!("smtp://{account}{}", strange.place()), 1, "wrong account or password", 0),
        (format!("smtp://{account}{}?tls=required", without.place()), 1, "STARTTLS", 0),
        (format!("smtps://{account}{}", false_one.place()), 1, "certificate", 0),
        (format!("smtp://{account}{}?tls=required", false_start.place()), 1, "certificate", 0),
        (format!("smtp://{account}mail.example.com"), 1, "would be sent in the clear", 0),
        ("not an address".to_owned(), 1, "cannot be read", 0),
    ];
    let started: Vec<_> = cases.iter().map(|(url, ..)| start(url, &authority)).collect();
    for ((url, failures, why, arrived), (desk, running)) in cases.iter().zip(started) {
        let said = running.end();
        let errors = errors(&desk);
        assert_eq!(errors.len(), *failures, "{url}: {errors:?}");
        assert!(errors.iter().all(|error| error.contains(why)), "{url}: {errors:?}");
        assert_eq!(desk.story().of("escalation.sent", Some("tell")).count(), *arrived, "{url}");
        assert_eq!(said.code, i32::from(*arrived == 0), "{said:#?}");
        nowhere(SECRET, &desk, &said);
    }
    assert_eq!((busy.sessions(), busy.mails().len(), stalls.sessions()), (2, 1, 3));
    assert_eq!((without.mails().len(), false_one.mails().len(), false_start.mails().len()), (0, 0, 0));
}
