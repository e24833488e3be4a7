//! Holds the repository to its own rules: what no compiler checks, and no reader of a change sees every time.
//!
//! A rule is a function from the tree, or from what cargo says of it, to a list of sentences: each names the place and
//! what to do. Beside each rule stands a test that breaks it, so that a rule that finds nothing is not mistaken for one
//! that looks.
#![expect(
    clippy::expect_used,
    reason = "a tree that cannot be read fails the test, and the message says what is missing"
)]

#[path = "tidy/cargo.rs"]
mod cargo;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/edges.rs"]
mod edges;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/licences.rs"]
mod licences;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/twins.rs"]
mod twins;

use cargo::{Dependencies, Metadata};
use tree::Tree;

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} to mend:\n- {}\n", problems.len(), problems.join("\n- "));
}

#[test]
fn crates_use_only_the_crates_below_them() {
    none(&edges::forbidden(&Metadata::read(Dependencies::Left)));
}

#[test]
fn a_dependency_with_a_home_stays_there() {
    none(&edges::strayed(&Metadata::read(Dependencies::Left)));
}

#[test]
fn every_package_is_listed_and_takes_the_lints() {
    none(&manifests::unlisted(&Tree::read()));
}

#[test]
fn the_purity_list_repeats_the_list_at_the_root() {
    none(&manifests::lints_apart(&Tree::read()));
}

#[test]
fn licences_are_those_that_deny_toml_allows() {
    let tree = Tree::read();
    none(&licences::refused(&Metadata::read(Dependencies::Resolved), tree.text("deny.toml")));
}

#[test]
fn no_source_file_outgrows_its_reader() {
    none(&files::too_long(&Tree::read()));
}

#[test]
fn files_are_named_after_what_is_in_them() {
    none(&files::ill_named(&Tree::read()));
}

#[test]
fn folders_are_those_of_the_layout_and_explain_themselves() {
    none(&files::unexplained_folders(&Tree::read()));
}

#[test]
fn nothing_is_left_undone() {
    none(&files::left_undone(&Tree::read()));
}

#[test]
fn no_path_of_one_machine_is_kept() {
    none(&files::machine_paths(&Tree::read()));
}

#[test]
fn no_test_waits_by_sleeping() {
    none(&files::sleeps(&Tree::read()));
}

#[test]
fn every_diagnostic_has_its_page_fixture_and_snapshot() {
    none(&twins::missing(&Tree::read()));
}

#[test]
fn the_commands_readme_shows_first_are_the_ones_ci_runs() {
    none(&documents::commands_apart(&Tree::read()));
}

#[test]
fn the_code_map_names_every_crate_and_nothing_else() {
    none(&documents::code_map_gaps(&Tree::read()));
}

#[test]
fn links_between_documents_lead_somewhere() {
    none(&documents::dead_links(&Tree::read()));
}
