//! Plans as long and as crooked as the limits allow are checked without recursion, on a small stack.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use runbook_core::check::{Facts, Loaded, load};
use runbook_core::diagnostic::Code;

/// Bytes of stack, a quarter of what a thread has by itself: what recursed over the plan would overflow it.
const STACK_BYTES: usize = 512 << 10;
const STEPS: usize = 5_000;

fn checked(steps: String) -> Loaded {
    let head = "version: 1\nrunbook: deep\ntitle: Deep\nparams: { p: { type: boolean, default: true } }\nsteps:\n";
    let check = move || load("deep.yaml", (head.to_owned() + &steps).as_bytes(), None, &Facts::default());
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(check).unwrap().join().unwrap()
}

fn codes(loaded: &Loaded) -> Vec<Code> {
    let mut codes: Vec<Code> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    codes.dedup();
    codes
}

#[test]
fn a_long_chain() {
    let mut steps = String::from("  s0: { verify: First, run: probe, outputs: { o: stdout } }\n");
    for step in 1..STEPS {
        writeln!(steps, "  s{step}: {{ verify: Next, run: 'probe {{{{ steps.s0.outputs.o }}}}' }}").unwrap();
    }
    let loaded = checked(steps);
    assert_eq!(codes(&loaded), [Code::NoOwner, Code::FailureUnhandled]);
    assert!(loaded.plan.is_some());
}

#[test]
fn a_circle_of_all_steps() {
    let mut steps = String::new();
    for step in 0..STEPS {
        writeln!(steps, "  s{step}: {{ verify: Next, run: probe, needs: s{} }}", (step + STEPS - 1) % STEPS).unwrap();
    }
    let loaded = checked(steps);
    let circle = loaded.diagnostics.iter().find(|diagnostic| diagnostic.code == Code::Cycle).unwrap();
    assert!(circle.title.contains("(4988 more)"), "{}", circle.title);
    assert!(loaded.plan.is_none());
}

#[test]
fn a_ladder_of_decides_each_on_a_branch_of_the_one_above() {
    let mut steps = String::new();
    for step in 0..STEPS / 2 {
        let next = if step + 1 < STEPS / 2 { format!("d{}", step + 1) } else { "done".to_owned() };
        writeln!(steps, "  d{step}: {{ decide: D, cases: [{{ when: params.p, then: a{step} }}], otherwise: {next} }}")
            .unwrap();
        writeln!(steps, "  a{step}: {{ escalate: Tell, to: sre, handover: true }}").unwrap();
    }
    let loaded = checked(steps);
    assert_eq!(codes(&loaded), [Code::NoOwner]);
    assert!(loaded.plan.is_some());
}

#[test]
fn a_decide_with_thousands_of_cases() {
    let mut steps = String::from("  which:\n    decide: Which?\n    cases:\n");
    for step in 0..STEPS {
        writeln!(steps, "      - {{ when: params.p, then: s{step} }}").unwrap();
    }
    steps += "    otherwise: done\n";
    for step in 0..STEPS {
        writeln!(steps, "  s{step}: {{ escalate: Tell, to: sre }}").unwrap();
    }
    assert_eq!(codes(&checked(steps)), [Code::NoOwner]);
}
