//! From files to documents: what is read, and what is said where it cannot be.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use runbook_core::document::parse;

#[test]
fn the_whole_example_is_read() {
    let text = include_bytes!("../../../tests/fixtures/valid/dns-failover.yaml");
    let parsed = parse("dns-failover.yaml", text);
    assert_eq!(parsed.diagnostics, []);
    let document = parsed.document.unwrap();
    assert_eq!(document.steps.len(), 13);
}
