//! Any bytes are either a runbook or diagnostics, never a panic, an abort or a wait.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runbook_core::check::{self, Facts};

fuzz_target!(|bytes: &[u8]| {
    let loaded = check::load("fuzz.yaml", bytes, None, &Facts::default());
    // Every diagnostic points into the file.
    for diagnostic in &loaded.diagnostics {
        assert!(diagnostic.span.end <= loaded.file.text().len(), "{diagnostic:?} points behind the file");
    }
    let team = check::load_team("team.yaml", bytes);
    assert!(team.team.is_some() || !team.diagnostics.is_empty(), "a refused file says why");
});
