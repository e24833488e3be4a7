//! Tells people: by the channels of the team file, or by the operator, who is shown whom to call.

mod command;

use std::future::Future;
use std::time::Duration;

use runbook_core::document::team::ChannelKind;
use runbook_core::run::event::Event;

use crate::executor::Workplace;
use crate::observer::Notice;
use crate::team::{Route, Try, route};

/// The name under which the operator's terminal stands among the channels.
pub const TERMINAL: &str = "terminal";
/// Time one delivery may take where the team file says nothing.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a channel is tried before the next one is.
const TRIES: u32 = 2;
/// Time between two tries of a channel.
const PAUSE: Duration = Duration::from_secs(1);

/// What is to be told, and to whom.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    /// The step; `None` where nothing of it is recorded.
    pub(crate) step: Option<String>,
    /// People and teams as named in the runbook.
    pub(crate) to: Vec<String>,
    /// One line for a subject.
    pub(crate) subject: String,
    /// The message.
    pub(crate) message: String,
}

/// Whether this build can deliver by such a channel.
#[must_use]
pub fn is_in_this_build(kind: &ChannelKind) -> bool {
    matches!(kind, ChannelKind::Command(_))
}

/// Tells everybody, one after another, and says of each delivery how it went.
pub(crate) async fn tell<F, E>(telling: &Telling, work: &Workplace, told: impl Fn(Event) -> F)
where
    F: Future<Output = Result<(), E>>,
{
    let say = async |to: &str, channel: &str, result: Result<String, String>| {
        let Some(step) = telling.step.clone() else { return };
        let (to, channel, message) = (to.to_owned(), channel.to_owned(), telling.message.clone());
        // Nobody listens any more only when the run is given up, and then nothing is recorded either.
        let _unheard = told(Event::Told { step, to, channel, message, result }).await;
    };
    for to in &telling.to {
        let route = route(&work.team, to);
        if route.tries.is_empty() {
            say(to, TERMINAL, show(telling, &route, work)).await;
            continue;
        }
        let mut reached = false;
        for way in &route.tries {
            for number in 1..=TRIES {
                let result = deliver(telling, way, work).await;
                reached = result.is_ok();
                say(to, &way.channel, result).await;
                if reached {
                    break;
                }
                if number < TRIES {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if reached {
                break;
            }
        }
        if !reached {
            // It counts as not told; the operator at least learns whom to call.
            let _shown = show(telling, &route, work);
        }
    }
}

async fn deliver(telling: &Telling, way: &Try, work: &Workplace) -> Result<String, String> {
    let Some(channel) = work.team.channels.get(&way.channel) else {
        return Err(format!("the team file has no channel {:?}", way.channel));
    };
    match &channel.kind {
        ChannelKind::Command(words) => {
            command::deliver(words, channel.timeout.unwrap_or(DELIVERY_TIMEOUT), telling, way, work).await
        }
        kind @ (ChannelKind::Slack { .. }
        | ChannelKind::PagerDuty { .. }
        | ChannelKind::Email { .. }
        | ChannelKind::Webhook { .. }) => Err(format!("a {} channel is not in this build", kind.key())),
    }
}

/// Shows the operator whom to tell, if there is one.
fn show(telling: &Telling, route: &Route, work: &Workplace) -> Result<String, String> {
    let people = if route.people.is_empty() { route.to.clone() } else { route.people.join("; ") };
    if !work.attended {
        return Err(format!("no channel is defined for {people}, and nobody sits at the terminal"));
    }
    work.observer.told_terminal(&Notice {
        to: route.to.clone(),
        people: route.people.clone(),
        subject: telling.subject.clone(),
        message: telling.message.clone(),
    });
    Ok(format!("shown to the operator, who tells {people}"))
}
