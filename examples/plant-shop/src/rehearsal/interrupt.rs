//! Ctrl-C at the rehearsal's own terminal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether somebody asked the rehearsal to end: by Ctrl-C, SIGTERM, or by closing its terminal.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on. Asked once, the rehearsal ends in order; asked twice, at once, and the kernel ends its processes.
    ///
    /// # Errors
    /// What the operating system says when signals cannot be listened for.
    pub fn listen() -> io::Result<Self> {
        let this = Self::default();
        let asked = Arc::clone(&this.asked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _context = runtime.enter();
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]
        };
        std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            runtime.block_on(async {
                any(&mut signals).await;
                asked.store(true, Ordering::Relaxed);
                any(&mut signals).await;
            });
            // Asked twice: nothing more is waited for, and every service dies with this process.
            std::process::exit(130);
        })?;
        Ok(this)
    }

    /// True from when it was asked.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.asked
    }

    /// Waits until it is asked.
    pub fn wait(&self) {
        while !self.asked.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

async fn any(signals: &mut [Signal; 3]) {
    let [interrupt, terminate, hangup] = signals;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
