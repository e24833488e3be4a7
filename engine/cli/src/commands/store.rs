//! `runbook store init`: makes a store before anything was run, for a group where several operators share it.

use std::fs;

use runbook_transcript::store::Store;

use crate::arguments::Init;
use crate::context::{Context, Ending, store_failure};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::place::shown;
use crate::text::{Line, Style};

/// Where the machine keeps its groups.
const GROUPS: &str = "/etc/group";

/// Makes the store.
///
/// # Errors
/// [`Failure`] when there is one already, the folder is not empty, the group is none, or it cannot be made.
pub(super) fn init(arguments: &Init, context: &mut Context) -> Ending {
    let path = &context.place.store;
    let made = match &arguments.group {
        None => Store::init(path),
        Some(group) => Store::init_for_group(path, gid(group)?),
    };
    let store = made.map_err(|error| store_failure(&error))?;
    let whose = arguments.group.as_ref().map_or(String::new(), |group| format!(", shared by the group {group}"));
    let line = Line::plain("made the store ").and(Style::Strong, &shown(store.root(), &context.here));
    context.out.line(line.and(Style::Plain, &whose))?;
    Ok(ExitCode::Resolved)
}

/// The number of a group, by its name or as it is.
fn gid(group: &str) -> Result<u32, Failure> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let groups = fs::read_to_string(GROUPS).unwrap_or_default();
    numbered(&groups, group).ok_or_else(|| {
        Failure::usage(format!("this machine has no group {group:?}")).help(format!(
            "one that {GROUPS} does not name can be given by its number: `getent group {group}` tells it"
        ))
    })
}

fn numbered(groups: &str, wanted: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(wanted)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\noncall:x:2001:ann,bob\noncall2:x:2002:\nbad:x\n";
        assert_eq!((numbered(groups, "oncall"), numbered(groups, "onc")), (Some(2001), None));
        assert_eq!((numbered(groups, "root"), numbered(groups, "bad"), numbered("", "x")), (Some(0), None, None));
    }
}
