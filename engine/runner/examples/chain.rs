//! Measures what a child costs: a chain of `/bin/true`, bare and through the runner's processes. By hand:
//! `cargo run --release -p runbook-runner --example chain [COUNT]`.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio as Standard};
use std::time::{Duration, Instant};

use runbook_runner::process::{End, Spec, start};

fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    // Interleaved, so that both see the same machine.
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let begin = Instant::now();
        if !spawn_bare() {
            return ExitCode::FAILURE;
        }
        bare.push(begin.elapsed());
        let begin = Instant::now();
        if !runtime.block_on(spawn_ours()) {
            return ExitCode::FAILURE;
        }
        ours.push(begin.elapsed());
    }
    report("std, no pipes", &mut bare);
    report("runbook", &mut ours);
    ExitCode::SUCCESS
}

fn spawn_bare() -> bool {
    let mut command = Command::new("/bin/true");
    command.env_clear().stdin(Standard::null()).stdout(Standard::null()).stderr(Standard::null());
    command.status().is_ok_and(|status| status.success())
}

async fn spawn_ours() -> bool {
    let mut spec = Spec::new("/bin/true", Path::new("/"));
    spec.timeout = Some(Duration::from_secs(60));
    spec.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    match start(spec) {
        Ok(running) => running.wait(|_, _| {}).await.end == End::Exited(0),
        Err(_) => false,
    }
}

#[expect(clippy::print_stdout, reason = "a measurement is for the person who runs it")]
fn report(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let mean = total / u32::try_from(times.len().max(1)).unwrap_or(1);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!("{name:>14}: {mean:?} mean, {median:?} median, {total:?} for {}", times.len());
}
