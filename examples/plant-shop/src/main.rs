//! `plant-shop`: rehearses runbooks against the shop's services, and is those services.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use plant_shop::dns::{self, Server};
use plant_shop::lab::{Fault, Site};
use plant_shop::rehearsal::{self, Interrupt, Options};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// Real services on loopback ports, broken on purpose, and a runbook run against them as a person would run it.
#[derive(Debug, Parser)]
#[command(name = "plant-shop", version, arg_required_else_help = true)]
struct Line {
    /// List the runbooks that can be rehearsed and the faults there are
    #[arg(long)]
    list: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Break a name server and run the runbook dns-failover on a terminal
    DnsFailover(DnsFailover),
    /// Kill the engine in the middle of a failover, go on with `runbook resume`, and print what a person sees of it
    Interrupted(Interrupted),
    /// Be a name server
    #[command(hide = true)]
    ServeDns {
        server: Server,
        #[command(flatten)]
        place: Place,
    },
    /// Be the switch
    #[command(hide = true)]
    ServeSwitch {
        #[command(flatten)]
        place: Place,
    },
    /// Copy the zone to a server
    #[command(hide = true)]
    ZoneSync {
        server: Server,
        #[arg(long)]
        from: PathBuf,
        #[arg(long)]
        due_in_ms: u64,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
struct DnsFailover {
    /// What is wrong: down, stopped, broken, recovers or stuck
    #[arg(long, default_value = "broken", value_parser = fault)]
    fault: Fault,

    /// The folder of the lab, the session and the log [default: one for each fault beside the built programs]
    #[arg(long)]
    dir: Option<PathBuf>,

    /// Leave the services running afterwards, until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// The folder whose runbooks/ is run from [default: this workspace]
    #[arg(long, hide = true)]
    workspace: Option<PathBuf>,

    /// The runbook program [default: the one of this workspace, built first]
    #[arg(long, env = "RUNBOOK_BIN", value_name = "PATH")]
    runbook: Option<PathBuf>,

    /// A param of the runbook, over what the lab gives it
    #[arg(short = 'p', value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// What the person says to a step that asks
    #[arg(long, value_enum, default_value = "approve")]
    answer: rehearsal::Answer,

    /// Say no to this step, and yes to the others
    #[arg(long, value_name = "STEP")]
    deny: Option<String>,

    /// Why the person says no
    #[arg(long, default_value = "not while the shop is open")]
    reason: String,
}

#[derive(Debug, Args)]
struct Interrupted {
    /// The folder of the lab [default: one beside the built programs]
    #[arg(long)]
    dir: Option<PathBuf>,

    /// The folder whose runbooks/ is run from [default: this workspace]
    #[arg(long, hide = true)]
    workspace: Option<PathBuf>,

    /// The runbook program [default: the one of this workspace, built first]
    #[arg(long, env = "RUNBOOK_BIN", value_name = "PATH")]
    runbook: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Place {
    #[arg(long)]
    dir: PathBuf,
    /// The process that started this one, and without which it must not be
    #[arg(long)]
    under: Option<i32>,
}

fn fault(name: &str) -> Result<Fault, String> {
    Fault::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Fault::ALL.iter().map(ToString::to_string).collect();
        format!("the faults are {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // As `dnsTool` of a lab calls it: a program of its own to whoever types it.
    if arguments.get(1).is_some_and(|first| first == "dns-tool") {
        let tool = std::iter::once("dnsTool".into()).chain(arguments.into_iter().skip(2));
        return dns::run_tool(tool.collect());
    }
    let line = Line::parse_from(arguments);
    let done = match line.command {
        None => write_list(line.list).map(|()| ExitCode::SUCCESS),
        Some(Command::DnsFailover(given)) => Ok(dns_failover(given)),
        Some(Command::Interrupted(Interrupted { dir, workspace, runbook })) => {
            let options = rehearsal::InterruptedOptions { dir, workspace, runbook };
            Ok(rehearse(|interrupt| rehearsal::interrupted(&options, interrupt)))
        }
        Some(Command::ServeDns { server, place }) => {
            place.serve(|site| async move { dns::serve_dns(site, server, ready).await })
        }
        Some(Command::ServeSwitch { place }) => place.serve(|site| async move { dns::serve_switch(site, ready).await }),
        Some(Command::ZoneSync { server, from, due_in_ms, place }) => place.open().and_then(|site| {
            let sync = dns::Sync { server, from, due_in: Duration::from_millis(due_in_ms) };
            dns::run_zone_sync(&site, &sync, ready).map(|()| ExitCode::SUCCESS)
        }),
    };
    done.unwrap_or_else(|e| {
        let _nobody_reads = writeln!(io::stderr(), "plant-shop: {e}");
        ExitCode::FAILURE
    })
}

fn dns_failover(given: DnsFailover) -> ExitCode {
    let options = Options {
        fault: given.fault,
        dir: given.dir,
        keep: given.keep,
        workspace: given.workspace,
        runbook: given.runbook,
        params: given.param,
        answer: given.answer,
        deny: given.deny,
        reason: given.reason,
    };
    rehearse(|interrupt| rehearsal::dns_failover(&options, interrupt))
}

fn rehearse(rehearsal: impl FnOnce(&Interrupt) -> Result<u8, rehearsal::RehearsalError>) -> ExitCode {
    let rehearsed = Interrupt::listen()
        .map_err(|e| e.to_string())
        .and_then(|interrupt| rehearsal(&interrupt).map_err(|e| e.to_string()));
    match rehearsed {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            let _nobody_reads = writeln!(io::stderr(), "plant-shop: {e}");
            ExitCode::FAILURE
        }
    }
}

impl Place {
    fn open(&self) -> io::Result<Site> {
        if let Some(parent) = self.under {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // It may have died before the kernel was asked.
            if getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
                return Err(io::Error::other("the lab is gone"));
            }
        }
        Site::open(&self.dir).map_err(io::Error::other)
    }

    fn serve<F: Future<Output = io::Result<()>>>(&self, service: impl FnOnce(Site) -> F) -> io::Result<ExitCode> {
        let site = self.open()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(service(site)).map(|()| ExitCode::SUCCESS)
    }
}

/// Says to whoever started this service that it can be asked.
fn ready() -> io::Result<()> {
    writeln!(io::stdout(), "ready")
}

fn write_list(_asked: bool) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "Runbooks:\n  dns-failover  a name server does not answer\n\nFaults (--fault):")?;
    for fault in Fault::ALL {
        let name = fault.to_string();
        writeln!(out, "  {name:<12}  {}", fault.about())?;
    }
    Ok(())
}
