//! Every example is run for real by the real program, as its tutorial says, and so are the shop's own runbooks as far as
//! that needs no lab: an example that only looks right is worse than none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON does not have reads as null, and the comparison says so"
)]

#[path = "examples/channels.rs"]
mod channels;
#[path = "examples/people.rs"]
mod people;
#[path = "examples/roads.rs"]
mod roads;
#[path = "examples/shop.rs"]
mod shop;
#[path = "examples/table.rs"]
mod table;
#[path = "examples/tutorial.rs"]
mod tutorial;
#[path = "examples/ways.rs"]
mod ways;
