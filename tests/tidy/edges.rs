//! Which of our packages may use which, and which dependency lives where.

use crate::cargo::{Metadata, Package};

/// A package of ours, and those of ours it may use. Lower ones first: nothing here uses what stands below it.
const EDGES: &[(&str, &[&str])] = &[
    ("runbook-core", &[]),
    ("runbook-transcript", &["runbook-core"]),
    ("runbook-report", &["runbook-core", "runbook-transcript"]),
    ("runbook-runner", &["runbook-core", "runbook-transcript"]),
    ("runbook-server", &["runbook-core", "runbook-transcript", "runbook-report", "runbook-runner"]),
    ("runbook", &["runbook-core", "runbook-transcript", "runbook-report", "runbook-runner", "runbook-server"]),
    // The lab stands for the world outside: it knows the engine by its command line and its files alone.
    ("plant-shop", &[]),
    (
        "runbook-tests",
        &[
            "runbook-core",
            "runbook-transcript",
            "runbook-report",
            "runbook-runner",
            "runbook-server",
            "runbook",
            "plant-shop",
        ],
    ),
];

/// A dependency, and the only packages of ours that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["runbook-server"]),
    ("cel", &["runbook-core"]),
    ("clap", &["runbook", "plant-shop"]),
    ("duct", &["runbook-runner"]),
    ("handlebars", &["runbook-core", "runbook-report"]),
    ("hickory-server", &["plant-shop"]),
    ("indicatif", &["runbook"]),
    ("miette", &["runbook"]),
    ("petgraph", &["runbook-core"]),
    // The two of these mean the outside world, so neither core nor report may name them.
    ("rustix", &["runbook-transcript", "runbook-runner", "runbook-server", "runbook", "plant-shop", "runbook-tests"]),
    ("saphyr-parser", &["runbook-core"]),
    ("tokio", &["runbook-runner", "runbook-server", "runbook", "plant-shop", "runbook-tests"]),
];

/// Edges between packages of ours that the layout does not have.
pub(crate) fn forbidden(metadata: &Metadata) -> Vec<String> {
    let ours: Vec<&str> = ours(metadata).map(|package| package.name.as_str()).collect();
    let mut problems = Vec::new();
    for package in self::ours(metadata) {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package.name) else {
            problems.push(format!("{} is new: say in tests/tidy/edges.rs which packages it may use", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if ours.contains(&name) && !allowed.contains(&name) {
                problems.push(format!(
                    "{} may not use {name}: turn the edge round, or move what is shared down",
                    package.name
                ));
            }
        }
    }
    problems
}

/// Dependencies named by a package that is not their home.
pub(crate) fn strayed(metadata: &Metadata) -> Vec<String> {
    let mut problems = Vec::new();
    for package in ours(metadata) {
        for (name, homes) in HOMES {
            if package.dependencies.iter().any(|dependency| dependency.name == *name)
                && !homes.contains(&package.name.as_str())
            {
                problems.push(format!("{} may not use {name}, which lives in {}", package.name, homes.join(", ")));
            }
        }
    }
    problems
}

fn ours(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.packages.iter().filter(|package| package.source.is_none())
}

#[cfg(test)]
mod tests {
    use super::{forbidden, strayed};
    use crate::cargo::{Dependencies, Dependency, Metadata, Package};

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            source: None,
            dependencies: dependencies.iter().map(|name| Dependency { name: (*name).to_owned() }).collect(),
        }
    }

    #[test]
    fn an_edge_upwards_is_found() {
        let packages = vec![
            package("runbook-core", &["runbook-transcript"]),
            package("runbook-transcript", &["runbook-core"]),
            package("runbook", &["plant-shop"]),
            package("plant-shop", &[]),
        ];
        assert_eq!(
            forbidden(&Metadata { packages }),
            [
                "runbook-core may not use runbook-transcript: turn the edge round, or move what is shared down",
                "runbook may not use plant-shop: turn the edge round, or move what is shared down",
            ]
        );
    }

    #[test]
    fn a_package_nobody_thought_of_is_found() {
        let packages = vec![package("runbook-extra", &[])];
        assert_eq!(forbidden(&Metadata { packages }).len(), 1);
    }

    #[test]
    fn a_stray_dependency_is_found_where_it_is_not_at_home() {
        let packages =
            vec![package("runbook-core", &["tokio", "petgraph"]), package("runbook-runner", &["tokio", "duct"])];
        let [problem] = strayed(&Metadata { packages }).try_into().expect("one problem");
        assert!(problem.starts_with("runbook-core may not use tokio"), "{problem}");
    }

    #[test]
    fn cargo_is_really_asked() {
        let metadata = Metadata::read(Dependencies::Left);
        let core = metadata.packages.iter().find(|package| package.name == "runbook-core").expect("core is a member");
        assert!(core.dependencies.iter().any(|dependency| dependency.name == "petgraph"));
    }
}
