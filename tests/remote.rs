//! Steps on other hosts: real servers of ssh, on wires that are cut, held and shouted over.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON does not have reads as null, and the comparison says so"
)]
#![expect(clippy::print_stdout, reason = "what is not tried here is said, and so is the seed")]

#[path = "remote/attached.rs"]
mod attached;
#[path = "remote/bounds.rs"]
mod bounds;
#[path = "remote/cuts.rs"]
mod cuts;
#[path = "remote/ends.rs"]
mod ends;
#[path = "remote/entry.rs"]
mod entry;
#[path = "remote/moments.rs"]
mod moments;
#[path = "remote/places.rs"]
mod places;
#[path = "remote/works.rs"]
mod works;
