//! What goes on at once: futures polled by the one loop, without threads, and without a place for them to be forgotten.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use runbook_core::run::event::{Ending, Event};
use runbook_core::run::record::{AttemptKey, StartFailure};

use tokio::sync::{Notify, watch};

use super::command::Prepared;
use crate::process::{Reason, Terminate};
use crate::supervisor::{Control, Order};

/// What came of a task.
pub(crate) enum Done {
    /// The secrets of an attempt were read, or could not be.
    Prepared(AttemptKey, Box<Result<Prepared, StartFailure>>),
    /// The secrets of an attempt to be supervised were read, or could not be.
    Ordered(AttemptKey, Box<Result<Order, StartFailure>>),
    /// An attempt is over.
    Ended(AttemptKey, Box<Ending>),
    /// Something else is done.
    Event(Event),
    /// Something is done that nobody waits for.
    Nothing,
}

/// What asking for an end did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Its end follows.
    Asked,
    /// It had not started and is forgotten.
    Dropped,
    /// There is no such task.
    Unknown,
}

/// How the end of something that runs is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Handle {
    /// It is a child of this process.
    Child(Terminate),
    /// It has a supervisor.
    Supervised(Control),
    /// It has a supervisor, and is on another host: where that one is gone, it is looked at there.
    SupervisedElsewhere(Control, watch::Sender<bool>),
    /// It is a request of this process.
    Request(Rc<Notify>),
    /// It is on another host.
    Elsewhere(watch::Sender<bool>),
}

impl Handle {
    fn stop(&self, reason: Reason) {
        match self {
            Self::Child(terminate) => terminate.request(reason),
            Self::Supervised(control) => control.stop(),
            Self::SupervisedElsewhere(control, stop) => {
                control.stop();
                stop.send_replace(true);
            }
            Self::Request(stop) => stop.notify_one(),
            Self::Elsewhere(stop) => drop(stop.send_replace(true)),
        }
    }
}

struct Task {
    key: Option<AttemptKey>,
    handle: Option<Handle>,
    future: Pin<Box<dyn Future<Output = Done>>>,
}

/// Everything that goes on. There are at most as many attempts as a plan allows in parallel, so they are polled in turn.
#[derive(Default)]
pub(crate) struct Tasks {
    tasks: Vec<Task>,
}

impl Tasks {
    /// Adds a task; nothing of it is done before it is waited for.
    pub(crate) fn add(
        &mut self,
        key: Option<AttemptKey>,
        handle: Option<Handle>,
        future: impl Future<Output = Done> + 'static,
    ) {
        self.tasks.push(Task { key, handle, future: Box::pin(future) });
    }

    /// Whether nothing goes on.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Asks for the end of an attempt.
    pub(crate) fn stop(&mut self, key: &AttemptKey) -> Stopped {
        let Some(index) = self.tasks.iter().position(|task| task.key.as_ref() == Some(key)) else {
            return Stopped::Unknown;
        };
        if let Some(handle) = self.tasks.get(index).and_then(|task| task.handle.as_ref()) {
            handle.stop(Reason::Cancelled);
            Stopped::Asked
        } else {
            self.tasks.swap_remove(index);
            Stopped::Dropped
        }
    }

    /// Asks for the end of all attempts.
    pub(crate) fn stop_all(&mut self, reason: Reason) {
        for handle in self.tasks.iter().filter_map(|task| task.handle.as_ref()) {
            handle.stop(reason);
        }
    }

    fn supervised(&self) -> impl Iterator<Item = (&AttemptKey, &Control)> {
        self.tasks.iter().filter_map(|task| match (&task.key, &task.handle) {
            (Some(key), Some(Handle::Supervised(control) | Handle::SupervisedElsewhere(control, _))) => {
                Some((key, control))
            }
            _ => None,
        })
    }

    /// Lets an attempt go that waits at its gate; says whether there is one.
    pub(crate) fn release(&self, key: &AttemptKey) -> bool {
        let found = self.supervised().find(|(one, _)| *one == key);
        found.is_some_and(|(_, control)| {
            control.release();
            true
        })
    }

    /// Keeps everything that waits at a gate from going.
    pub(crate) fn shut_gates(&self) {
        self.supervised().for_each(|(_, control)| control.shut());
    }

    /// Waits for the next one that is done; for ever while there is none.
    pub(crate) async fn next(&mut self) -> Done {
        poll_fn(|context| {
            let polled =
                self.tasks.iter_mut().enumerate().find_map(|(index, task)| match task.future.as_mut().poll(context) {
                    Poll::Ready(done) => Some((index, done)),
                    Poll::Pending => None,
                });
            match polled {
                Some((index, done)) => {
                    self.tasks.swap_remove(index);
                    Poll::Ready(done)
                }
                None => Poll::Pending,
            }
        })
        .await
    }
}
