#![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;

/// One request, as a server read it.
fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    let mut length = 0;
    while reader.read_line(&mut text).unwrap() > 2 {
        let line = text.lines().last().unwrap_or_default().to_ascii_lowercase();
        length = line.strip_prefix("content-length: ").and_then(|value| value.parse().ok()).unwrap_or(length);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8_lossy(&body)
}

/// Answers one request after another, a connection each, and gives what it read.
fn serve(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let read = read_request(&stream);
            stream.write_all(answer.as_bytes()).unwrap();
            read
        };
        answers.into_iter().map(answer).collect()
    });
    (place, served)
}

fn send_now(request: &Request) -> Result<(Answer, Vec<u8>), NoAnswer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask(request))
}

fn get(place: &str) -> Request {
    Request::new(format!("http://{place}/x?y=z"), Duration::from_secs(20))
}

#[test]
fn a_request_is_sent_as_it_is_and_its_answer_comes_whole() {
    let answer = "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\nhello";
    let (place, served) = serve(vec![answer.to_owned()]);
    let request = Request {
        method: "POST".to_owned(),
        headers: vec![("X-Key".to_owned(), "k".to_owned())],
        body: b"{}".to_vec(),
        ..get(&place)
    };
    let (answer, body) = send_now(&request).unwrap();
    assert_eq!((answer.status, body.as_slice(), answer.cut), (429, &b"hello"[..], false));
    let of_name = |wanted: &str| answer.headers.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!((of_name("retry-after"), of_name("x-a")), (1, 2));
    let read = served.join().unwrap().concat().to_ascii_lowercase();
    assert!(read.starts_with("post /x?y=z http/1.1\r\n") && read.ends_with("\r\n\r\n{}"), "{read}");
    assert!(read.contains("x-key: k\r\n") && read.contains("user-agent: runbook/"), "{read}");
}

#[test]
fn a_port_where_nobody_listens_refuses_and_nothing_was_sent() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = send_now(&get(&place)).unwrap_err();
    let why = format!("connection refused by {place}");
    assert_eq!(error, NoAnswer { sent: NotSent::Certainly, timed_out: false, why });
}

#[test]
fn a_host_that_nobody_knows_is_named() {
    let error = send_now(&Request::new("http://nobody.invalid/", Duration::from_secs(30))).unwrap_err();
    assert_eq!(error.sent, NotSent::Certainly);
    assert!(error.why.starts_with("the host of nobody.invalid:80 was not found: "), "{error}");
}

#[test]
fn what_was_read_and_not_answered_may_be_done() {
    let (place, served) = serve(vec![String::new()]);
    let error = send_now(&get(&place)).unwrap_err();
    assert_eq!(served.join().unwrap().len(), 1);
    assert_eq!((error.sent, error.timed_out), (NotSent::Perhaps, false));
    assert!(error.why.ends_with("without an answer") || error.why.contains("reset"), "{error}");
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let (place, served) = serve(vec!["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf".to_owned()]);
    let error = send_now(&get(&place)).unwrap_err();
    let why = format!("the answer of {place} (status 200) broke off after 4 bytes of its body");
    assert_eq!(error, NoAnswer { sent: NotSent::Perhaps, timed_out: false, why });
    served.join().unwrap();
}

#[test]
fn an_answer_that_is_no_http_is_said_to_be_none() {
    let (place, served) = serve(vec!["SSH-2.0-OpenSSH_9.2\r\n".to_owned()]);
    let error = send_now(&get(&place)).unwrap_err();
    assert_eq!(error.sent, NotSent::Perhaps);
    assert!(error.why.starts_with(&format!("{place} gave no answer that can be read")), "{error}");
    served.join().unwrap();
}

#[test]
fn time_that_runs_out_before_tls_stands_leaves_nothing_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    for (scheme, sent) in [("https", NotSent::Certainly), ("http", NotSent::Perhaps)] {
        // The kernel takes the connection; nobody ever reads from it.
        let request = Request::new(format!("{scheme}://{place}/"), Duration::from_millis(300));
        let error = send_now(&request).unwrap_err();
        assert_eq!((error.sent, error.timed_out), (sent, true), "{error}");
        let what = if sent == NotSent::Certainly { "connection to" } else { "answer from" };
        assert_eq!(error.why, format!("no {what} {place} within 300ms"));
    }
}

#[test]
fn a_redirect_is_an_answer_unless_it_is_to_be_followed() {
    let (other, there) = serve(vec!["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere".to_owned()]);
    let leads = format!("HTTP/1.1 302 Found\r\nLocation: http://{other}/new\r\nContent-Length: 0\r\n\r\n");
    let (place, here) = serve(vec![leads.clone(), leads]);
    let headers = [("Authorization", "hunter22"), ("X-Key", "hunter23"), ("Accept", "text/plain")];
    let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut request = Request { headers, ..get(&place) };
    assert_eq!(send_now(&request).unwrap().0.status, 302);
    request.redirects = true;
    assert_eq!(send_now(&request).unwrap().1, b"there");
    assert_eq!(here.join().unwrap().len(), 2);
    let read = there.join().unwrap().concat().to_ascii_lowercase();
    assert!(read.starts_with("get /new ") && read.contains("accept: text/plain"), "{read}");
    assert!(!read.contains("hunter2"), "what was for one place went to another: {read}");
}

#[test]
fn a_body_goes_to_no_other_place_and_round_and_round_ends() {
    let leads = "HTTP/1.1 307 Temporary\r\nLocation: http://127.0.0.1:1/new\r\nContent-Length: 0\r\n\r\n";
    let (place, served) = serve(vec![leads.to_owned()]);
    let posted = Request { method: "POST".to_owned(), body: b"b".to_vec(), redirects: true, ..get(&place) };
    let error = send_now(&posted).unwrap_err();
    assert_eq!(error.sent, NotSent::Perhaps);
    assert!(error.why.ends_with("with a body to another place, 127.0.0.1:1"), "{error}");
    served.join().unwrap();

    let round = "HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let (place, served) = serve(vec![round.to_owned(); 11]);
    let error = send_now(&Request { redirects: true, ..get(&place) }).unwrap_err();
    assert!(error.why.starts_with("more than 10 redirects"), "{error}");
    assert_eq!(served.join().unwrap().len(), 11);
}

#[test]
fn an_answer_longer_than_is_read_is_cut_and_said_to_be() {
    let (place, served) = serve(vec!["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned()]);
    let error = send_now(&Request { answer_bytes_max: 4, ..get(&place) }).unwrap_err();
    assert_eq!(error.why, format!("the answer of {place} (status 200) is longer than 4 bytes"));
    served.join().unwrap();
}

#[test]
fn what_cannot_be_sent_is_said_without_its_secret() {
    let bad = |request: Request| {
        let error = send_now(&request).unwrap_err();
        assert_eq!(error.sent, NotSent::Certainly);
        error.why
    };
    let base = || Request::new("http://127.0.0.1:1/", Duration::from_secs(1));
    let headers = vec![("X-Key".to_owned(), "hunter22\nX-Other: y".to_owned())];
    assert_eq!(bad(Request { headers, ..base() }), "header X-Key holds a sign that no header may");
    assert_eq!(bad(Request { url: "ftp://h/".to_owned(), ..base() }), "\"ftp://h/\" is no http or https address");
    let refused = bad(Request { url: "http://svega:hunter22@127.0.0.1:1/".to_owned(), ..base() });
    assert_eq!(refused, "connection refused by 127.0.0.1:1");
}

#[test]
fn a_proxy_is_used_where_the_variables_given_name_one() {
    let (proxy, served) = serve(vec!["HTTP/1.1 204 No\r\n\r\n".to_owned()]);
    let variable = |name: &str| match name {
        "HTTP_PROXY" => Some(format!("http://{proxy}")),
        "no_proxy" => Some("localhost".to_owned()),
        _ => None,
    };
    let proxies = Proxies::from_environment(variable);
    let request = Request { proxies, ..Request::new("http://nobody.invalid/a", Duration::from_secs(20)) };
    assert_eq!(send_now(&request).unwrap().0.status, 204);
    assert!(served.join().unwrap().concat().starts_with("GET http://nobody.invalid/a "));
}
