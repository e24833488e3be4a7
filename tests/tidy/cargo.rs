//! What cargo says of the packages.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// Whether the packages of the registry are listed with ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependencies {
    /// Only the members of the workspace, as their manifests stand.
    Left,
    /// Everything that is built on this machine.
    Resolved,
}

/// The part of `cargo metadata` the rules read.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) license: Option<String>,
    /// None for a package of this repository.
    pub(crate) source: Option<String>,
    /// Of every kind: normal, development and build.
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The package's name, whatever it is called in the code.
    pub(crate) name: String,
}

impl Metadata {
    /// Asks cargo, offline: what is missing from the machine was not built either.
    pub(crate) fn read(dependencies: Dependencies) -> Self {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1", "--offline"]);
        match dependencies {
            Dependencies::Left => command.arg("--no-deps"),
            // Packages for other systems are not fetched by a build, so they cannot be read here.
            Dependencies::Resolved => command.args(["--filter-platform", &host()]),
        };
        let output = command.output().expect("cargo starts");
        assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON of version 1")
    }
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command
}

fn host() -> String {
    let output = cargo().arg("-vV").output().expect("cargo starts");
    let text = String::from_utf8(output.stdout).expect("cargo's version is text");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host").to_owned()
}
