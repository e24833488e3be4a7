//! The example with every kind of channel, against servers of this machine in the place of those it names.

use std::fs;

use runbook_tests::binary::repository;
use runbook_tests::certificate::Authority;
use runbook_tests::desk::Desk;
use runbook_tests::mail_server::{MailServer, Speaks, Trouble};
use runbook_tests::receiver::{Receiver, Way};
use runbook_tests::run::Started;

const OK: Way = Way::Answer(200, "", "ok");

#[test]
fn people_are_told_by_every_kind_of_channel() {
    let (pagerduty, slack, bridge) =
        (Receiver::new(&[OK]), Receiver::new(&[Way::Answer(404, "", "no_service")]), Receiver::new(&[OK]));
    let authority = Authority::new();
    let mail = MailServer::new(Speaks::Tls(authority.config()), None, Trouble::None);
    let desk = Desk::new();
    let copy = |name: &str, from: &[&str], to: &[&str]| {
        let mut text = fs::read_to_string(repository().join("examples/every-channel").join(name)).unwrap();
        for (from, to) in from.iter().zip(to) {
            assert!(text.contains(from), "{name} has no {from}");
            text = text.replace(from, to);
        }
        fs::write(desk.runbooks().join(name), text).unwrap();
    };
    copy("tell-people.yaml", &[], &[]);
    let (events, into, log) = (pagerduty.url("/v2/enqueue"), bridge.url("/in"), desk.work().join("log"));
    copy(
        "team.yaml",
        &[
            "https://events.eu.pagerduty.com/v2/enqueue",
            "https://bridge.example.com/in",
            "[logger, --tag, runbook-every-channel]",
        ],
        &[&events, &into, &format!("[tee, {}]", log.display())],
    );
    let with_secrets = |words: &[&str]| {
        let mut command = desk.command(words);
        command.env("SLACK_NETWORKING", slack.url("/a")).env("SLACK_SRE", slack.url("/b"));
        command.env("PAGERDUTY_KEY", "the-key").env("BRIDGE_KEY", "the-other-key");
        command.env("SMTP_URL", format!("smtps://{}", mail.place())).env("SSL_CERT_FILE", authority.file());
        Started::from(command).end()
    };
    with_secrets(&["check", "--deny", "warnings"]).ended(0);
    with_secrets(&["run", "tell-people", "-p", "within=300ms"]).ended(3);
    let event = pagerduty.got().remove(0).json();
    assert_eq!(event["payload"]["severity"], "error");
    let sent = mail.mails().remove(0);
    assert_eq!(sent.header("To").as_deref(), Some("networking@example.com"));
    assert!(sent.body().starts_with("Nobody has acknowledged this yet; bsparrow heard of it before you."), "{sent:#?}");
    assert_eq!(
        (slack.got().len(), bridge.got().len(), log.exists()),
        (1, 1, false),
        "the bridge works, so nothing after it"
    );
    assert_eq!(bridge.got().remove(0).json()["step"], "tell_sre");
    let story = desk.story();
    let channels: Vec<_> = story.of("escalation.sent", None).map(|entry| entry["d"]["channel"].clone()).collect();
    assert_eq!(channels, ["pagerduty", "mail", "bridge"]);
    with_secrets(&["team", "--test", "log", "--yes"]).ended(0);
    assert!(fs::read_to_string(log).unwrap().contains("This is a test"));
}
