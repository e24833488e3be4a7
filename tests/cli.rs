//! The program from outside: what it prints, what it leaves, how it ends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON does not have reads as null, and the comparison says so"
)]

#[path = "cli/attach.rs"]
mod attach;
#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/authoring.rs"]
mod authoring;
#[path = "cli/calls.rs"]
mod calls;
#[path = "cli/cancel.rs"]
mod cancel;
#[path = "cli/chain.rs"]
mod chain;
#[path = "cli/channel_troubles.rs"]
mod channel_troubles;
#[path = "cli/channels.rs"]
mod channels;
#[path = "cli/check_formats.rs"]
mod check_formats;
#[path = "cli/clock.rs"]
mod clock;
#[path = "cli/crash.rs"]
mod crash;
#[path = "cli/drill.rs"]
mod drill;
#[path = "cli/dry_run.rs"]
mod dry_run;
#[path = "cli/escalation.rs"]
mod escalation;
#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/gc.rs"]
mod gc;
#[path = "cli/handover.rs"]
mod handover;
#[path = "cli/hostile_output.rs"]
mod hostile_output;
#[path = "cli/http.rs"]
mod http;
#[path = "cli/http_kills.rs"]
mod http_kills;
#[path = "cli/https.rs"]
mod https;
#[path = "cli/incidents.rs"]
mod incidents;
#[path = "cli/json.rs"]
mod json;
#[path = "cli/locks.rs"]
mod locks;

#[path = "cli/loops.rs"]
mod loops;
#[path = "cli/mail.rs"]
mod mail;
#[path = "cli/process_tree.rs"]
mod process_tree;
#[path = "cli/races.rs"]
mod races;
#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/retry.rs"]
mod retry;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/standing.rs"]
mod standing;
#[path = "cli/template.rs"]
mod template;
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/terminal_keys.rs"]
mod terminal_keys;
#[path = "cli/terminal_page.rs"]
mod terminal_page;
#[path = "cli/unwritable.rs"]
mod unwritable;
#[path = "cli/verbs.rs"]
mod verbs;
#[path = "cli/waiting.rs"]
mod waiting;
