//! `runbook team`: who is on call and how they are told; and whether the channels work.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use runbook_core::document::model::SecretSource;
use runbook_core::document::team::{Channel, ChannelKind, Team};
use runbook_core::source::Spanned;
use runbook_runner::account::Machine;
use runbook_runner::channel::secret::missing;
use runbook_runner::channel::trial::{Trial, test};
use runbook_runner::load::{Source, TEAM, directory_of, folder};
use serde_json::{Value, json};

use crate::arguments::TeamVerb;
use crate::context::{Context, Ending};
use crate::diagnostics::human::render;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::loading::{check_team, load_failure, look};
use crate::text::{Line, Style, table};

/// A team file and where it stands.
struct Here {
    team: Team,
    machine: Machine,
    /// Where paths in it are seen from.
    directory: std::path::PathBuf,
}

/// Shows the team, or tries its channels.
///
/// # Errors
/// [`Failure`] when there is no team file, it does not check, or a channel is named that it does not have.
pub(super) fn team(arguments: &TeamVerb, context: &mut Context) -> Ending {
    let here = read(context)?;
    match &arguments.test {
        None => show(&here, arguments.json, context),
        Some(channels) => try_out(&here, channels, arguments, context),
    }
}

fn read(context: &Context) -> Result<Here, Failure> {
    let machine = Machine::current();
    let failed = |error| load_failure(&error, context);
    let folder = folder(&machine, context.place.given_dir()).map_err(failed)?;
    let path = folder.join(TEAM);
    if !path.is_file() {
        return Err(Failure::usage(format!("there is no {TEAM} in {}", folder.display()))
            .help(format!("`{}` begins one beside a runbook", context.place.command(&["new", "NAME"]))));
    }
    let source = Source::read(&path).map_err(failed)?;
    let (team, checked) = check_team(&source, &machine);
    let Some(team) = team else {
        crate::output::tell_text(&render(&[checked], look(context), context.out.columns()));
        return Err(Failure::usage(format!("{} is not right", source.shown(&machine))));
    };
    Ok(Here { team, machine, directory: directory_of(&folder) })
}

fn show(here: &Here, as_json: bool, context: &mut Context) -> Ending {
    if as_json {
        context.out.json(&whole(here))?;
        return Ok(ExitCode::Resolved);
    }
    let head = |names: &[&str]| names.iter().map(|name| (Style::Faint, (*name).to_owned())).collect::<Vec<_>>();
    let plain = |text: String| (Style::Plain, text);
    let mut rows = vec![head(&["TEAM", "ON CALL", "THE REST", "NOTIFY"])];
    for (name, group) in &here.team.teams {
        let on_call = group.on_call.as_ref().map(|name| name.value.as_str());
        let rest: Vec<&str> = group.in_order().filter(|name| Some(*name) != on_call).collect();
        rows.push(vec![
            (Style::Strong, name.clone()),
            (Style::Good, on_call.unwrap_or("-").to_owned()),
            plain(some(&rest.join(", "))),
            plain(some(&list(&group.notify))),
        ]);
    }
    print(&rows, context)?;
    let mut rows = vec![head(&["PERSON", "NAME", "TEAM", "PHONE", "NOTIFY"])];
    for (account, person) in &here.team.people {
        rows.push(vec![
            (Style::Strong, account.clone()),
            plain(person.name.clone()),
            plain(some(person.team.as_ref().map_or("", |team| &team.value))),
            plain(some(person.phone.as_deref().unwrap_or_default())),
            plain(some(&list(&person.notify))),
        ]);
    }
    print(&rows, context)?;
    let mut rows = vec![head(&["CHANNEL", "KIND", "SECRET", "TO"])];
    for (name, channel) in &here.team.channels {
        let secret = secret(channel, here);
        let style = if secret.why.is_some() { Style::Look } else { Style::Plain };
        rows.push(vec![
            (Style::Strong, name.clone()),
            plain(channel.kind.key().to_owned()),
            (style, secret.words()),
            plain(some(&place(&channel.kind))),
        ]);
    }
    print(&rows, context)?;
    Ok(ExitCode::Resolved)
}

fn print(rows: &[Vec<(Style, String)>], context: &mut Context) -> Result<(), Failure> {
    // A heading alone says nothing.
    if rows.len() > 1 {
        let columns = context.out.columns();
        for line in table(rows) {
            context.out.line(line.fit(columns))?;
        }
        context.out.line("")?;
    }
    Ok(())
}

fn some(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn list(names: &[Spanned<String>]) -> String {
    names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ")
}

/// Where a channel goes, as far as that is no secret.
fn place(kind: &ChannelKind) -> String {
    match kind {
        ChannelKind::Slack { .. } => String::new(),
        ChannelKind::PagerDuty { endpoint, .. } => {
            endpoint.as_ref().map(|endpoint| endpoint.value.clone()).unwrap_or_default()
        }
        ChannelKind::Email { to, .. } => to.value.clone(),
        ChannelKind::Webhook { url, .. } => url.value.clone(),
        ChannelKind::Command(words) => words.join(" "),
    }
}

/// What is known of a channel's secret without reading it.
struct Secret {
    from: Option<String>,
    why: Option<String>,
}

impl Secret {
    fn words(&self) -> String {
        match (&self.from, &self.why) {
            (None, _) => "none is needed".to_owned(),
            (Some(from), None) => from.clone(),
            (Some(_), Some(why)) => why.clone(),
        }
    }
}

fn secret(channel: &Channel, here: &Here) -> Secret {
    let source = channel.secret().map(|source| &source.value);
    let from = source.map(|source| match source {
        SecretSource::Env(name) => format!("variable {name}, set"),
        SecretSource::File(path) => format!("file {path}"),
        SecretSource::Command(words) => {
            format!("command {}, not tried", words.first().map(String::as_str).unwrap_or_default())
        }
    });
    Secret { from, why: source.and_then(|source| missing(source, &here.machine, &here.directory)) }
}

fn whole(here: &Here) -> Value {
    let team = &here.team;
    let names = |list: &[Spanned<String>]| list.iter().map(|name| name.value.clone()).collect::<Vec<_>>();
    json!({
        "v": 1,
        "teams": team.teams.iter().map(|(name, group)| json!({
            "name": name,
            "members": names(&group.members),
            "on_call": group.on_call.as_ref().map(|name| &name.value),
            "notify": names(&group.notify),
            "call": team.contacts(name),
        })).collect::<Vec<_>>(),
        "people": team.people.iter().map(|(account, person)| json!({
            "account": account,
            "name": person.name,
            "team": person.team.as_ref().map(|team| &team.value),
            "phone": person.phone,
            "notify": names(&person.notify),
        })).collect::<Vec<_>>(),
        "channels": team.channels.iter().map(|(name, channel)| {
            let secret = secret(channel, here);
            json!({
                "name": name,
                "kind": channel.kind.key(),
                "to": place(&channel.kind),
                "ready": secret.why.is_none(),
                "missing": secret.why,
            })
        }).collect::<Vec<_>>(),
    })
}

fn try_out(here: &Here, named: &[String], arguments: &TeamVerb, context: &mut Context) -> Ending {
    let known: Vec<&str> = here.team.channels.keys().map(String::as_str).collect();
    for name in named {
        if !known.contains(&name.as_str()) {
            let failure = Failure::usage(format!("{TEAM} has no channel {name:?}"));
            return Err(match runbook_core::diagnostic::suggest(name, known) {
                Some(near) => failure.help(format!("did you mean {near:?}?")),
                None => failure,
            });
        }
    }
    let channels: Vec<&str> = if named.is_empty() { known } else { named.iter().map(String::as_str).collect() };
    if channels.is_empty() {
        return Err(Failure::usage(format!("{TEAM} has no channels")));
    }
    if !arguments.yes && !agrees(&channels, context)? {
        context.out.line("nothing was sent")?;
        return Ok(ExitCode::Cancelled);
    }
    let trials = send(&channels, here)?;
    let worked = trials.iter().all(|trial| trial.result.is_ok());
    if arguments.json {
        context.out.json(&json!({ "v": 1, "tests": trials.iter().map(of).collect::<Vec<_>>() }))?;
    } else {
        for Trial { channel, result } in &trials {
            match result {
                Ok(answer) => {
                    let line = Line::new().and(Style::Good, "delivered  ").and(Style::Strong, channel);
                    context.out.wrapped(line.and(Style::Plain, &format!("  {answer}")), 11)?;
                }
                Err(failures) => {
                    let line = Line::new().and(Style::Bad, "failed     ").and(Style::Strong, channel);
                    context.out.wrapped(line.and(Style::Plain, &format!("  {}", failures.join("; "))), 11)?;
                }
            }
        }
    }
    Ok(if worked { ExitCode::Resolved } else { ExitCode::Failed })
}

fn of(trial: &Trial) -> Value {
    json!({
        "channel": trial.channel,
        "delivered": trial.result.is_ok(),
        "answer": trial.result.as_ref().ok(),
        "failures": trial.result.as_ref().err().cloned().unwrap_or_default(),
    })
}

/// Asks at a terminal; without one, whoever wants it says so with `--yes`.
fn agrees(channels: &[&str], context: &mut Context) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is there to be asked whether messages may be sent")
            .help("`--yes` sends them without asking"));
    }
    let question = format!("Send a test by {}? [y/N] ", channels.join(", "));
    context.out.raw(&question)?;
    context.out.flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::new(ExitCode::Ours, format!("the terminal cannot be read: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Sends them one after another: whoever gets several can tell which was which.
fn send(channels: &[&str], here: &Here) -> Result<Vec<Trial>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Ours, format!("the system gives no event loop: {error}")))?;
    let directory: &Path = &here.directory;
    Ok(runtime.block_on(async {
        let mut trials = Vec::new();
        for channel in channels {
            trials.push(test(&here.team, channel, &here.machine.account.name, &here.machine, directory).await);
        }
        trials
    }))
}
