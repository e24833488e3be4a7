//! A message that says it is a test, to find out whether a channel works before it is needed.

use std::path::Path;

use runbook_core::document::team::Team;

use super::{Message, Office, by};
use crate::account::Machine;
use crate::team::Try;

/// How one channel did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The channel.
    pub channel: String,
    /// What it answered; or why it did not take the message, each try once.
    pub result: Result<String, Vec<String>>,
}

/// Sends a test by one channel, with the tries that a real message has. `by_whom` is who asked for it.
pub async fn test(team: &Team, channel: &str, by_whom: &str, machine: &Machine, directory: &Path) -> Trial {
    let office = Office { team, machine, directory, orphans: None };
    let message = Message {
        run: format!("test-{channel}"),
        subject: format!("TEST of the channel {channel}: nothing has happened"),
        text: format!(
            "This is a test, sent by {by_whom} on {} with `runbook team --test`. Nothing has happened and nothing is to \
             be done.",
            machine.host
        ),
        is_test: true,
        ..Message::default()
    };
    let way = Try { channel: channel.to_owned(), addressee: "test".to_owned(), of: None };
    let said = std::cell::RefCell::new(Vec::new());
    let reached = by(&message, &way, office, |_| {}, async |result| said.borrow_mut().push(result)).await;
    let said = said.into_inner();
    let result = if reached {
        Ok(said.into_iter().find_map(Result::ok).unwrap_or_default())
    } else {
        let mut failures: Vec<String> = Vec::new();
        for failure in said.into_iter().filter_map(Result::err) {
            if !failures.contains(&failure) {
                failures.push(failure);
            }
        }
        Err(failures)
    };
    Trial { channel: channel.to_owned(), result }
}
