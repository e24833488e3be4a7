//! Requests over TLS: a certificate that holds, and each way not to hold.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};

/// Who signs, and what it signs for a server.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A server with a certificate for this name, good until this year; gives its port. It says how often it answered.
    fn serve(&self, name: &str, until: i32) -> u16 {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(rustls::ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            }
        });
        port
    }
}

fn answer(connection: rustls::ServerConnection, stream: std::net::TcpStream) {
    use std::io::{Read as _, Write as _};

    let mut stream = rustls::StreamOwned::new(connection, stream);
    let mut read = Vec::new();
    let mut buffer = [0; 1024];
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => read.extend_from_slice(&buffer[..count]),
            // Who does not trust the certificate goes before there is a request.
            _ => return,
        }
    }
    let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden");
    stream.conn.send_close_notify();
    let _flushed = stream.flush();
}

fn run(authority: Option<&Authority>, kind: &str, url: &str) -> (Desk, Said) {
    let desk = Desk::with_runbook(&format!(
        "steps:\n  ask: {{ {kind}: It answers, http: {{ url: '{url}' }}, expect: body == 'hidden', on_fail: failed }}\n"
    ));
    let trusted = desk.work().join("trusted.pem");
    fs::write(&trusted, authority.map_or(String::new(), |authority| authority.issuer.pem())).unwrap();
    let mut command = desk.command(&["run", "try"]);
    command.env("SSL_CERT_FILE", &trusted);
    let said = Started::from(command).end();
    (desk, said)
}

#[test]
fn a_certificate_that_holds_is_trusted_by_looks_and_acts() {
    let authority = Authority::new("ours");
    let port = authority.serve("localhost", 2050);
    for kind in ["verify", "act"] {
        let (desk, said) = run(Some(&authority), kind, &format!("https://localhost:{port}/"));
        said.ended(0);
        assert_eq!(desk.story().settled("ask"), "passed", "{kind}");
    }
}

#[test]
fn a_certificate_that_does_not_hold_says_why_and_nothing_was_sent() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let good = authority.serve("localhost", 2050);
    let expired = authority.serve("localhost", 2021);
    let named = authority.serve("shop.internal", 2050);
    for (trusted, port, why) in [
        (&other, good, "signed by nobody this machine trusts"),
        (&authority, expired, "its certificate has expired"),
        (&authority, named, "its certificate is for another name"),
    ] {
        for kind in ["verify", "act"] {
            let (desk, said) = run(Some(trusted), kind, &format!("https://localhost:{port}/"));
            said.ended(1).shows(&format!("TLS with localhost:{port} failed: ")).shows(why);
            assert_eq!((desk.story().settled("ask"), desk.story().of("doubt.opened", None).count()), ("failed", 0));
        }
    }
}

#[test]
fn a_server_without_tls_is_no_server_with_it() {
    let server = runbook_tests::server::Server::start(vec![runbook_tests::server::Reply::Drop]);
    let authority = Authority::new("ours");
    let (desk, said) = run(Some(&authority), "act", &format!("https://{}/", server.place()));
    said.ended(1);
    assert_eq!(desk.story().last("step.ended", Some("ask"), "end").unwrap(), "not_started");
}
