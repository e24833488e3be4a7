//! A plant shop's services, small but real, for runbooks to run against.
//!
//! [`lab`] starts the services as processes of their own and breaks them on purpose, [`dns`] is the two name servers with the
//! switch between them and `dnsTool`, [`person`] sits at a pseudo-terminal and types, and [`rehearsal`] puts the three together.

pub mod dns;
pub mod lab;
pub mod person;
pub mod rehearsal;
