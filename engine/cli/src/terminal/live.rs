//! Draws the live screen and reads keys, on a thread of its own: a terminal that takes nothing never holds a run up.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use runbook_core::run::event::Input;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::cbreak::{self, Cbreak, CbreakError};
use super::key::Keys;
use super::paint::Painter;
use super::screen::{Frame, Screen};
use crate::output::size;
use crate::text::Line;

/// The shortest time between two frames: more than 25 a second nobody sees.
const FRAME: Duration = Duration::from_millis(40);
/// The longest time between two frames: countdowns move on.
const TICK: Duration = Duration::from_millis(250);
/// Who waited this long for the next tick was stopped, as by Ctrl-Z.
const STOPPED: Duration = Duration::from_secs(1);
/// Bytes read from the keyboard at once.
const READ_BYTES: usize = 1024;

/// The live screen while it is drawn. Dropped, the terminal is as before.
pub struct Live {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    // Given back after the thread has ended.
    _mode: Cbreak,
}

struct Shared {
    screen: Mutex<Screen>,
    wake: OwnedFd,
    ended: AtomicBool,
}

impl Live {
    /// Takes the terminal and begins to draw. What the operator says goes to `say`, which returns at once.
    ///
    /// # Errors
    /// [`CbreakError`] when the terminal cannot be taken.
    pub fn start(screen: Screen, colour: bool, say: impl Fn(Input) + Send + 'static) -> Result<Self, CbreakError> {
        let mode = Cbreak::set(io::stdin())?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared = Arc::new(Shared { screen: Mutex::new(screen), wake, ended: AtomicBool::new(false) });
        let drawn = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || draw(&drawn, colour, &say))
            .map_err(|_| CbreakError::from(rustix::io::Errno::AGAIN))?;
        Ok(Self { shared, thread: Some(thread), _mode: mode })
    }

    /// Changes the screen; it is drawn soon.
    pub fn change(&self, change: impl FnOnce(&mut Screen)) {
        change(&mut self.shared.screen());
        self.shared.wake();
    }

    /// Changes what is shown of running processes; it is drawn with the next tick.
    pub fn change_later(&self, change: impl FnOnce(&mut Screen)) {
        change(&mut self.shared.screen());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            // A panic on the thread has been told by the hook.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // A counter that is full has woken the thread already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

fn draw(shared: &Shared, colour: bool, say: &impl Fn(Input)) {
    let mut painter = Painter::default();
    let mut keys = Keys::default();
    let mut last: Option<(Vec<Line>, (usize, usize))> = None;
    let mut keyboard_is_open = true;
    loop {
        let drawn_at = Instant::now();
        let is_over = shared.ended.load(Ordering::Acquire);
        let frame = shared.screen().frame(Timestamp::now());
        if frame.asks_anew {
            cbreak::discard_typed();
        }
        let size = size().unwrap_or((80, 24));
        let region = if is_over { &[][..] } else { frame.region.as_slice() };
        let is_new = last.as_ref().is_none_or(|(lines, at)| lines != region || *at != size);
        if is_new || is_over || !frame.stay.is_empty() || !frame.control.is_empty() {
            show(&mut painter, &frame, region, size, colour);
            last = Some((region.to_vec(), size));
        }
        if is_over {
            return;
        }
        let waits_since = Instant::now();
        let typed = wait(shared, &mut keyboard_is_open);
        if waits_since.elapsed() >= STOPPED {
            // Somebody else has written below the region meanwhile: it is begun anew there.
            painter.forget();
            last = None;
        }
        for key in keys.feed(&typed) {
            let said = shared.screen().key(key);
            if let Some(input) = said {
                say(input);
            }
        }
        cbreak::again_if_lost();
        // What comes in quick succession is drawn together; a key is answered at once.
        let early = FRAME.saturating_sub(drawn_at.elapsed());
        if typed.is_empty() && !early.is_zero() && !shared.ended.load(Ordering::Acquire) {
            std::thread::sleep(early);
        }
    }
}

fn show(painter: &mut Painter, frame: &Frame, region: &[Line], (columns, rows): (usize, usize), colour: bool) {
    let text = painter.paint(&frame.stay, region, columns, rows, colour);
    let mut out = io::stdout().lock();
    // A terminal that is gone shows nothing; the run goes on.
    let _ = out
        .write_all(frame.control.as_bytes())
        .and_then(|()| out.write_all(text.as_bytes()))
        .and_then(|()| out.flush());
}

/// Waits for a key, a change or the next tick; gives the keys.
fn wait(shared: &Shared, keyboard_is_open: &mut bool) -> Vec<u8> {
    let stdin = io::stdin();
    let tick = Timespec { tv_sec: 0, tv_nsec: i64::try_from(TICK.as_nanos()).unwrap_or(i64::MAX) };
    // In the background the keyboard is somebody else's.
    let reads = *keyboard_is_open && cbreak::is_foreground();
    let is_typed = {
        let wake = PollFd::new(&shared.wake, PollFlags::IN);
        let keyboard = PollFd::new(&stdin, PollFlags::IN);
        let mut both = [wake, keyboard];
        let watched = if reads { &mut both[..] } else { &mut both[..1] };
        if poll(watched, Some(&tick)).is_err() {
            return Vec::new();
        }
        both.get(1).is_some_and(|keyboard| reads && !keyboard.revents().is_empty())
    };
    let mut count = [0; 8];
    // Nothing to read is as good as having read it.
    let _ = rustix::io::read(&shared.wake, &mut count);
    if !is_typed {
        return Vec::new();
    }
    let mut typed = vec![0; READ_BYTES];
    match rustix::io::read(stdin.as_fd(), &mut typed) {
        Ok(0) => {
            *keyboard_is_open = false;
            Vec::new()
        }
        Ok(count) => {
            typed.truncate(count);
            typed
        }
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Vec::new(),
        Err(_) => {
            *keyboard_is_open = false;
            Vec::new()
        }
    }
}
