//! The kinds of entries that the file format itself has an opinion about; all others are text to it.

/// The first entry of every transcript, and of no other place.
pub const RUN_STARTED: &str = "run.started";
/// The last entry of a finished transcript.
pub const RUN_SEALED: &str = "run.sealed";

/// The key of an entry's `d` that names the boot of the machine it and the entries after it were written in.
pub const BOOT_ID: &str = "boot_id";
/// The key, at any depth of `d`, whose text is the digest of a file in `blobs/`.
pub const BLOB: &str = "blob";
/// The key of the seal's `d` that tells how many entries stand before it.
pub const COUNT: &str = "count";
/// The key of the seal's `d` that tells how many of each kind stand before it.
pub const BY_KIND: &str = "by_kind";
