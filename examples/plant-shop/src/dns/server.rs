//! One name server, a process of its own.
//!
//! It reads its zone file at every query, so that what is wrong on disk is wrong in the answers at once, and right again when
//! the file is. To stop, it waits for the zone sync to be done with its zone; a sync that hangs keeps it from stopping.

use std::fs::OpenOptions;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::opt::NSIDPayload;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{Catalog, MessageResponseBuilder};
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::dns::{Server, control, zone};
use crate::lab::{Address, LogFile, Presence, Service, Site};

/// How long a client's TCP connection may be idle.
const TCP_IDLE: Duration = Duration::from_secs(5);

/// Answers still to be written on one TCP connection.
const TCP_ANSWERS_MAX: usize = 16;

/// Is the name server until it is told to stop; `ready` is called when it can be asked.
///
/// # Errors
/// What the operating system says when a socket, the log or a file of the lab cannot be had.
pub async fn serve(site: Site, server: Server, ready: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let service = Service::Dns(server);
    let log = LogFile::of(&site, service);
    let presence = Presence::take(&site, service).map_err(io::Error::other)?;
    let (udp, tcp) = bind_both().await?;
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = Address { dns: udp.local_addr()?, control: control.local_addr()? };

    let handler = FromDisk { server, zone_file: site.zone_file(server), log: log.clone() };
    let mut dns = hickory_server::Server::new(handler);
    dns.register_socket(udp);
    dns.register_listener(tcp, TCP_IDLE, TCP_ANSWERS_MAX);

    let (stop, mut stopped) = watch::channel("");
    tokio::spawn(control::serve(control, move |line| match line {
        "status" => format!("{server} {}", std::process::id()),
        "shutdown" => {
            stop.send_replace("dnsTool");
            format!("stopping {server}")
        }
        other => format!("unknown: {other}"),
    }));
    let mut terminate = signal(SignalKind::terminate())?;

    site.publish(service, address).map_err(io::Error::other)?;
    log.info(format_args!("started as process {}, answering at {}", std::process::id(), address.dns));
    ready()?;

    let by = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        changed = stopped.changed() => if changed.is_ok() { *stopped.borrow_and_update() } else { "the end of its control port" },
    };
    let lock = site.zone_lock(server);
    log.info(format_args!("told to stop by {by}; waiting for the zone sync to be done with {}", lock.display()));
    let zone = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock)?;
        crate::lab::lock_in_turn(&file)?;
        Ok(file)
    });
    let _zone = zone.await.map_err(io::Error::other)??;
    dns.shutdown_gracefully().await.map_err(io::Error::other)?;
    log.info("stopped");
    drop(presence);
    Ok(())
}

/// Binds one free port for UDP and TCP both, as resolvers expect of a server.
pub(super) async fn bind_both() -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries_left = 16;
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            // Someone else has the port for TCP: another free one will do.
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && tries_left > 0 => tries_left -= 1,
            Err(e) => return Err(e),
        }
    }
}

struct FromDisk {
    server: Server,
    zone_file: PathBuf,
    log: LogFile,
}

#[async_trait]
impl RequestHandler for FromDisk {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let asked = asked(request);
        let loaded = self.catalog();
        let answered = match &loaded {
            Ok(catalog) => catalog.handle_request::<R, T>(request, response_handle).await,
            Err(why) => {
                self.log.error(format_args!("Unexpected Error encountered: {why}"));
                let response = MessageResponseBuilder::from_message_request(request)
                    .error_msg(&request.metadata, ResponseCode::ServFail);
                match response_handle.send_response(response).await {
                    Ok(info) => info,
                    Err(e) => {
                        self.log.error(format_args!("cannot answer {}: {e}", request.src()));
                        no_answer(request)
                    }
                }
            }
        };
        self.log.info(format_args!("{asked} from {}: {}", request.src(), answered.response_code));
        answered
    }
}

impl FromDisk {
    fn catalog(&self) -> Result<Catalog, String> {
        let zone = zone::load(&self.zone_file).map_err(|e| e.to_string())?;
        let origin = zone::origin().map_err(|e| e.to_string())?;
        let mut catalog = Catalog::new();
        // A client that asks which server answers is told: behind the switch nothing else shows it.
        catalog.set_nsid(Some(NSIDPayload::new(self.server.to_string()).map_err(|e| e.to_string())?));
        catalog.upsert(origin.into(), vec![Arc::new(zone)]);
        Ok(catalog)
    }
}

fn asked(request: &Request) -> String {
    match request.request_info() {
        Ok(info) => format!("{} {}", info.query.name(), info.query.query_type()),
        Err(e) => format!("no question ({e})"),
    }
}

fn no_answer(request: &Request) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = ResponseCode::ServFail;
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}
