//! The lab, tried for real: each fault, each command of `dnsTool`, the person at the terminal, and that no process is left.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dns_tool;
mod faults;
mod person;
mod processes;
mod rehearsal;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plant_shop::lab::{Lab, Programs};
use tempfile::TempDir;

/// A lab in a folder that is gone with it. Fields are dropped in this order.
struct Shop {
    lab: Lab,
    _dir: TempDir,
}

impl Shop {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lab = Lab::start_with(dir.path(), programs()).unwrap();
        Self { lab, _dir: dir }
    }

    /// Runs `dnsTool` as a runbook does: found on PATH, and nothing of the lab in its environment.
    fn tool(&self, arguments: &str) -> Said {
        let path = format!("{}:/usr/bin:/bin", self.lab.bin_dir().display());
        let mut command = Command::new("dnsTool");
        command.env_clear().env("PATH", path).current_dir("/").args(arguments.split(' '));
        Said::of(&command.output().unwrap())
    }

    fn log_of(&self, service: &str) -> String {
        std::fs::read_to_string(self.lab.log_dir().join(format!("{service}.log"))).unwrap()
    }
}

/// What a program said and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

fn plant_shop() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_plant-shop"))
}

fn programs() -> Programs {
    Programs::in_folder(plant_shop().parent().unwrap())
}

fn beside_this(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab").join(name)
}
