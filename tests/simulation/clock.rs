//! Two clocks of a machine, and the time a process makes of them: it never goes back, follows a wall clock that jumps
//! ahead, and tells of every jump.

use jiff::Timestamp;

/// Milliseconds by which the wall clock must have left its course before that is a jump.
const JUMP_MS_MIN: i64 = 2_000;

/// What the two clocks show, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    /// Goes on by itself, a machine's sleep included.
    pub(crate) boot_ms: i64,
    /// May be set.
    pub(crate) wall_ms: i64,
}

impl Clocks {
    pub(crate) fn at(begin: Timestamp) -> Self {
        Self { boot_ms: 1_000, wall_ms: begin.as_millisecond() }
    }

    pub(crate) fn pass(&mut self, ms: i64) {
        self.boot_ms += ms;
        self.wall_ms += ms;
    }
}

/// The time of one process.
#[derive(Debug)]
pub(crate) struct Clock {
    anchor: Clocks,
    last_ms: i64,
    told_ms: i64,
}

impl Clock {
    /// It tells no time before `floor`: the last entry of a run that goes on.
    pub(crate) fn start(clocks: Clocks, floor: Timestamp) -> Self {
        let anchor = Clocks { wall_ms: clocks.wall_ms.max(floor.as_millisecond()), ..clocks };
        Self { anchor, last_ms: anchor.wall_ms, told_ms: clocks.wall_ms - anchor.wall_ms }
    }

    /// The time that was told last, in milliseconds.
    pub(crate) fn last_ms(&self) -> i64 {
        self.last_ms
    }

    /// The time, and by how much the wall clock was set since this was last asked, if it was.
    pub(crate) fn read(&mut self, clocks: Clocks) -> (Timestamp, Option<i64>) {
        let passed = clocks.boot_ms - self.anchor.boot_ms;
        let off = clocks.wall_ms - (self.anchor.wall_ms + passed);
        let jump = off - self.told_ms;
        let jumped = (jump.abs() >= JUMP_MS_MIN).then_some(jump);
        if jumped.is_some() {
            self.told_ms = off;
            if off > 0 {
                self.anchor = clocks;
                self.told_ms = 0;
            }
        }
        self.last_ms = (self.anchor.wall_ms + clocks.boot_ms - self.anchor.boot_ms).max(self.last_ms);
        (Timestamp::from_millisecond(self.last_ms).unwrap(), jumped)
    }
}
