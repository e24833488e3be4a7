//! Where the lab's own program is, built first where that is needed.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;

/// A folder with `plant-shop` in it, for whoever built it already.
const PROGRAMS_ENV: &str = "PLANT_SHOP_PROGRAMS";

/// The programs the lab starts its services with.
#[derive(Clone, Debug)]
pub struct Programs {
    plant_shop: PathBuf,
}

impl Programs {
    /// Names the programs of one folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { plant_shop: folder.join("plant-shop") }
    }

    /// Finds the programs: in `PLANT_SHOP_PROGRAMS`, or where Cargo puts those of the profile this process was built with, built
    /// first where they are older than their sources. A test of another package finds them so, where Cargo has not built them for it.
    ///
    /// # Errors
    /// [`BuildError`] when they cannot be built.
    pub fn find() -> Result<Self, BuildError> {
        static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
        if let Some(folder) = env::var_os(PROGRAMS_ENV) {
            return Ok(Self::in_folder(Path::new(&folder)));
        }
        let folder = profile_folder()?;
        let this = env::current_exe().map_err(|source| BuildError::Io { program: "this one".to_owned(), source })?;
        let programs = Self::in_folder(&folder);
        // The lab's own program has no need to build itself. Cargo is not asked about one that is newer than its sources: where
        // a whole workspace was built, this package alone may need its dependencies once more, with other features.
        if this != programs.plant_shop && !is_newer(&programs.plant_shop, &workspace()) {
            BUILT
                .get_or_init(|| cargo_build(&["plant-shop"]).map_err(|e| e.to_string()))
                .clone()
                .map_err(|why| BuildError::Before { why })?;
        }
        Ok(programs)
    }

    /// The program whose subcommands are the services.
    #[must_use]
    pub fn plant_shop(&self) -> &Path {
        &self.plant_shop
    }
}

fn is_newer(program: &Path, workspace: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified());
    let package = workspace.join("examples/plant-shop");
    let Ok(built) = modified(program) else {
        return false;
    };
    let mut left = vec![package.join("src"), package.join("Cargo.toml"), workspace.join("Cargo.lock")];
    while let Some(path) = left.pop() {
        if modified(&path).is_ok_and(|changed| changed < built) {
            if let Ok(inside) = path.read_dir() {
                left.extend(inside.filter_map(Result::ok).map(|entry| entry.path()));
            }
        } else {
            return false;
        }
    }
    true
}

/// The folder of the workspace, from Cargo where it runs this, else from when this was built.
#[must_use]
pub(crate) fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// The folder in which Cargo leaves the programs of the profile that this process was built with.
///
/// # Errors
/// [`BuildError::Io`] when the operating system does not say which program this is.
pub fn profile_folder() -> Result<PathBuf, BuildError> {
    let this = env::current_exe().map_err(|source| BuildError::Io { program: "this one".to_owned(), source })?;
    let folder = this.parent().unwrap_or(Path::new("/"));
    let in_deps = folder.file_name().is_some_and(|name| name == "deps" || name == "examples");
    Ok(if in_deps { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// Builds programs of packages of this workspace into [`profile_folder`], with the Cargo that runs this, if one does.
///
/// # Errors
/// [`BuildError`] when Cargo cannot be started or does not succeed.
pub fn cargo_build(packages: &[&str]) -> Result<(), BuildError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.current_dir(workspace()).args(["build", "--quiet", "--bins"]);
    let folder = profile_folder()?;
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(profile) => {
            command.args(["--profile", profile]);
        }
    }
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    for package in packages {
        command.args(["--package", package]);
    }
    let status =
        command.status().map_err(|source| BuildError::Io { program: cargo.to_string_lossy().into_owned(), source })?;
    if status.success() { Ok(()) } else { Err(BuildError::Failed { packages: packages.join(" and "), status }) }
}

/// Why a program is not there.
#[derive(Debug)]
pub enum BuildError {
    /// Cargo ended without success.
    Failed {
        /// What it was to build.
        packages: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It was tried before in this process, and failed.
    Before {
        /// What was said then.
        why: String,
    },
    /// A program cannot be started or found.
    Io {
        /// The program.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { packages, status } => write!(f, "cannot build {packages}: cargo ended with {status}"),
            Self::Before { why } => f.write_str(why),
            Self::Io { program, source } => write!(f, "{program}: {source}"),
        }
    }
}

impl std::error::Error for BuildError {}
