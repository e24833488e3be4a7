//! The time of a run: it never goes back, goes on while the machine sleeps, and tells when the wall clock was set.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Milliseconds by which the wall clock must have left its course before that is told: what `ntpd` slews is less.
const JUMP_MS_MIN: i64 = 2_000;

/// An instant, as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Whole milliseconds, UTC.
    pub at: Timestamp,
    /// Milliseconds since the machine's boot, suspended time included.
    pub boot_ms: u64,
}

/// What the two clocks of a machine show.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall_ms: i64,
    boot_ms: i64,
}

impl Reading {
    fn now() -> Self {
        let boot = clock_gettime(ClockId::Boottime);
        Self {
            wall_ms: Timestamp::now().as_millisecond(),
            boot_ms: boot.tv_sec.saturating_mul(1_000).saturating_add(boot.tv_nsec / 1_000_000),
        }
    }
}

/// The clock of one process: wall time when it started, then the time that passed since, whatever the wall clock says.
/// When the wall clock jumps ahead it is followed, as after a virtual machine's pause; when it jumps back it is not.
#[derive(Debug)]
pub struct Clock {
    anchor: Reading,
    /// The last time that was told.
    last_ms: i64,
    /// How far the wall clock was off when that was last told.
    told_ms: i64,
}

impl Clock {
    /// Starts the clock of a new run.
    #[must_use]
    pub fn start() -> Self {
        Self::at(Reading::now(), None)
    }

    /// Starts the clock of a run that goes on. It tells no time before the last entry's. `boot_ms` is what that entry
    /// says of the time since boot, where the machine was not booted since: then the time that passed is known whatever
    /// the wall clock was set to meanwhile. That it was is told with the first reading.
    #[must_use]
    pub fn go_on(last: Timestamp, boot_ms: Option<u64>) -> Self {
        Self::at(Reading::now(), Some((last, boot_ms)))
    }

    fn at(reading: Reading, last: Option<(Timestamp, Option<u64>)>) -> Self {
        let wall_ms = match last {
            None => reading.wall_ms,
            Some((last, boot_ms)) => {
                let passed = boot_ms.and_then(|then| reading.boot_ms.checked_sub(i64::try_from(then).ok()?));
                match passed {
                    Some(passed) if passed >= 0 => last.as_millisecond().saturating_add(passed),
                    _ => reading.wall_ms.max(last.as_millisecond()),
                }
            }
        };
        Self { anchor: Reading { wall_ms, ..reading }, last_ms: wall_ms, told_ms: 0 }
    }

    /// Tells the time, and by how many milliseconds the wall clock was set since it was last asked, if it was.
    pub fn now(&mut self) -> (Stamp, Option<i64>) {
        self.read(Reading::now())
    }

    fn read(&mut self, reading: Reading) -> (Stamp, Option<i64>) {
        let passed = reading.boot_ms - self.anchor.boot_ms;
        let off = reading.wall_ms - (self.anchor.wall_ms + passed);
        let jump = off - self.told_ms;
        let jumped = (jump.abs() >= JUMP_MS_MIN).then_some(jump);
        if jumped.is_some() {
            self.told_ms = off;
            if off > 0 {
                self.anchor = reading;
                self.told_ms = 0;
            }
        }
        let now_ms = (self.anchor.wall_ms + reading.boot_ms - self.anchor.boot_ms).max(self.last_ms);
        self.last_ms = now_ms;
        let at = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::MAX);
        (Stamp { at, boot_ms: reading.boot_ms.unsigned_abs() }, jumped)
    }
}

/// Wakes the loop at an instant, also when the machine slept meanwhile.
#[derive(Debug)]
pub struct Alarm {
    timer: AsyncFd<OwnedFd>,
    armed: Option<Timestamp>,
}

impl Alarm {
    /// Makes an alarm that is not set. Must be called inside a tokio runtime with its io driver.
    ///
    /// # Errors
    /// What the system says when it has no timer left.
    pub fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "what follows it is unsafe, for types that may close or change their descriptor; OwnedFd does not"
        )]
        let timer = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { timer, armed: None })
    }

    /// Sets it to an instant, or to none; `now` is the time just told by the [`Clock`].
    ///
    /// # Errors
    /// What the system says.
    pub fn set(&mut self, at: Option<Timestamp>, now: Timestamp) -> io::Result<()> {
        if self.armed == at {
            return Ok(());
        }
        let millis = at.map(|at| (at.as_millisecond() - now.as_millisecond()).max(0));
        let value = match millis {
            // Zero would switch it off.
            Some(0) => Timespec { tv_sec: 0, tv_nsec: 1 },
            Some(millis) => Timespec { tv_sec: millis / 1_000, tv_nsec: millis % 1_000 * 1_000_000 },
            None => Timespec { tv_sec: 0, tv_nsec: 0 },
        };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            self.timer.get_ref(),
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: never, it_value: value },
        )?;
        self.armed = at;
        Ok(())
    }

    /// Waits until it rings; for ever while it is not set. It is not set afterwards.
    pub async fn rings(&mut self) {
        if self.armed.is_none() {
            return std::future::pending().await;
        }
        loop {
            let Ok(mut ready) = self.timer.readable().await else { return };
            let mut count = [0_u8; 8];
            let read = ready.try_io(|timer| rustix::io::read(timer, &mut count).map_err(io::Error::from));
            if read.is_ok() {
                self.armed = None;
                return;
            }
        }
    }
}

/// A length of time that begins now, by a clock that goes on while the machine sleeps where there is one to give.
pub(crate) enum Allowance {
    /// By an alarm.
    Awake(Alarm),
    /// By the clock that stands still meanwhile.
    Else(tokio::time::Instant),
    /// It ran out and was told.
    Out,
}

impl Allowance {
    /// Begins it. Must be called inside a tokio runtime with its io and time drivers.
    pub(crate) fn start(allowed: Duration) -> Self {
        let from = Timestamp::UNIX_EPOCH;
        let until = SignedDuration::try_from(allowed).ok().and_then(|allowed| from.checked_add(allowed).ok());
        let alarm = Alarm::new().and_then(|mut alarm| alarm.set(until, from).map(|()| alarm));
        alarm.map_or_else(|_| Self::Else(tokio::time::Instant::now() + allowed), Self::Awake)
    }

    /// Returns when it has run out, once.
    pub(crate) async fn runs_out(&mut self) {
        match self {
            Self::Awake(alarm) => alarm.rings().await,
            Self::Else(deadline) => tokio::time::sleep_until(*deadline).await,
            Self::Out => std::future::pending().await,
        }
        *self = Self::Out;
    }

    /// What comes of some work, or nothing where the time ran out before.
    pub(crate) async fn within<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.runs_out() => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;

    fn reading(wall_ms: i64, boot_ms: i64) -> Reading {
        Reading { wall_ms, boot_ms }
    }

    fn told(clock: &mut Clock, wall_ms: i64, boot_ms: i64) -> (i64, Option<i64>) {
        let (stamp, jump) = clock.read(reading(wall_ms, boot_ms));
        (stamp.at.as_millisecond(), jump)
    }

    #[test]
    fn time_follows_a_jump_ahead_and_never_goes_back() {
        let mut clock = Clock::at(reading(1_000_000, 50), None);
        assert_eq!(told(&mut clock, 1_000_100, 150), (1_000_100, None));
        // An hour back: told once, time goes on.
        assert_eq!(told(&mut clock, -2_599_800, 250), (1_000_200, Some(-3_600_000)));
        assert_eq!(told(&mut clock, -2_599_700, 350), (1_000_300, None));
        // And right again.
        assert_eq!(told(&mut clock, 1_000_400, 450), (1_000_400, Some(3_600_000)));
        // A pause of a minute that the boot clock did not see.
        assert_eq!(told(&mut clock, 1_060_500, 550), (1_060_500, Some(60_000)));
        assert_eq!(told(&mut clock, 1_060_600, 650), (1_060_600, None));
    }

    #[test]
    fn time_never_lies_before_the_last_entry() {
        let floor = Timestamp::from_millisecond(5_000).unwrap();
        let mut clock = Clock::at(reading(1_000, 0), Some((floor, None)));
        // After another boot: that it went back is told, nothing else can be known.
        assert_eq!(told(&mut clock, 1_000, 0), (5_000, Some(-4_000)));
        assert_eq!(told(&mut clock, 1_100, 100), (5_100, None));
        let mut clock = Clock::at(reading(9_000, 0), Some((floor, None)));
        assert_eq!(told(&mut clock, 9_000, 0), (9_000, None));
    }

    #[test]
    fn within_a_boot_the_time_that_passed_is_known_whatever_the_wall_clock_says() {
        let last = Timestamp::from_millisecond(100_000).unwrap();
        for (wall, time, jump) in [
            // A minute passed, and the wall clock agrees, but for what is slewed.
            (160_000, 160_000, None),
            (161_500, 160_000, None),
            // It was set back by an hour meanwhile: the minute has passed all the same.
            (-3_440_000, 160_000, Some(-3_600_000)),
            // It was set ahead, as after a pause that the boot clock did not see.
            (220_000, 220_000, Some(60_000)),
        ] {
            let mut clock = Clock::at(reading(wall, 65_000), Some((last, Some(5_000))));
            assert_eq!(told(&mut clock, wall, 65_000), (time, jump), "{wall}");
            assert_eq!(told(&mut clock, wall + 10, 65_010), (time + 10, None), "{wall}");
        }
    }

    #[tokio::test]
    async fn an_alarm_rings_at_its_instant_and_once() {
        let mut clock = Clock::start();
        let mut alarm = Alarm::new().unwrap();
        let (begin, _) = clock.now();
        let at = begin.at + jiff::SignedDuration::from_millis(30);
        alarm.set(Some(at), begin.at).unwrap();
        alarm.rings().await;
        assert!(clock.now().0.at >= at);
        alarm.set(Some(begin.at), clock.now().0.at).unwrap();
        alarm.rings().await;
        let again = tokio::time::timeout(std::time::Duration::from_millis(20), alarm.rings()).await;
        assert!(again.is_err(), "it rang without being set");
    }
}
