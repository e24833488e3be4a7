//! ssh is cut at random moments of a loop of acts over three hosts: nothing happens twice, and nothing is unaccounted for.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use runbook_tests::far::Far;
use runbook_tests::processes::none_marked;
use runbook_tests::run::Said;

/// Cuts in CI; a hundred with `RUNBOOK_PROOF=full`.
const CUTS: usize = 20;
const CUTS_FULL: usize = 100;

/// What is done, each on one of three hosts, two at once.
const ACTS: [&str; 6] = ["drain[0]", "drain[1]", "drain[2]", "drain[3]", "drain[4]", "drain[5]"];

const RUNBOOK: &str = "
defaults: { timeout: 60s }
steps:
  drain:
    act: Drain {{ each.host }}
    on: '{{ each.host }}'
    script: 'sleep 0.1; echo \"drain[$NUMBER]\" >> $WORK/done; sleep 0.1; echo end'
    env: { NUMBER: '{{ each.index }}' }
    for_each: { host: [web1, web2, web3, web1, web2, web3], width: 2, on_item_fail: continue }
    on_fail: failed
";

/// Numbers that look like chance and are the same for a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[derive(Debug, Default)]
struct Account {
    passed: usize,
    not_started: usize,
    settled: usize,
    reconnected: usize,
    /// Why some were in doubt.
    doubts: Vec<String>,
}

#[test]
fn no_cut_makes_anything_happen_twice_or_go_unaccounted() {
    let full = std::env::var("RUNBOOK_PROOF").is_ok_and(|value| value == "full");
    let seed: u64 = std::env::var("RUNBOOK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_122);
    let cuts = if full { CUTS_FULL } else { CUTS };
    println!("seed {seed}, {cuts} cuts: RUNBOOK_SEED={seed} plays the same");
    let far = Far::with(3, "");
    far.write(RUNBOOK);
    // How long a run takes here and now, undisturbed: the cuts fall within that.
    let begun = Instant::now();
    far.run().ended(0);
    let whole = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let mut chance = Chance(seed | 1);
    let mut account = Account::default();
    for number in 0..cuts {
        let (after, host) = (chance.below(whole), chance.below(4));
        one_cut(&far, number, Duration::from_millis(after), host, &mut account);
    }
    println!("{cuts} cuts in runs of {whole} ms: {account:?}");
    assert_eq!(account.passed + account.not_started + account.settled, cuts * ACTS.len());
    assert!(account.passed > cuts * 3 && account.reconnected > 0, "{account:?}");
    // Of one in doubt what is known there stays there, and of one whose end was the last thing that was heard.
    if account.doubts.is_empty() {
        for host in 1..=3 {
            let unended = |one: &PathBuf| !one.join("void").exists() && !one.join("end").exists();
            let kept: Vec<PathBuf> = far.host(host).kept().into_iter().filter(unended).collect();
            assert!(kept.is_empty(), "web{host}: {kept:?} is left");
            none_marked(&format!("XDG_STATE_HOME={}", far.host(host).state().display()));
        }
    }
}

/// One run, cut once: host 0 is all three.
fn one_cut(far: &Far, number: usize, after: Duration, host: u64, account: &mut Account) {
    let effects = far.desk.work().join("done");
    let _none = std::fs::remove_file(&effects);
    let before: usize = (1..=3).map(|host| far.host(host).wire().made()).sum();
    let run = far.start(&["run", "try"]);
    // not synchronisation: the moment of the cut is what is tried.
    std::thread::sleep(after);
    for one in 1..=3_u64 {
        if host == 0 || host == one {
            far.host(usize::try_from(one).unwrap()).wire().cut();
        }
    }
    let mut said = run.end();
    let mut settled = 0;
    while said.code == 5 {
        said = settle(far);
        settled += 1;
        assert!(settled <= ACTS.len(), "cut {number}: {said:?}");
    }
    let after: usize = (1..=3).map(|host| far.host(host).wire().made()).sum();
    account.reconnected += (after - before).saturating_sub(3);
    let story = far.desk.story();
    for act in ACTS {
        let count = far.desk.read("done").lines().filter(|line| *line == act).count();
        let reason = story.last("step.settled", Some(act), "reason").map(ToString::to_string).unwrap_or_default();
        let what = format!("cut {number} of host {host}: {act} is {} ({reason}), {count} times", story.settled(act));
        let doubted = story.of("doubt.opened", Some(act)).count() > 0;
        match (story.settled(act), count) {
            (_, 0 | 1) if doubted => {
                account.settled += 1;
                let why = story.last("doubt.opened", Some(act), "why").map(ToString::to_string);
                account.doubts.push(format!("cut {number}, {act}: {}", why.unwrap_or_default()));
            }
            ("passed", 1) => account.passed += 1,
            ("failed", 0) if reason.contains("cannot be reached") || reason.contains("it was not started on") => {
                account.not_started += 1;
            }
            _ => assert_eq!(what, "", "{said:?}"),
        }
        assert_eq!(story.of("step.intent", Some(act)).count(), 1, "{what}");
    }
}

/// A person looks what was done, says it, and the run goes on.
fn settle(far: &Far) -> Said {
    let story = far.desk.story();
    let open = |step: &&str| story.of("doubt.settled", Some(*step)).count() == 0;
    let mut doubts = story.of("doubt.opened", None).filter_map(|entry| entry["step"].as_str());
    let doubt = doubts.find(open).unwrap().to_owned();
    let word = if far.desk.read("done").lines().any(|line| line == doubt) { "--done" } else { "--not-done" };
    far.do_it(&["settle", "latest", &doubt, word, "--reason", "the file says so"])
}
