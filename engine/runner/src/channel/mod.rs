//! Tells people: by the channels of the team file, or by the operator, who is shown whom to call.

mod attempts;
mod command;
mod email;
mod http;
pub(crate) mod incidents;
mod pagerduty;
pub mod secret;
mod slack;
pub mod trial;
mod webhook;

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::document::model::Severity;
use runbook_core::document::team::{Channel, ChannelKind, Team};
use runbook_core::run::event::Event;

use self::attempts::Failure;
use self::email::Envelope;
use self::http::Post;
use crate::account::Machine;
use crate::executor::Workplace;
use crate::observer::Notice;
use crate::process::Orphans;
use crate::team::{Route, Try, route};

/// The name under which the operator's terminal stands among the channels.
pub const TERMINAL: &str = "terminal";
/// Time one delivery may take where the team file says nothing.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// Characters of a message that are sent: a page is no report.
const MESSAGE_CHARS_MAX: usize = 8_000;

/// What is to be told, and to whom.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    /// The step; `None` where nothing of it is recorded.
    pub(crate) step: Option<String>,
    /// A person or team as named in the runbook, or a member of such a team.
    pub(crate) to: String,
    /// One line for a subject.
    pub(crate) subject: String,
    /// The message.
    pub(crate) message: String,
}

/// What a channel is given to deliver.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// The run's id, or what stands in its place in a test.
    pub(super) run: String,
    pub(super) step: Option<String>,
    /// The runbook's name.
    pub(super) runbook: String,
    pub(super) severity: Option<Severity>,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) is_test: bool,
    /// Whether it says that what was told is over.
    pub(super) is_over: bool,
}

/// Where messages are sent from.
#[derive(Clone, Copy)]
pub(super) struct Office<'a> {
    pub(super) team: &'a Team,
    pub(super) machine: &'a Machine,
    /// Where paths of secrets and commands are seen from.
    pub(super) directory: &'a Path,
    /// What programs left behind, in a run.
    pub(super) orphans: Option<&'a RefCell<Orphans>>,
}

/// Tells one person or team, and says of each delivery how it went.
pub(crate) async fn tell<F, E>(telling: &Telling, work: &Workplace, told: impl Fn(Event) -> F)
where
    F: Future<Output = Result<(), E>>,
{
    let text = bounded(&telling.message, &work.run);
    let say = async |person: Option<String>, channel: &str, result: Result<String, String>| {
        let Some(step) = telling.step.clone() else { return };
        let (to, channel, message) = (telling.to.clone(), channel.to_owned(), text.clone());
        // Nobody listens any more only when the run is given up, and then nothing is recorded either.
        let _unheard = told(Event::Told { step, to, person, channel, message, result }).await;
    };
    let route = route(&work.team, &telling.to);
    if route.tries.is_empty() {
        let shown = if work.attended {
            show(telling, &route, work);
            Ok(format!("shown to the operator, who tells {}", route.whom()))
        } else {
            Err(format!("no channel is defined for {}, and nobody sits at the terminal", route.whom()))
        };
        return say(None, TERMINAL, shown).await;
    }
    let message = Message {
        run: work.run.clone(),
        step: telling.step.clone(),
        runbook: work.about.runbook.clone(),
        severity: work.about.severity,
        subject: telling.subject.clone(),
        text: text.clone(),
        ..Message::default()
    };
    let office =
        Office { team: &work.team, machine: &work.machine, directory: &work.directory, orphans: Some(&work.orphans) };
    for way in &route.tries {
        let person = way.person(&telling.to);
        let keep = |secrets: &crate::secret::Secrets| work.remember(secrets);
        let reached =
            by(&message, way, office, keep, async |result| say(person.clone(), &way.channel, result).await).await;
        if reached {
            return;
        }
    }
    // It counts as not told; the operator at least learns whom to call.
    show(telling, &route, work);
}

/// Tries one channel until it delivers or is given up; says of each try how it went.
async fn by(
    message: &Message,
    way: &Try,
    office: Office<'_>,
    keep: impl FnOnce(&crate::secret::Secrets),
    say: impl AsyncFn(Result<String, String>),
) -> bool {
    let Some(channel) = office.team.channels.get(&way.channel) else {
        say(Err(format!("the team file has no channel {:?}", way.channel))).await;
        return false;
    };
    let known = match secret::read(&way.channel, channel, office.machine, office.directory).await {
        Ok(known) => known,
        Err(failure) => {
            say(Err(failure.why)).await;
            return false;
        }
    };
    keep(&known.secrets);
    let mut number = 1;
    loop {
        match deliver(message, &way.addressee, channel, &known, office).await {
            Ok(answer) => {
                say(Ok(answer)).await;
                return true;
            }
            Err(Failure { why, again }) => {
                say(Err(why)).await;
                let Some(pause) = attempts::pause(number, again, attempts::chance()) else { return false };
                tokio::time::sleep(pause).await;
                number += 1;
            }
        }
    }
}

async fn deliver(
    message: &Message,
    addressee: &str,
    channel: &Channel,
    known: &secret::Known,
    office: Office<'_>,
) -> Result<String, Failure> {
    let timeout = channel.timeout.unwrap_or(DELIVERY_TIMEOUT);
    let (secret, masker) = (known.value.as_str(), &known.masker);
    let post = |url, headers, body| http::post(Post { url, headers, body, timeout, masker }, office.machine);
    match &channel.kind {
        ChannelKind::Slack { .. } => post(secret, Vec::new(), slack::body(message)).await,
        ChannelKind::PagerDuty { endpoint, .. } => {
            let url = endpoint.as_ref().map_or(pagerduty::ENDPOINT, |endpoint| &endpoint.value);
            let body = pagerduty::body(message, addressee, secret, &office.machine.host);
            let answer = post(url, Vec::new(), body).await?;
            Ok(format!("{answer} (key {})", pagerduty::dedup_key(message)))
        }
        ChannelKind::Webhook { url, secret: signs } => {
            let body = webhook::body(message, addressee);
            let parts = [Some(message.run.as_str()), message.step.as_deref(), Some(addressee)];
            let delivery: Vec<&str> = parts.into_iter().flatten().collect();
            let mut headers = vec![(webhook::DELIVERY.to_owned(), delivery.join("/"))];
            if signs.is_some() {
                headers.push((webhook::SIGNATURE.to_owned(), webhook::signature(secret, Timestamp::now(), &body)));
            }
            post(&url.value, headers, body).await
        }
        ChannelKind::Email { to, from, .. } => {
            let (to, from) = (to.value.as_str(), from.as_ref().map(|from| from.value.as_str()));
            let host = office.machine.host.as_str();
            email::send(message, addressee, &Envelope { to, from, smtp: secret, host, timeout, masker }).await
        }
        ChannelKind::Command(words) => command::deliver(words, timeout, message, addressee, &office).await,
    }
}

/// A message of at most so many characters; where it is cut it says where the rest is.
fn bounded(message: &str, run: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        None => message.to_owned(),
        Some((at, _)) => format!("{}…\n(cut; all of it: runbook show {run})", message.get(..at).unwrap_or_default()),
    }
}

/// Shows the operator whom to tell: somebody may sit there, or read what was printed.
fn show(telling: &Telling, route: &Route, work: &Workplace) {
    work.observer.told_terminal(&Notice {
        to: route.to.clone(),
        people: route.people.clone(),
        subject: telling.subject.clone(),
        message: telling.message.clone(),
    });
}
