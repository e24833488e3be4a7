//! The zone of the shop's names, as a file and as records.

use std::fmt::{self, Write as _};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use hickory_server::proto::ProtoError;
use hickory_server::proto::rr::Name;
use hickory_server::proto::serialize::txt::Parser;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, ZoneType};

/// The name of the zone, which is also the name the shop itself answers under.
pub const ZONE: &str = "shop.internal";

/// The hosts of the zone and their addresses; `@` is the zone's own name.
pub const HOSTS: [(&str, Ipv4Addr); 6] = [
    ("@", Ipv4Addr::new(10, 20, 0, 10)),
    ("planthost1", Ipv4Addr::new(10, 20, 0, 11)),
    ("planthost2", Ipv4Addr::new(10, 20, 0, 12)),
    ("orders", Ipv4Addr::new(10, 20, 0, 20)),
    ("dns1", Ipv4Addr::new(10, 20, 0, 53)),
    ("dns2", Ipv4Addr::new(10, 20, 0, 54)),
];

/// Writes the zone as it should be.
///
/// # Errors
/// What the operating system says when the file cannot be written.
pub fn write_master(path: &Path) -> std::io::Result<()> {
    let mut text = format!("$ORIGIN {ZONE}.\n$TTL 60\n@ IN SOA dns1 hostmaster 2026112201 3600 600 86400 60\n");
    text.push_str("@ IN NS dns1\n@ IN NS dns2\n");
    for (host, address) in HOSTS {
        let _infallible = writeln!(text, "{host} IN A {address}");
    }
    crate::lab::replace_file(path, text.as_bytes())
}

/// The zone's own name, as a DNS name.
///
/// # Errors
/// Never for the zone as it is; the parser's error for a name that is none.
pub(super) fn origin() -> Result<Name, ProtoError> {
    let mut name = Name::from_ascii(ZONE)?;
    name.set_fqdn(true);
    Ok(name)
}

/// Loads a zone file.
///
/// # Errors
/// [`ZoneError`] when the file cannot be read, is not text, does not parse, or is not this zone.
pub(super) fn load(path: &Path) -> Result<InMemoryZoneHandler, ZoneError> {
    let refused = |why: String| ZoneError { path: path.to_owned(), why };
    let text = fs::read_to_string(path).map_err(|e| refused(e.to_string()))?;
    let origin = origin().map_err(|e| refused(e.to_string()))?;
    let (_, records) = Parser::new(text, None, Some(origin.clone())).parse().map_err(|e| refused(e.to_string()))?;
    InMemoryZoneHandler::new(origin, records, ZoneType::Primary, AxfrPolicy::Deny).map_err(refused)
}

/// A zone file that cannot be answered from.
#[derive(Debug)]
pub(super) struct ZoneError {
    path: PathBuf,
    why: String,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zone file {} cannot be loaded: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for ZoneError {}
