//! Requests of steps, to servers that answer well, badly, late or not at all.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use runbook_tests::desk::Desk;
use runbook_tests::run::Said;
use runbook_tests::server::{Reply, Server};
use rustix::process::Signal;

/// A desk with one step that sends a request; `keys` are those of the step but for its kind.
fn desk(kind: &str, keys: &str) -> Desk {
    Desk::with_runbook(&format!("steps:\n  ask:\n    {kind}: It answers\n{keys}    on_fail: failed\n"))
}

fn verify(server: &Server, keys: &str) -> (Desk, Said) {
    let request = format!("    http: {{ url: 'http://{}/health' }}\n", server.place());
    let desk = desk("verify", &format!("{request}{keys}"));
    let said = desk.run("try", &[]);
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
    (desk, said)
}

fn reason(desk: &Desk) -> String {
    desk.story().last("step.ended", Some("ask"), "reason").map_or(String::new(), ToString::to_string)
}

/// A place where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Everything that is kept in the store, as bytes.
fn kept(folder: &Path, all: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            kept(&entry.path(), all);
        } else {
            all.extend(fs::read(entry.path()).unwrap());
        }
    }
}

fn is_kept(desk: &Desk, text: &str) -> bool {
    let mut all = Vec::new();
    kept(&desk.store(), &mut all);
    all.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[test]
fn an_answer_is_judged_by_its_status_headers_body_and_json() {
    let server = Server::start(vec![Reply::json("200 OK", "{\"state\":\"up\",\"load\":3}")]);
    let keys = "    expect: json.state == 'up' && headers['content-type'].startsWith('application/json')\n    \
                outputs: { load: json.load, all: body, code: status }\n";
    let (desk, said) = verify(&server, keys);
    said.ended(0);
    let story = desk.story();
    assert_eq!((story.output("ask", "load"), story.output("ask", "code")), (3.into(), 200.into()));
    assert_eq!(story.output("ask", "all"), "{\"state\":\"up\",\"load\":3}");
    assert_eq!(story.last("step.ended", Some("ask"), "status").unwrap(), 200);
    assert_eq!(story.last("step.output", Some("ask"), "stream").unwrap(), "body");
    let got = server.got();
    assert_eq!((got.len(), got[0].line.as_str()), (1, "GET /health HTTP/1.1"));
    assert!(got[0].header("user-agent").unwrap().starts_with("runbook/"));
}

#[test]
fn a_status_that_is_no_2xx_fails_unless_it_is_what_is_expected() {
    for (status, keys, code, why) in [
        ("200 OK", "", 0, ""),
        ("204 No Content", "", 0, ""),
        ("404 Not Found", "", 1, "status 404"),
        ("500 Internal", "", 1, "status 500"),
        ("429 Too Many", "    expect: status == 429\n", 0, ""),
        ("200 OK", "    expect: status == 429\n", 1, "expected status == 429; status is"),
        ("302 Found", "", 1, "status 302"),
    ] {
        let server = Server::start(vec![Reply::of(status, "text/plain", "")]);
        let (desk, said) = verify(&server, keys);
        said.ended(code);
        assert!(reason(&desk).contains(why), "{status}: {}", reason(&desk));
    }
}

#[test]
fn no_answer_at_all_has_failed_with_the_place_and_the_status_0() {
    let stalls = Server::start(vec![Reply::Stall]);
    let drops = Server::start(vec![Reply::Drop]);
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf";
    let breaks = Server::start(vec![Reply::Half(half.to_owned())]);
    let babbles = Server::start(vec![Reply::Text("SSH-2.0-OpenSSH_9.2\r\n".to_owned())]);
    let nobody = nobody();
    for (place, why) in [
        (nobody.as_str(), format!("connection refused by {nobody}")),
        (stalls.place(), format!("no answer from {} within 1s", stalls.place())),
        (drops.place(), format!("{} closed the connection without an answer", drops.place())),
        (breaks.place(), format!("the answer of {} (status 200) broke off after 4 bytes", breaks.place())),
        (babbles.place(), format!("{} gave no answer that can be read", babbles.place())),
        ("nobody.invalid:80", "the host of nobody.invalid:80 was not found".to_owned()),
    ] {
        let request = format!(
            "    http: {{ url: 'http://{place}/' }}\n    timeout: {}\n",
            if why.contains("1s") { "1s" } else { "30s" }
        );
        let tried = desk("verify", &request);
        tried.run("try", &[]).ended(1).shows(&why);
        assert_eq!(tried.story().settled("ask"), "failed", "{why}");
        assert_eq!(tried.story().last("step.ended", Some("ask"), "end").unwrap(), "no_answer");
        assert!(reason(&tried).contains(&why), "{}", reason(&tried));
    }
    let down = desk("verify", &format!("    http: {{ url: 'http://{nobody}/' }}\n    expect: status == 0\n"));
    down.run("try", &[]).ended(0);
    let unclear = desk("verify", &format!("    http: {{ url: 'http://{nobody}/' }}\n    unclear: status == 0\n"));
    unclear.run("try", &[]).ended(1);
    assert_eq!(unclear.story().settled("ask"), "unknown");
}

#[test]
fn a_body_that_is_no_json_cannot_be_judged_as_json() {
    let server = Server::start(vec![Reply::of("200 OK", "text/html", "<html>")]);
    let (desk, said) = verify(&server, "    expect: json.state == 'up'\n");
    said.ended(1);
    assert_eq!(desk.story().settled("ask"), "unknown");
    assert!(reason(&desk).contains("body is no JSON"), "{}", reason(&desk));
}

#[test]
fn a_body_too_long_to_be_read_is_kept_and_judged_by_no_part() {
    let long = "x".repeat(1_100_000);
    let server = Server::start(vec![Reply::of("200 OK", "text/plain", &long)]);
    let (desk, said) = verify(&server, "    expect: body.contains('x')\n");
    said.ended(1);
    assert_eq!(desk.story().settled("ask"), "unknown");
    assert!(reason(&desk).contains("body was not kept whole (1100000 bytes)"), "{}", reason(&desk));
    let blob = desk.story().last("step.output", Some("ask"), "blob").unwrap().as_str().unwrap().to_owned();
    assert_eq!(fs::read(desk.runs()[0].join("blobs").join(blob)).unwrap().len(), 1_100_000);
    let (_, said) = verify(&server, "    expect: status == 200\n");
    said.ended(0);
}

#[test]
fn it_is_asked_again_while_it_is_busy() {
    let busy = Reply::of("503 Busy", "text/plain", "later");
    let server = Server::start(vec![busy.clone(), busy, Reply::of("200 OK", "text/plain", "now")]);
    let keys = "    retry: { every: 0s, attempts: 5, while: status == 503 && body == 'later' }\n";
    let (desk, said) = verify(&server, keys);
    said.ended(0);
    assert_eq!((server.got().len(), desk.story().of("step.ended", Some("ask")).count()), (3, 3));
    let missing = Server::start(vec![Reply::of("404 Not Found", "text/plain", "")]);
    let (_, said) = verify(&missing, keys);
    said.ended(1);
    assert_eq!(missing.got().len(), 1, "what is not there is not asked for again");
}

#[test]
fn a_redirect_is_followed_where_that_is_said() {
    let there = Server::start(vec![Reply::of("200 OK", "text/plain", "there")]);
    let leads = format!("HTTP/1.1 302 Found\r\nLocation: http://{}/new\r\nContent-Length: 0\r\n\r\n", there.place());
    let here = Server::start(vec![Reply::Text(leads)]);
    let request =
        format!("    http: {{ url: 'http://{}/', redirects: true }}\n    expect: body == 'there'\n", here.place());
    desk("verify", &request).run("try", &[]).ended(0);
    assert_eq!(there.got()[0].line, "GET /new HTTP/1.1");
}

#[test]
fn a_body_is_sent_as_text_or_as_json_and_a_value_stays_a_part_of_the_address() {
    let server = Server::start(vec![Reply::of("201 Created", "text/plain", "")]);
    let keys = format!(
        "params: {{ name: {{ type: string, default: 'a b&c=d' }}, count: {{ type: integer, default: 3 }} }}
steps:
  post:
    act: Say it
    http:
      method: POST
      url: http://{}/say/{{{{ params.name }}}}?q={{{{ params.name }}}}
      body: {{ name: '{{{{ params.name }}}}', count: '{{{{ params.count }}}}', text: 'n={{{{ params.count }}}}', list: [1, true] }}
    idempotent: true
    on_fail: failed
  text:
    act: Say it in words
    http: {{ method: PUT, url: 'http://{}/text', headers: {{ Content-Type: text/csv }}, body: 'a,{{{{ params.count }}}}' }}
    idempotent: true
    on_fail: failed
",
        server.place(),
        server.place()
    );
    let desk = Desk::with_runbook(&keys);
    desk.run("try", &[]).ended(0);
    let got = server.got();
    assert_eq!(got[0].line, "POST /say/a%20b%26c%3Dd?q=a%20b%26c%3Dd HTTP/1.1");
    assert_eq!(got[0].header("content-type"), Some("application/json"));
    assert_eq!(got[0].body, "{\"name\":\"a b&c=d\",\"count\":3,\"text\":\"n=3\",\"list\":[1,true]}");
    assert_eq!((got[1].header("content-type"), got[1].body.as_str()), (Some("text/csv"), "a,3"));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn a_secret_is_sent_and_neither_kept_nor_shown() {
    let server = Server::answering(|got| {
        let said = format!("you said {} and {}", got.header("authorization").unwrap_or("nothing"), got.body);
        Reply::Text(format!(
            "HTTP/1.1 200 OK\r\nX-Echo: hunter22-secret\r\nSet-Cookie: session=topsecret99\r\nContent-Length: {}\r\n\r\n{said}",
            said.len()
        ))
    });
    for kind in ["verify", "act"] {
        let desk = Desk::with_runbook(&format!(
            "secrets: {{ KEY: {{ file: $WORK/key }} }}
steps:
  ask:
    {kind}: It answers
    http:
      method: POST
      url: http://{}/
      headers: {{ Authorization: 'Bearer {{{{ secrets.KEY }}}}' }}
      body: {{ key: '{{{{ secrets.KEY }}}}' }}
    on_fail: failed
",
            server.place()
        ));
        fs::write(desk.work().join("key"), "hunter22-secret\n").unwrap();
        let said = desk.run("try", &[]).ended(0);
        assert!(!said.out.contains("hunter22") && !said.err.contains("hunter22"), "{}", said.out);
        said.shows("$ curl -X POST -H \"Authorization: Bearer $KEY\"");
        let got = server.got().pop().unwrap();
        assert_eq!(got.header("authorization"), Some("Bearer hunter22-secret"));
        assert_eq!(got.body, "{\"key\":\"hunter22-secret\"}");
        assert!(!is_kept(&desk, "hunter22"), "{kind}: the secret is in the store");
        assert!(!is_kept(&desk, "topsecret99"), "{kind}: a session's key is in the store");
        assert!(is_kept(&desk, "you said Bearer [secret:KEY]"), "{kind}: the answer is kept, masked");
        desk.do_it(&["audit", "verify", "latest"]).ended(0);
    }
}

#[test]
fn a_dry_run_sends_nothing_and_a_probe_only_what_looks() {
    let server = Server::start(vec![Reply::of("200 OK", "text/plain", "")]);
    let desk = Desk::with_runbook(&format!(
        "steps:
  look: {{ verify: It is there, http: {{ url: 'http://{0}/look' }}, on_fail: failed }}
  change: {{ act: Change it, http: {{ method: POST, url: 'http://{0}/change' }}, idempotent: true, on_fail: failed }}
",
        server.place()
    ));
    let change = format!("$ curl -X POST http://{}/change", server.place());
    desk.do_it(&["run", "try", "--dry-run"]).ended(0).shows(&change);
    assert_eq!(server.got().len(), 0);
    desk.do_it(&["run", "try", "--dry-run", "--probe"]).ended(0).shows(&change);
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert_eq!(lines, ["GET /look HTTP/1.1"]);
}

/// An act that adds one, and what follows it.
fn act(place: &str, keys: &str) -> Desk {
    Desk::with_runbook(&format!(
        "steps:
  ask:
    act: Add one
    http: {{ method: POST, url: 'http://{place}/add' }}
{keys}    on_fail: failed
  after: {{ act: Go on, script: 'echo after >> \"$WORK/count\"', env: {{ WORK: $WORK }}, idempotent: true, on_fail: failed }}
"
    ))
}

#[test]
fn an_act_that_was_answered_is_done_or_failed_and_in_no_doubt() {
    let server = Server::start(vec![Reply::of("200 OK", "text/plain", "added"), Reply::of("500 No", "text/plain", "")]);
    let desk = act(server.place(), "");
    desk.run("try", &[]).ended(0);
    assert_eq!(desk.read("count"), "after\n");
    desk.run("try", &[]).ended(1);
    let story = desk.story();
    assert_eq!((story.settled("ask"), story.of("doubt.opened", None).count()), ("failed", 0));
    assert_eq!(story.last("step.ended", Some("ask"), "status").unwrap(), 500);
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn an_act_that_may_have_been_done_is_in_doubt_and_one_that_was_not_sent_has_failed() {
    let drops = Server::start(vec![Reply::Drop]);
    let stalls = Server::start(vec![Reply::Stall]);
    for server in [&drops, &stalls] {
        let desk = act(server.place(), "    timeout: 1s\n");
        desk.run("try", &[]).ended(5).shows("in doubt");
        assert_eq!(server.got().len(), 1, "it is sent once");
        desk.do_it(&["resume"]).ended(5);
        assert_eq!((server.got().len(), desk.read("count").as_str()), (1, ""));
        desk.do_it(&["settle", "--done", "--reason", "the counter says so"]).ended(0);
        assert_eq!((server.got().len(), desk.read("count").as_str()), (1, "after\n"));
        desk.do_it(&["audit", "verify", "latest"]).ended(0);
    }
    let nobody = nobody();
    for (place, why) in [(nobody.as_str(), "connection refused by"), ("nobody.invalid", "was not found")] {
        let desk = act(place, "");
        desk.run("try", &[]).ended(1);
        let story = desk.story();
        assert_eq!((story.settled("ask"), story.of("doubt.opened", None).count()), ("failed", 0));
        assert_eq!(story.last("step.ended", Some("ask"), "end").unwrap(), "not_started");
        assert!(reason(&desk).contains(why), "{}", reason(&desk));
    }
}

#[test]
fn a_doubt_is_settled_by_a_look_over_http() {
    let drops = Server::answering(|got| match got.line.as_str() {
        "POST /add HTTP/1.1" => Reply::Drop,
        _ => Reply::json("200 OK", "{\"added\":true}"),
    });
    let look =
        format!("    unless: {{ http: {{ url: 'http://{}/look' }}, expect: json.added == false }}\n", drops.place());
    // It is not so at first, then in doubt, and so it is not done.
    let desk = act(drops.place(), &look);
    desk.run("try", &[]).ended(1);
    assert_eq!(desk.story().settled("ask"), "failed");
    let so = format!("    unless: {{ http: {{ url: 'http://{}/look' }}, expect: json.added }}\n", drops.place());
    let desk = act(drops.place(), &so);
    desk.run("try", &[]).ended(0);
    assert_eq!(desk.story().last("step.settled", Some("ask"), "settlement").unwrap(), "already_so");
}

#[test]
fn an_act_whose_answer_cannot_be_read_as_json_was_answered_and_is_in_no_doubt() {
    let server = Server::start(vec![Reply::of("200 OK", "text/html", "<html>")]);
    let desk = act(server.place(), "    expect: json.added\n");
    desk.run("try", &[]).ended(1);
    let story = desk.story();
    assert_eq!((story.settled("ask"), story.of("doubt.opened", None).count()), ("failed", 0));
    assert!(reason(&desk).contains("body is no JSON"), "{}", reason(&desk));
    assert_eq!((server.got().len(), desk.read("count").as_str()), (1, ""));
}

#[test]
fn an_act_whose_look_is_not_answered_is_not_started() {
    let server = Server::start(vec![Reply::of("200 OK", "text/plain", "added")]);
    let nobody = nobody();
    let look = format!("    unless: {{ http: {{ url: 'http://{nobody}/look' }}, unclear: status == 0 }}\n");
    let desk = act(server.place(), &look);
    desk.run("try", &[]).ended(1).shows(&format!("connection refused by {nobody}"));
    assert_eq!((desk.story().settled("ask"), server.got().len()), ("failed", 0));
}

#[test]
fn an_undo_over_http_is_sent_in_the_rollback() {
    let server = Server::start(vec![Reply::of("200 OK", "text/plain", "")]);
    let desk = Desk::with_runbook(&format!(
        "rollback: auto
steps:
  add:
    act: Add one
    http: {{ method: POST, url: 'http://{0}/add' }}
    undo: {{ http: {{ method: DELETE, url: 'http://{0}/add' }} }}
    on_fail: failed
  fails: {{ verify: It is well, run: 'false', on_fail: failed }}
",
        server.place()
    ));
    desk.run("try", &[]).ended(1);
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert_eq!(lines, ["POST /add HTTP/1.1", "DELETE /add HTTP/1.1"]);
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn an_engine_killed_after_the_request_was_sent_never_sends_it_again() {
    let server = Server::start(vec![Reply::Stall]);
    let desk = act(server.place(), "");
    let run = desk.start_run("try", &[]);
    server.until_got(1);
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    let mut resumed = desk.start(&["resume"]);
    resumed.until("attaches");
    server.let_go("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nadded");
    resumed.end().ended(0).shows("resolved");
    assert_eq!((server.got().len(), desk.read("count").as_str()), (1, "after\n"));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn a_cancel_ends_a_look_at_once_and_lets_an_act_be_answered() {
    let server = Server::start(vec![Reply::Stall]);
    let request = format!("    http: {{ url: 'http://{}/' }}\n", server.place());
    let looking = desk("verify", &request);
    let run = looking.start_run("try", &[]);
    server.until_got(1);
    run.signal(Signal::INT);
    run.end().ended(4);

    let acting = act(server.place(), "");
    let run = acting.start_run("try", &[]);
    server.until_got(2);
    run.signal(Signal::INT);
    server.let_go("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    run.end().ended(4);
    assert_eq!((acting.story().settled("ask"), acting.read("count").as_str()), ("passed", ""));
}
