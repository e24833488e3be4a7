//! Examples that ask a server, write a file, or run another runbook.

use std::fs;

use serde_json::json;

use runbook_tests::desk::Desk;
use runbook_tests::server::{Got, Reply, Server};

/// The examples that are run here.
pub(crate) const NAMES: &[&str] = &["http", "write-a-file", "run-another", "restart-server"];

/// A load balancer with a node that is up, and one other.
fn balancer(mut busy: u32) -> Server {
    let mut state = "up".to_owned();
    Server::answering(move |got: &Got| {
        if busy > 0 {
            busy -= 1;
            return Reply::of("503 Busy", "text/plain", "");
        }
        if got.line.starts_with("POST ") {
            let wanted: serde_json::Value = serde_json::from_str(&got.body).unwrap();
            wanted["state"].as_str().unwrap().clone_into(&mut state);
        }
        Reply::json("200 OK", &json!({ "state": state, "others": 1 }).to_string())
    })
}

#[test]
fn a_node_is_taken_out_by_requests_and_once() {
    let server = balancer(1);
    let api = format!("api=http://{}", server.place());
    let desk = Desk::with("examples");
    desk.do_it(&["run", "http", "-p", &api, "--dry-run"]).ended(0).shows("curl");
    assert_eq!(server.got().len(), 0);
    desk.run("http", &[&api]).ended(0).shows("$ curl -X POST");
    let story = desk.story();
    assert_eq!(story.of("step.ended", Some("in_service")).count(), 2, "it was busy once");
    assert_eq!((story.settled("drain"), story.settled("out_of_service")), ("passed", "passed"));
    let posts: Vec<Got> = server.got().into_iter().filter(|got| got.line.starts_with("POST ")).collect();
    assert_eq!(posts.len(), 1);
    assert_eq!(
        (posts[0].line.as_str(), posts[0].body.as_str()),
        ("POST /nodes/web1 HTTP/1.1", r#"{"state":"down","keep":1}"#)
    );
}

#[test]
fn a_file_is_written_once_and_then_left_untouched() {
    let desk = Desk::with("examples");
    let file = desk.work().join("servers.conf");
    desk.run("write-a-file", &["dir=$DIR"]).ended(0).shows("+server 10.0.0.8 prefer");
    let text = "# Written by write-a-file. What is changed here by hand is changed back.\nserver 10.0.0.8 prefer\nserver 10.0.0.9\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    desk.run("write-a-file", &["dir=$DIR"]).ended(0);
    assert_eq!(desk.story().last("step.settled", Some("write"), "settlement").unwrap(), "already_so");
}

#[test]
fn another_runbook_is_run_for_each_server_and_taken_back_with_the_rest() {
    let desk = Desk::with("examples");
    let folder = format!("dir={}", desk.work().display());
    desk.do_it(&["run", "run-another", "-p", &folder, "--dry-run"]).ended(0).shows("Take web2 out of service");
    assert!(!desk.work().join("certificate").exists());
    desk.run("run-another", &["dir=$DIR"]).ended(0);
    assert_eq!(desk.read("restarts"), "web1\nweb2\n");
    let story = desk.story();
    assert_eq!(story.settled("restart[1]/answers"), "passed");
    assert_eq!(story.last("call.ended", Some("restart[0]"), "outcome").unwrap(), "resolved");
    assert_eq!(story.last("call.started", Some("restart[1]"), "lock").unwrap(), "server-web2");
    // Restarted twice by now: what the run did is undone, the newest first.
    desk.run("run-another", &["dir=$DIR"]).ended(1);
    let story = desk.story();
    let undone: Vec<&str> = story.of("step.undone", None).filter_map(|entry| entry["step"].as_str()).collect();
    assert_eq!(undone, ["restart[1]/out_of_service", "restart[0]/out_of_service", "certificate"]);
    assert!(!desk.work().join("certificate").exists());
}
