//! Channels against real servers on this machine, in each way in which servers misbehave: what arrives, how often it is
//! tried, what is recorded, and that no secret is found anywhere afterwards.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use runbook_tests::certificate::Authority;
use runbook_tests::desk::Desk;
use runbook_tests::receiver::{Receiver, Way, closed_port};
use runbook_tests::run::{Said, Started};
use runbook_tests::story::Story;
use serde_json::Value;

/// What no file and no output may hold.
pub(crate) const SECRET: &str = "swordfish-4711-open";

const TELLS: &str = "steps:
  tell: { escalate: 'The pump <stands> & \"waits\"', to: ops, message: 'It is <!channel> & hot' }
  after: { act: Go on, run: touch $WORK/after, idempotent: true }
fallback: lost
";

/// A desk whose one channel is this; a runbook `try` that tells by it.
pub(crate) fn desk(channel: &str) -> Desk {
    let desk = Desk::new();
    let team = format!(
        "people:\n  akim: {{ name: Ada Kim, team: ops, phone: '+1 555 0100' }}\n  \
         bsparrow: {{ name: Bob Sparrow, team: ops, phone: '+1 555 0101' }}\n\
         teams:\n  ops: {{ members: [akim, bsparrow], on_call: akim, notify: [first] }}\n\
         channels:\n  first: {{ {channel}, timeout: 3s }}\n"
    );
    std::fs::write(desk.runbooks().join("team.yaml"), team).unwrap();
    desk.write("try", &TELLS.replace("fallback: lost\n", ""));
    desk
}

/// Starts the runbook with the secrets of channels in its environment.
fn start(desk: &Desk, secret: &str, trusted: &Path) -> Started {
    let mut command = desk.command(&["run", "try"]);
    command.env("CHANNEL_SECRET", secret).env("SSL_CERT_FILE", trusted);
    Started::from(command)
}

/// Fails where a text is found in a store or in what was said.
#[track_caller]
pub(crate) fn nowhere(secret: &str, desk: &Desk, said: &Said) {
    assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:#?}");
    let mut left = vec![desk.store()];
    let mut files = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the secret", path.display());
    }
    assert!(files > 3, "the store has only {files} files");
}

fn errors(story: &Story) -> Vec<String> {
    story.of("escalation.failed", Some("tell")).map(|entry| entry["d"]["error"].as_str().unwrap().to_owned()).collect()
}

/// A kind of channel: what the team file says of it, what its secret is, and where it posts.
struct Kind {
    name: &'static str,
    /// `URL` stands for the address.
    channel: &'static str,
    /// The secret; `URL` stands for the address.
    secret: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "slack",
        channel: "slack: { webhook: { env: CHANNEL_SECRET } }",
        secret: "URL/services/T0/B0/swordfish-4711-open",
    },
    Kind {
        name: "pagerduty",
        channel: "pagerduty: { routing_key: { env: CHANNEL_SECRET }, endpoint: 'URL/v2/enqueue' }",
        secret: SECRET,
    },
    Kind { name: "webhook", channel: "webhook: { url: 'URL/in', secret: { env: CHANNEL_SECRET } }", secret: SECRET },
];

/// A way to misbehave: what the server does, how often it is asked, a part of each error, and whether it arrives.
struct Case {
    ways: &'static [Way],
    asked: usize,
    errors: &'static [&'static str],
    arrives: bool,
}

const OK: Way = Way::Answer(200, "", "ok");
const LIMITED: Way = Way::Answer(429, "retry-after: 1\r\n", "slow down");

const CASES: [Case; 9] = [
    Case { ways: &[OK], asked: 1, errors: &[], arrives: true },
    Case { ways: &[Way::Stall], asked: 3, errors: &["no answer from 127.0.0.1"; 3], arrives: false },
    Case { ways: &[Way::Drop], asked: 3, errors: &["closed the connection without an answer"; 3], arrives: false },
    Case {
        ways: &[LIMITED, OK],
        asked: 2,
        errors: &["status 429: slow down; it asks to be left alone (1)"],
        arrives: true,
    },
    Case {
        ways: &[Way::Answer(429, "retry-after: 3600\r\n", "come back tomorrow")],
        asked: 1,
        errors: &["left alone (3600)"],
        arrives: false,
    },
    Case {
        ways: &[Way::Answer(500, "", "oh"), Way::Answer(500, "", "oh"), OK],
        asked: 3,
        errors: &["status 500: oh", "status 500: oh"],
        arrives: true,
    },
    Case {
        ways: &[Way::Answer(404, "", "no swordfish-4711-open here")],
        asked: 1,
        errors: &["status 404: no [secret:first."],
        arrives: false,
    },
    Case {
        ways: &[Way::Answer(302, "location: http://127.0.0.1:1/else\r\n", "")],
        asked: 1,
        errors: &["status 302; a redirect is not followed"],
        arrives: false,
    },
    Case {
        ways: &[Way::Answer(503, "retry-after: 1\r\n", ""), Way::Answer(503, "", ""), OK],
        asked: 3,
        errors: &["status 503; it asks to be left alone (1)", "status 503"],
        arrives: true,
    },
];

/// How often a server was told something, and not that it is over.
fn told(receiver: &Receiver) -> usize {
    receiver.got().iter().filter(|got| !got.body.contains("\"resolve\"")).count()
}

/// All cases of a kind at once: most of their time is waiting.
fn misbehaves(kind: &Kind) {
    let trusted = Authority::new();
    let started: Vec<(Receiver, Desk, Started)> = CASES
        .iter()
        .map(|case| {
            let receiver = Receiver::new(case.ways);
            let desk = desk(&kind.channel.replace("URL", &receiver.url("")));
            let running = start(&desk, &kind.secret.replace("URL", &receiver.url("")), &trusted.file());
            (receiver, desk, running)
        })
        .collect();
    for (case, (receiver, desk, running)) in CASES.iter().zip(started) {
        let said = running.end();
        let about = format!("{} {:?}: {said:#?}", kind.name, case.ways);
        let story = desk.story();
        assert_eq!(told(&receiver), case.asked, "{about}");
        let errors = errors(&story);
        assert_eq!(errors.len(), case.errors.len(), "{errors:?} {about}");
        for (error, wanted) in errors.iter().zip(case.errors) {
            assert!(error.contains(wanted), "{error:?} has no {wanted:?}: {about}");
        }
        assert_eq!(story.of("escalation.sent", Some("tell")).count(), usize::from(case.arrives), "{about}");
        let outcome = if case.arrives { ("passed", 0, true) } else { ("failed", 1, false) };
        assert_eq!((story.settled("tell"), said.code, desk.work().join("after").exists()), outcome, "{about}");
        if case.arrives {
            let answer = story.last("escalation.sent", Some("tell"), "answer").unwrap().as_str().unwrap();
            assert!(answer.starts_with("status 200: ok"), "{answer}");
        } else {
            for number in ["Ada Kim (akim), +1 555 0100", "Bob Sparrow (bsparrow), +1 555 0101"] {
                assert!(said.out.contains(number), "whom to call is shown: {about}");
            }
        }
        nowhere(SECRET, &desk, &said);
    }
}

#[test]
fn slack_in_each_way_of_misbehaving() {
    misbehaves(&KINDS[0]);
}

#[test]
fn pagerduty_in_each_way_of_misbehaving() {
    misbehaves(&KINDS[1]);
}

#[test]
fn a_webhook_in_each_way_of_misbehaving() {
    misbehaves(&KINDS[2]);
}

#[test]
fn nobody_listens_and_a_certificate_that_does_not_hold() {
    let (trusted, other) = (Authority::new(), Authority::new());
    for kind in &KINDS {
        let refused = format!("http://127.0.0.1:{}", closed_port());
        let false_one = Receiver::encrypted(&[OK], other.config());
        let right_one = Receiver::encrypted(&[OK], trusted.config());
        let cases = [
            (refused, 3, "connection refused by 127.0.0.1"),
            (false_one.url(""), 1, "failed: its certificate "),
            (right_one.url(""), 0, ""),
        ];
        let started: Vec<_> = cases
            .iter()
            .map(|(url, _, _)| {
                let desk = desk(&kind.channel.replace("URL", url));
                let running = start(&desk, &kind.secret.replace("URL", url), &trusted.file());
                (desk, running)
            })
            .collect();
        for ((_, tries, why), (desk, running)) in cases.iter().zip(started) {
            let said = running.end();
            let errors = errors(&desk.story());
            assert_eq!(errors.len(), *tries, "{} {errors:?} {said:#?}", kind.name);
            assert!(errors.iter().all(|error| error.contains(why)), "{} {errors:?}", kind.name);
            assert_eq!(said.code, i32::from(*tries > 0), "{said:#?}");
            nowhere(SECRET, &desk, &said);
        }
        assert_eq!((told(&false_one), told(&right_one)), (0, 1), "{}", kind.name);
    }
}

/// Runs one kind against a server that takes everything, and gives what came in.
fn taken(kind: &Kind) -> (Desk, runbook_tests::receiver::Got) {
    let receiver = Receiver::new(&[Way::Answer(202, "", "")]);
    let desk = desk(&kind.channel.replace("URL", &receiver.url("")));
    let secret = kind.secret.replace("URL", &receiver.url(""));
    start(&desk, &secret, &Authority::new().file()).end().ended(0);
    (desk, receiver.got().remove(0))
}

fn run_of(desk: &Desk) -> String {
    desk.runs().pop().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn slack_gets_text_without_a_mention_in_it() {
    let (_, got) = taken(&KINDS[0]);
    assert_eq!(got.line, "POST /services/T0/B0/swordfish-4711-open HTTP/1.1");
    assert_eq!(
        got.json(),
        serde_json::json!({
            "text": "Something to try: The pump &lt;stands&gt; &amp; \"waits\"\nIt is &lt;!channel&gt; &amp; hot"
        })
    );
}

#[test]
fn pagerduty_gets_an_event_with_the_key_of_run_and_step() {
    let (desk, got) = taken(&KINDS[1]);
    let run = run_of(&desk);
    assert_eq!(got.line, "POST /v2/enqueue HTTP/1.1");
    let event = got.json();
    let member = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!((member("/event_action"), member("/routing_key")), ("trigger".to_owned(), SECRET.to_owned()));
    assert_eq!(member("/dedup_key"), format!("{run}/tell"));
    assert_eq!(member("/payload/severity"), "critical");
    assert_eq!(member("/payload/summary"), "Something to try: The pump <stands> & \"waits\"");
    assert_eq!(member("/payload/custom_details/message"), "It is <!channel> & hot");
    assert_eq!(member("/payload/custom_details/run"), run);
    let answer = desk.story().last("escalation.sent", Some("tell"), "answer").unwrap().to_string();
    assert!(answer.contains(&format!("(key {run}/tell)")), "{answer}");
}

#[test]
fn a_webhook_is_signed_over_time_and_body() {
    let (desk, got) = taken(&KINDS[2]);
    let signature = &got.headers["runbook-signature"];
    let (time, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let age = jiff::Timestamp::now().as_second() - time.parse::<i64>().unwrap();
    assert!((0..60).contains(&age), "{signature}");
    // As whoever receives it would, with what every machine has.
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut openssl.stdin.take().unwrap(), format!("{time}.{}", got.body).as_bytes()).unwrap();
    let said = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(said.split_whitespace().last(), Some(hex), "{said}");
    let body = got.json();
    assert_eq!(
        (&body["version"], &body["step"], &body["to"], &body["test"], &body["run"]),
        (&1.into(), &"tell".into(), &"ops".into(), &false.into(), &run_of(&desk).into())
    );
    assert_eq!(got.headers["runbook-delivery"], format!("{}/tell/ops", run_of(&desk)));
}

#[test]
fn a_channel_that_is_down_is_followed_by_the_next() {
    let receiver = Receiver::new(&[OK]);
    let desk = desk("slack: { webhook: { env: NOT_SET_ANYWHERE } }");
    let path = desk.runbooks().join("team.yaml");
    let team = std::fs::read_to_string(&path).unwrap();
    let refused = format!("http://127.0.0.1:{}/", closed_port());
    let team = team.replace("notify: [first]", "notify: [first, second, third]")
        + &format!(
            "  second: {{ webhook: {{ url: '{refused}' }} }}\n  third: {{ webhook: {{ url: '{}' }} }}\n",
            receiver.url("/")
        );
    std::fs::write(path, team).unwrap();
    let said = desk.do_it(&["run", "try"]).ended(0);
    let story = desk.story();
    let tried: Vec<_> =
        story.of("escalation.failed", Some("tell")).map(|entry| entry["d"]["channel"].clone()).collect();
    assert_eq!(tried, ["first", "second", "second", "second"]);
    assert_eq!(story.last("escalation.sent", Some("tell"), "channel").unwrap(), "third");
    // Without its secret, the first was known to fail before the first step.
    let warning = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(warning.contains("team.yaml:7") && warning.contains("variable NOT_SET_ANYWHERE is not set"), "{said:#?}");
    desk.do_it(&["check"]).ended(0).shows("RB0205");
    desk.do_it(&["check", "--deny", "warnings"]).ended(2);
    assert!(errors(&story)[0].contains("first.webhook cannot be had: the variable NOT_SET_ANYWHERE is not set"));
}

#[test]
fn everybody_is_told_at_once_however_long_one_channel_takes() {
    let (stalls, answers) = (Receiver::new(&[Way::Stall]), Receiver::new(&[OK]));
    let desk = Desk::new();
    let team = format!(
        "people: {{}}\nteams:\n  ops: {{ members: [akim], notify: [slow] }}\n  sre: {{ members: [bsparrow], notify: [fast] }}\n\
         channels:\n  slow: {{ webhook: {{ url: '{}' }}, timeout: 2s }}\n  fast: {{ webhook: {{ url: '{}' }} }}\n",
        stalls.url("/"),
        answers.url("/")
    );
    std::fs::write(desk.runbooks().join("team.yaml"), team).unwrap();
    desk.write("try", "steps:\n  tell: { escalate: Look, to: [ops, sre] }\n");
    desk.do_it(&["run", "try"]).ended(0);
    let story = desk.story();
    let (sent, failed) = (story.places("escalation.sent"), story.places("escalation.failed"));
    assert!(sent[0] < failed[0], "who can be told at once waits for nobody: {sent:?} {failed:?}");
}

#[test]
fn the_servers_share_no_trust() {
    // Else the test of a certificate that does not hold would hold for another reason.
    let (one, other) = (Authority::new(), Authority::new());
    assert!(!Arc::ptr_eq(&one.config(), &other.config()));
    assert_ne!(std::fs::read(one.file()).unwrap(), std::fs::read(other.file()).unwrap());
}
