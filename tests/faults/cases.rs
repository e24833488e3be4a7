//! Many cases, a few at a time, and what they found.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// How many cases are tried at once: most of the time of one goes into waiting for its processes.
const AT_ONCE: usize = 4;

/// As many failures are told whole; more of them say nothing new.
const TOLD_MAX: usize = 5;

/// Whether all of the proof was asked for, and not only what CI has time for.
pub(crate) fn full() -> bool {
    std::env::var_os("RUNBOOK_PROOF").is_some_and(|size| size == "full")
}

/// As many of these as are wanted, spread evenly over all of them; always the same.
pub(crate) fn spread<T>(all: Vec<T>, wanted: usize) -> Vec<T> {
    let count = all.len();
    let chosen = |place: usize| place * wanted / count != (place + 1) * wanted / count;
    all.into_iter().enumerate().filter(|(place, _)| wanted >= count || chosen(*place)).map(|(_, case)| case).collect()
}

/// Tries each case, and fails with what the failed ones say. What the others give comes back, in their order.
///
/// # Panics
/// When a case failed.
#[track_caller]
pub(crate) fn try_all<C, R>(what: &str, cases: &[C], one: impl Fn(&C) -> Result<R, String> + Sync) -> Vec<R>
where
    C: Sync + std::fmt::Debug,
    R: Send,
{
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Vec::new(), Vec::new()));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = next.load(Ordering::Relaxed);
                    let result = one(case);
                    let mut found = found.lock().unwrap();
                    match result {
                        Ok(value) => found.0.push((place, value)),
                        Err(why) => found.1.push(format!("{case:?}\n{why}")),
                    }
                }
            });
        }
    });
    let (mut given, failed) = found.into_inner().unwrap();
    say(&format!("{what}: {} cases in {:.1} s, {} failed", cases.len(), began.elapsed().as_secs_f64(), failed.len()));
    for why in &failed {
        say(&why.lines().take(2).collect::<Vec<_>>().join(": "));
    }
    let told: Vec<_> = failed.iter().take(TOLD_MAX).map(String::as_str).collect();
    assert!(failed.is_empty(), "{what}: {} of {} failed:\n\n{}", failed.len(), cases.len(), told.join("\n\n"));
    given.sort_by_key(|(place, _)| *place);
    given.into_iter().map(|(_, value)| value).collect()
}

/// Says something beside the result: `cargo test -- --nocapture` shows it.
#[expect(clippy::print_stderr, reason = "figures, and what could not be tried here, are for who looks for them")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

#[test]
fn what_is_spread_is_as_many_as_wanted_and_reaches_both_ends() {
    for (count, wanted) in [(10, 3), (1000, 300), (7, 7), (7, 20), (301, 300)] {
        let chosen = spread((0..count).collect::<Vec<usize>>(), wanted);
        assert_eq!(chosen.len(), wanted.min(count));
        assert!(chosen.windows(2).all(|pair| matches!(pair, [left, right] if left < right)));
        assert_eq!(chosen.last(), Some(&(count - 1)));
    }
}
