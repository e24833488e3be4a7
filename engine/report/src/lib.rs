//! What a run's records say to a person: the on-call log, the story, one line.
//!
//! Everything here is pure: entries come in as values, text goes out. [`fold::fold`] makes a [`report::Report`] of a
//! run's entries, whole or as far as they go; [`markdown::markdown`], [`html::html`] and [`json::json`] render it;
//! [`story::story`] tells the entries one by one; [`summary::summary`] is the line that a list of runs shows.
//!
//! Two promises hold everywhere. Each fact names the entries it rests on, so that whoever doubts a line can look. And
//! text that came from outside (output, messages, reasons) can do nothing to the screen or the page it is shown on.

pub mod acts;
pub mod entry;
pub mod fold;
pub mod harmless;
pub mod html;
pub mod json;
pub mod line;
pub mod markdown;
pub mod moment;
pub mod report;
pub mod story;
pub mod summary;
