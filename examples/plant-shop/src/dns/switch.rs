//! The switch: what clients query. It forwards to the active server, and to no other: a server that is not active is fenced,
//! whatever it still answers on its own port.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::dns::server::bind_both;
use crate::dns::{Server, control};
use crate::lab::{Address, LogFile, Presence, Service, Site, replace_file};

/// How long the active server may take to answer a question that was forwarded.
const FORWARD_WITHIN: Duration = Duration::from_secs(2);

/// The largest datagram forwarded, in bytes.
const DATAGRAM_BYTES_MAX: usize = 4096;

/// Is the switch until it is told to stop; `ready` is called when it can be asked.
///
/// # Errors
/// What the operating system says when a socket, the log or a file of the lab cannot be had, and an error of its own when the
/// file that says which server is active names none.
pub async fn serve(site: Site, ready: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let log = LogFile::of(&site, Service::Switch);
    let _presence = Presence::take(&site, Service::Switch).map_err(io::Error::other)?;
    let kept = fs::read_to_string(site.active_file())?;
    let Some(active) = Server::from_name(kept.trim()) else {
        return Err(io::Error::other(format!("{}: no server is called {kept:?}", site.active_file().display())));
    };
    let (udp, tcp) = bind_both().await?;
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = Address { dns: udp.local_addr()?, control: control.local_addr()? };

    let (set, active) = watch::channel(active);
    let keep = (site.clone(), log.clone());
    tokio::spawn(control::serve(control, move |line| answer(line, &set, &keep.0, &keep.1)));
    tokio::spawn(forward_udp(Arc::new(udp), site.clone(), active.clone()));
    tokio::spawn(forward_tcp(tcp, site.clone(), active));

    site.publish(Service::Switch, address).map_err(io::Error::other)?;
    log.info(format_args!("started as process {}, taking queries at {}", std::process::id(), address.dns));
    ready()?;
    signal(SignalKind::terminate())?.recv().await;
    log.info("stopped");
    Ok(())
}

fn answer(line: &str, active: &watch::Sender<Server>, site: &Site, log: &LogFile) -> String {
    match line.split_once(' ') {
        None if line == "active" => active.borrow().to_string(),
        Some(("switch", name)) => {
            let Some(server) = Server::from_name(name) else {
                return format!("unknown: {name}");
            };
            // On disk before the first query goes there: a switch that is started again must not go back to the old server.
            match replace_file(&site.active_file(), format!("{server}\n").as_bytes()) {
                Ok(()) => {
                    let before = active.send_replace(server);
                    log.info(format_args!("switched from {before} to {server}"));
                    format!("active {server}")
                }
                Err(e) => {
                    log.error(format_args!("cannot switch to {server}: {e}"));
                    format!("cannot switch to {server}: {e}")
                }
            }
        }
        _ => format!("unknown: {line}"),
    }
}

/// Where the active server answers now: its port is another one each time it starts.
fn target(site: &Site, active: Server) -> io::Result<SocketAddr> {
    site.address(Service::Dns(active)).map(|address| address.dns).map_err(io::Error::other)
}

async fn forward_udp(front: Arc<UdpSocket>, site: Site, active: watch::Receiver<Server>) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((count, client)) = front.recv_from(&mut buffer).await else {
            continue;
        };
        let question = buffer.get(..count).unwrap_or_default().to_vec();
        let (front, site, active) = (Arc::clone(&front), site.clone(), active.clone());
        tokio::spawn(async move {
            // An answer that never comes is silence to the client too, as through any forwarder.
            if let Ok(answer) = one_answer(&question, &site, active).await {
                let _client_gone = front.send_to(&answer, client).await;
            }
        });
    }
}

async fn one_answer(question: &[u8], site: &Site, mut active: watch::Receiver<Server>) -> io::Result<Vec<u8>> {
    let server = *active.borrow_and_update();
    let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    back.connect(target(site, server)?).await?;
    back.send(question).await?;
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    tokio::select! {
        received = tokio::time::timeout(FORWARD_WITHIN, back.recv(&mut buffer)) => {
            let count = received.map_err(|_late| io::ErrorKind::TimedOut)??;
            Ok(buffer.get(..count).unwrap_or_default().to_vec())
        }
        _ = active.wait_for(|now| *now != server) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn forward_tcp(front: TcpListener, site: Site, active: watch::Receiver<Server>) {
    loop {
        let Ok((mut client, _)) = front.accept().await else {
            continue;
        };
        let (site, mut active) = (site.clone(), active.clone());
        tokio::spawn(async move {
            let server = *active.borrow_and_update();
            let Ok(at) = target(&site, server) else {
                return;
            };
            let Ok(mut back) = TcpStream::connect(at).await else {
                return;
            };
            // A connection does not outlive the server's being active.
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut back) => {}
                _ = active.wait_for(|now| *now != server) => {}
            }
        });
    }
}
