//! Runs of the DNS failover as they could have been, written by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runbook_core::document::model::Kind;
use runbook_core::run::record::{
    Actor, AnswerWord, AttemptKey, Auth, Branch, BranchChoice, End, EndCause, Mode, Outcome, Output, Part, Phase,
    QuestionKind, Record, RunOutcome, RunStarted, SettleWord, Settlement, SkipReason, Stream,
};
use runbook_core::value::Value;
use runbook_report::entry::{About, Folded, StepInfo};

pub(crate) mod nested;

/// A run, and what is known about it.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: About,
    pub(crate) entries: Vec<Folded>,
}

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    vec![
        nested::fourteen_hosts(),
        nested::three_hosts(),
        nested::called(),
        nested::under_way(),
        failover(),
        recovered_by_itself(),
        denied(),
        waiting(),
        in_doubt(),
        dry_run(),
        overruled_and_not_undone(),
        hostile(),
    ]
}

pub(crate) fn digest(seed: &str) -> String {
    seed.repeat(64 / seed.len())
}

struct Script {
    now: Timestamp,
    entries: Vec<Folded>,
}

fn engine() -> Actor {
    Actor::engine(1000)
}

fn person(id: &str, origin: &str) -> Actor {
    Actor { id: id.to_owned(), auth: Auth::Tty, uid: 1000, origin: origin.to_owned() }
}

fn key(step: &str, attempt: u32) -> AttemptKey {
    AttemptKey { step: step.to_owned(), part: Part::Main, attempt }
}

fn text(text: &str) -> String {
    text.to_owned()
}

impl Script {
    fn new(mode: Mode) -> Self {
        let mut script = Self { now: "2026-11-22T09:15:02Z".parse().unwrap(), entries: Vec::new() };
        let params = BTreeMap::from([
            (text("name"), (Value::from("shop.internal"), text("default"))),
            (text("recovery_time"), (Value::Duration(Duration::from_secs(300)), text("option"))),
        ]);
        let labels = BTreeMap::from([
            (text("alertname"), Value::from("DNSServerNotAnswering")),
            (text("instance"), Value::from("dns1")),
        ]);
        let started = RunStarted {
            store: text("/srv/plant/.runbook"),
            ledger_head: digest("0"),
            runbook: text("dns-failover"),
            title: text("DNS server not answering requests"),
            path: text("runbooks/dns-failover.yaml"),
            source: digest("5eed"),
            called: BTreeMap::new(),
            team: Some(digest("7ea3")),
            commit: Some(text("0f6857f2c1d3a4b5968778695a4b3c2d1e0f1a2b")),
            dirty: Some(false),
            params,
            alert: Some(Value::Map(BTreeMap::from([(text("labels"), Value::Map(labels))]))),
            host: text("ops1"),
            boot_id: text("6f1c9a52-9d0e-4d56-9a3e-2b1f0c8d7e6f"),
            version: text("0.1.0"),
            binary: digest("b1"),
            mode,
            attended: true,
            yes: false,
            step_by_step: false,
            directory: text("/srv/plant"),
            retry_of: None,
        };
        script.by(person("oncall", "terminal"), Record::RunStarted(Box::new(started)));
        script
    }

    fn wait(&mut self, milliseconds: i64) -> &mut Self {
        self.now += SignedDuration::from_millis(milliseconds);
        self
    }

    fn by(&mut self, actor: Actor, record: Record) -> &mut Self {
        let n = u64::try_from(self.entries.len()).unwrap();
        self.entries.push(Folded { n, ts: self.now, actor, record });
        self.wait(3)
    }

    fn note(&mut self, record: Record) -> &mut Self {
        self.by(engine(), record)
    }

    fn oncall(&mut self, record: Record) -> &mut Self {
        self.by(person("oncall", "terminal"), record)
    }

    fn plan(&mut self, step: &str, attempt: u32, shown: &str) -> &mut Self {
        let plan = digest(&format!("{:08x}", shown.len() * 2_654_435 + usize::try_from(attempt).unwrap()));
        self.note(Record::StepPlanned { key: key(step, attempt), plan, shown: text(shown) })
    }

    fn start(&mut self, step: &str, attempt: u32) -> &mut Self {
        let plan = Some(digest("ab"));
        self.note(Record::StepIntent { key: key(step, attempt), plan, until: None });
        self.note(Record::StepSpawned { key: key(step, attempt), pid: 4711, start_time: 86_400 })
    }

    fn output(&mut self, step: &str, attempt: u32, stream: Stream, head: &str) -> &mut Self {
        let bytes = u64::try_from(head.len()).unwrap();
        let blob = Some(digest(&format!("{:04x}", bytes * 77)));
        let output = Output { bytes, kept: bytes, blob, head: text(head), tail: String::new() };
        self.note(Record::StepOutput { key: key(step, attempt), stream, output })
    }

    fn end(&mut self, step: &str, attempt: u32, end: End, took: u64, reason: Option<&str>) -> &mut Self {
        let outcome = if end == End::Exited(0) { Outcome::Passed } else { Outcome::Failed };
        self.note(Record::AttemptEnded {
            key: key(step, attempt),
            end: Some(end),
            duration: Duration::from_millis(took),
            outcome,
            reason: reason.map(text),
            outputs: BTreeMap::new(),
            survivors: Vec::new(),
        })
    }

    fn settle(&mut self, step: &str, outcome: Outcome, by: Settlement, reason: Option<&str>) -> &mut Self {
        let attempts = u32::from(by == Settlement::Ran);
        let reason = reason.map(text);
        let outputs = BTreeMap::new();
        self.note(Record::StepSettled { step: text(step), outcome, settlement: by, reason, outputs, attempts })
    }

    /// A command that passes at its first attempt.
    fn pass(&mut self, step: &str, shown: &str, printed: &str) -> &mut Self {
        self.plan(step, 1, shown).start(step, 1).wait(40);
        if !printed.is_empty() {
            self.output(step, 1, Stream::Stdout, printed);
        }
        self.end(step, 1, End::Exited(0), 43, None).settle(step, Outcome::Passed, Settlement::Ran, None)
    }

    fn skip(&mut self, steps: &[&str], why: &SkipReason) -> &mut Self {
        for step in steps {
            self.note(Record::StepSkipped { step: text(step), why: why.clone() });
        }
        self
    }

    fn decide(
        &mut self,
        step: &str,
        choice: BranchChoice,
        to: &[&str],
        expression: &str,
        because: Option<&str>,
    ) -> &mut Self {
        self.note(Record::Decision {
            step: text(step),
            branch: Branch { choice, to: to.iter().map(|to| text(to)).collect() },
            expression: text(expression),
            read: vec![match choice {
                BranchChoice::Otherwise => (text("steps.reachable.failed"), text("false")),
                BranchChoice::Case(_) | BranchChoice::Choice(_) | BranchChoice::Undecided => {
                    (text(expression), text("true"))
                }
            }],
            because: because.map(text),
        });
        self.settle(step, Outcome::Passed, Settlement::Ran, None)
    }

    fn ask_approval(&mut self, request: u32, step: &str) -> &mut Self {
        let deadline = Some(self.now + SignedDuration::from_mins(5));
        self.note(Record::ApprovalRequested { request, key: key(step, 1), plan: digest("ab"), deadline })
    }

    fn grant(&mut self, request: u32, step: &str, by: Actor, reason: Option<&str>) -> &mut Self {
        let reason = reason.map(text);
        self.by(by, Record::ApprovalGranted { request, key: key(step, 1), plan: digest("ab"), reason })
    }

    fn told(&mut self, step: &str, to: &str, channel: &str, message: &str) -> &mut Self {
        self.note(Record::EscalationSent {
            step: text(step),
            to: text(to),
            person: None,
            channel: text(channel),
            message: text(message),
            answer: text("delivered"),
        })
    }

    fn phase(&mut self, phase: Phase, cause: Option<EndCause>) -> &mut Self {
        self.note(Record::PhaseEntered { phase, cause })
    }

    fn seal(&mut self, outcome: RunOutcome, reason: &str, open: &[&str]) -> &mut Self {
        let open = open.iter().map(|line| text(line)).collect();
        self.note(Record::RunSealed { outcome, reason: text(reason), open })
    }

    fn looks(&mut self) -> &mut Self {
        self.pass("active", "dnsTool -q active_server", "dns1\n");
        self.pass("standby_answers", "dnsTool -q lookup -s dns2 shop.internal", "10.0.0.7\n")
    }

    /// The active server does not answer, so it goes.
    fn unreachable(&mut self) -> &mut Self {
        self.looks().plan("reachable", 1, "dnsTool -q reachable -s dns1").start("reachable", 1).wait(10_000);
        self.output("reachable", 1, Stream::Stderr, "dns1: no answer\n");
        self.end("reachable", 1, End::TimedOut, 10_000, Some("it ran out of its 10s"));
        self.settle("reachable", Outcome::Failed, Settlement::Ran, Some("it ran out of its 10s"));
        let because = Some("an unreachable server is failed over at once");
        self.decide("which", BranchChoice::Case(0), &["shut_down"], "steps.reachable.failed", because);
        self.skip(&["recovers", "waited", "tell_recovered"], &SkipReason::NotReached)
    }

    fn done(&mut self, name: &'static str) -> Scenario {
        Scenario { name, about: about(), entries: std::mem::take(&mut self.entries) }
    }
}

fn about() -> About {
    let steps = [
        ("active", Kind::Verify, "One of the two servers is active", &[][..]),
        ("standby_answers", Kind::Verify, "The standby could take over", &[]),
        ("reachable", Kind::Verify, "The active server is reachable", &[]),
        ("which", Kind::Decide, "Is it down, or up and broken?", &[]),
        ("recovers", Kind::Verify, "It answers again within 5m", &[]),
        ("waited", Kind::Decide, "Did it come back?", &[]),
        ("shut_down", Kind::Act, "Stop DNS on the active server", &[]),
        ("failover", Kind::Act, "Fail over to the standby", &[]),
        ("force", Kind::Act, "Fail over by force, the old server could not be shut down", &["networking"]),
        ("answering", Kind::Verify, "The standby, now active, answers", &[]),
        ("tell_networking", Kind::Escalate, "Networking brings the old server back", &["networking"]),
        (
            "tell_recovered",
            Kind::Escalate,
            "It recovered by itself, Networking should know why it failed",
            &["networking"],
        ),
        ("need_a_person", Kind::Escalate, "The failover needs a person", &["sre_lead"]),
    ];
    let steps = steps.map(|(id, kind, title, to)| StepInfo {
        id: text(id),
        kind,
        title: text(title),
        to: to.iter().map(|to| text(to)).collect(),
        each: None,
        runs: None,
    });
    About {
        run: text("20261122-0915-dns-failover-k7q2"),
        steps: steps.into(),
        alerts: vec![text("DNSServerNotAnswering")],
        alive: Some(false),
    }
}

/// The server is down, the failover works.
pub(crate) fn failover() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.unreachable().plan("shut_down", 1, "dnsTool -a shutdown -s dns1").ask_approval(1, "shut_down").wait(8_000);
    script.oncall(Record::Note { step: None, text: text("support says the shop is down for everybody") });
    script.grant(1, "shut_down", person("oncall", "terminal"), None).start("shut_down", 1).wait(2_400);
    script.output("shut_down", 1, Stream::Stdout, "stopping dns on dns1\nstopped\n");
    script.end("shut_down", 1, End::Exited(0), 2_412, None);
    script.settle("shut_down", Outcome::Passed, Settlement::Ran, None);
    script.skip(&["force"], &SkipReason::NotReached);
    script.pass("failover", "dnsTool -a failover -s dns2", "dns2 is active\n");
    script.plan("answering", 1, "dnsTool -q lookup -s dns2 shop.internal").start("answering", 1).wait(30);
    script.end("answering", 1, End::Exited(1), 31, Some("exit code 1"));
    let at = script.now + SignedDuration::from_secs(5);
    script.note(Record::RetryScheduled { key: key("answering", 2), at }).wait(5_000).start("answering", 2).wait(30);
    script.output("answering", 2, Stream::Stdout, "10.0.0.7\n").end("answering", 2, End::Exited(0), 33, None);
    script.settle("answering", Outcome::Passed, Settlement::Ran, None);
    script.note(Record::EscalationFailed {
        step: text("tell_networking"),
        to: text("networking"),
        person: None,
        channel: text("slack_networking"),
        error: text("the channel answered 503"),
    });
    let message = "dns1 is out of service since 2026-11-22T09:15:02Z; dns2 is active.\n";
    script.told("tell_networking", "networking", "pager", message);
    script.settle("tell_networking", Outcome::Passed, Settlement::Ran, None);
    script.skip(&["need_a_person"], &SkipReason::NotReached).phase(Phase::Over, Some(EndCause::Complete));
    let open = ["with networking (told): Networking brings the old server back"];
    script.seal(RunOutcome::Resolved, "the procedure came to its end", &open).done("failover")
}

/// The server is up and broken, and comes back.
pub(crate) fn recovered_by_itself() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.looks().pass("reachable", "dnsTool -q reachable -s dns1", "");
    script.decide("which", BranchChoice::Otherwise, &["recovers"], "", None);
    for attempt in 1..4 {
        script.plan("recovers", attempt, "dnsTool -q lookup -s dns1 shop.internal").start("recovers", attempt).wait(50);
        script.output("recovers", attempt, Stream::Stderr, "Unexpected Error encountered\n");
        script.end("recovers", attempt, End::Exited(1), 52, Some("exit code 1"));
        let at = script.now + SignedDuration::from_secs(15);
        script.note(Record::RetryScheduled { key: key("recovers", attempt + 1), at }).wait(15_000);
    }
    script.plan("recovers", 4, "dnsTool -q lookup -s dns1 shop.internal").start("recovers", 4).wait(50);
    script.output("recovers", 4, Stream::Stdout, "10.0.0.7\n").end("recovers", 4, End::Exited(0), 48, None);
    let log = Output {
        bytes: 9_120,
        kept: 9_120,
        blob: Some(digest("10ad")),
        head: text("Unexpected Error encountered\n"),
        tail: text("answering again\n"),
    };
    script.settle("recovers", Outcome::Passed, Settlement::Ran, None);
    script.note(Record::Attachment {
        step: text("recovers"),
        name: text("/var/log/dns/dns1.log"),
        output: Some(log),
        note: Some(text("the last 50 lines")),
    });
    script.decide("waited", BranchChoice::Case(0), &["tell_recovered"], "steps.recovers.passed", None);
    script.skip(&["shut_down", "failover", "force", "answering", "tell_networking"], &SkipReason::NotReached);
    script.told(
        "tell_recovered",
        "networking",
        "terminal",
        "DNS server not answering requests: it recovered by itself",
    );
    let deadline = Some(script.now + SignedDuration::from_mins(10));
    script.note(Record::EscalationWaiting {
        request: 1,
        step: text("tell_recovered"),
        deadline,
        from: vec![text("bsparrow")],
        all: false,
        told: true,
    });
    script.wait(64_000).by(
        person("bsparrow", "inbox"),
        Record::EscalationAcknowledged { step: text("tell_recovered"), by: text("bsparrow") },
    );
    script.settle("tell_recovered", Outcome::Passed, Settlement::Ran, None);
    script.skip(&["need_a_person"], &SkipReason::NotReached);
    script.seal(RunOutcome::Resolved, "the procedure came to its end", &[]).done("recovered_by_itself")
}

/// The shutdown is denied, so somebody else gets the run.
pub(crate) fn denied() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.unreachable().plan("shut_down", 1, "dnsTool -a shutdown -s dns1").ask_approval(1, "shut_down").wait(21_000);
    script.by(
        person("bsparrow", "inbox"),
        Record::ApprovalDenied {
            request: 1,
            key: key("shut_down", 1),
            reason: text("dns2 is being patched, wait for me."),
        },
    );
    script.settle("shut_down", Outcome::Failed, Settlement::Denied, Some("denied by bsparrow"));
    script.phase(Phase::Ending, Some(EndCause::Denied(text("shut_down"))));
    script.skip(&["failover", "force", "answering", "tell_networking"], &SkipReason::Blocked(text("shut_down")));
    script.told(
        "need_a_person",
        "sre_lead",
        "terminal",
        "The failover needs a person: runbook resume 20261122-0915-dns-failover-k7q2",
    );
    let deadline = Some(script.now + SignedDuration::from_mins(10));
    script.note(Record::EscalationWaiting {
        request: 2,
        step: text("need_a_person"),
        deadline,
        from: vec![text("mlead")],
        all: false,
        told: true,
    });
    script.wait(600_000).note(Record::EscalationTimedOut { step: text("need_a_person") });
    script.settle("need_a_person", Outcome::Failed, Settlement::Ran, Some("nobody acknowledged within 10m"));
    script.by(
        person("bsparrow", "inbox"),
        Record::Refused {
            verb: text("approve"),
            step: Some(text("shut_down")),
            why: text("nothing waits for an approval"),
            repeats: false,
        },
    );
    script.seal(RunOutcome::Cancelled, "shut_down was denied by bsparrow", &[]).done("denied")
}

/// The force needs Networking, and nobody sits at the terminal.
pub(crate) fn waiting() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.unreachable().plan("shut_down", 1, "dnsTool -a shutdown -s dns1").ask_approval(1, "shut_down").wait(900);
    script.grant(1, "shut_down", person("oncall", "option --yes"), None).start("shut_down", 1).wait(30_000);
    script.end("shut_down", 1, End::TimedOut, 30_000, Some("ran out of time (ended by KILL)"));
    script.note(Record::DoubtOpened { key: key("shut_down", 1), why: text("ran out of time (ended by KILL)") });
    script.note(Record::DoubtSettled {
        key: key("shut_down", 1),
        word: SettleWord::NotDone,
        by: text("idempotent"),
        reason: None,
        outputs: BTreeMap::new(),
    });
    script.settle("shut_down", Outcome::Failed, Settlement::Ran, Some("ran out of time (ended by KILL)"));
    script.plan("force", 1, "dnsTool -a failover -s dns2 -f").ask_approval(2, "force");
    script.note(Record::RunSuspended { waits_for: vec![text("approval of force")] }).done("waiting")
}

/// The machine died while the failover ran.
pub(crate) fn in_doubt() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.unreachable().pass("shut_down", "dnsTool -a shutdown -s dns1", "stopped\n");
    script.plan("failover", 1, "dnsTool -a failover -s dns2").start("failover", 1);
    script.note(Record::StepReleased { key: key("failover", 1) }).wait(420_000);
    script.note(Record::Recovered { bytes: 118 }).note(Record::ClockJumped { by_ms: -3_000 });
    script.by(
        person("mlead", "terminal"),
        Record::RunResumed { host: text("ops1"), boot_id: text("0b9d2f6e"), version: text("0.1.0"), attended: true },
    );
    script.note(Record::DoubtOpened { key: key("failover", 1), why: text("the machine was started again since") });
    script.note(Record::Question {
        request: 3,
        step: Some(text("failover")),
        question: QuestionKind::Doubt,
        text: text("Was it done?"),
        collect: Vec::new(),
        to: Vec::new(),
        deadline: None,
    });
    script.done("in_doubt")
}

/// What would happen.
pub(crate) fn dry_run() -> Scenario {
    let mut script = Script::new(Mode::Dry { probe: false });
    let withheld = Settlement::Withheld;
    script.plan("active", 1, "dnsTool -q active_server").settle("active", Outcome::Passed, withheld, None);
    script.settle("standby_answers", Outcome::Passed, withheld, Some("cannot be known until active"));
    script.settle("reachable", Outcome::Passed, withheld, Some("cannot be known until active"));
    script.note(Record::Decision {
        step: text("which"),
        branch: Branch { choice: BranchChoice::Undecided, to: vec![text("shut_down"), text("recovers")] },
        expression: text("cannot be known until reachable"),
        read: Vec::new(),
        because: None,
    });
    script.settle("which", Outcome::Passed, withheld, None);
    for step in ["recovers", "shut_down", "failover", "force", "answering"] {
        script.settle(step, Outcome::Passed, withheld, Some("cannot be known until active"));
    }
    script.settle("tell_networking", Outcome::Passed, withheld, None);
    script.skip(&["need_a_person"], &SkipReason::NotReached);
    script.seal(RunOutcome::Resolved, "the plan could be made", &[]).done("dry_run")
}

/// An operator overrules, and the rollback fails.
pub(crate) fn overruled_and_not_undone() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.looks().plan("reachable", 1, "dnsTool -q reachable -s dns1");
    script.end("reachable", 1, End::Exited(127), 3, Some("no dnsTool in PATH (/usr/bin:/bin)"));
    script.note(Record::Question {
        request: 1,
        step: Some(text("reachable")),
        question: QuestionKind::Overrule,
        text: text("The active server is reachable failed. What now?"),
        collect: Vec::new(),
        to: Vec::new(),
        deadline: None,
    });
    script.wait(15_000).oncall(Record::Override {
        step: text("reachable"),
        word: SettleWord::GoOn,
        reason: text("I looked at the console of dns1, it is off"),
        outputs: BTreeMap::new(),
    });
    script.settle("reachable", Outcome::Passed, Settlement::Overruled, None);
    script.pass("shut_down", "dnsTool -a shutdown -s dns1", "stopped\n");
    script.plan("failover", 1, "dnsTool -a failover -s dns2").start("failover", 1).wait(800);
    script.note(Record::AttemptEnded {
        key: key("failover", 1),
        end: Some(End::Exited(3)),
        duration: Duration::from_millis(812),
        outcome: Outcome::Failed,
        reason: Some(text("exit code 3")),
        outputs: BTreeMap::new(),
        survivors: vec![text("4719 dnsTool --switch")],
    });
    script.settle("failover", Outcome::Failed, Settlement::Ran, Some("exit code 3"));
    script.phase(Phase::Ending, Some(EndCause::Failed(text("failover"))));
    script.skip(&["answering", "tell_networking"], &SkipReason::Blocked(text("failover")));
    script.phase(Phase::Rollback, None).note(Record::Question {
        request: 2,
        step: None,
        question: QuestionKind::Rollback,
        text: text("Undo shut_down?"),
        collect: Vec::new(),
        to: Vec::new(),
        deadline: None,
    });
    script.wait(4_000).oncall(Record::Answer {
        request: 2,
        step: None,
        answer: AnswerWord::Yes,
        fields: BTreeMap::new(),
        behalf: None,
        reason: None,
    });
    script.note(Record::StepUndone { step: text("failover"), outcome: Outcome::Passed, reason: None });
    script.note(Record::StepUndone {
        step: text("shut_down"),
        outcome: Outcome::Failed,
        reason: Some(text("exit code 1")),
    });
    let open = ["shut_down could not be undone", "switch was done and is not undone", "failover failed: exit code 3"];
    script.seal(RunOutcome::Failed, "failover failed and nothing handled it", &open).done("overruled_and_not_undone")
}

/// Everything that came from outside wants to do something to the screen.
pub(crate) fn hostile() -> Scenario {
    const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m<script>alert(1)</script> [x](javascript:1) `` ` *b* \u{202e}gnp.exe\r\nsecond & \"line\"";
    let mut script = Script::new(Mode::Real);
    script.pass("active", &format!("dnsTool {EVIL}"), EVIL);
    script.plan("reachable", 1, EVIL).output("reachable", 1, Stream::Stderr, EVIL);
    script.end("reachable", 1, End::Exited(1), 4, Some(EVIL)).settle(
        "reachable",
        Outcome::Failed,
        Settlement::Ran,
        Some(EVIL),
    );
    script.decide("which", BranchChoice::Case(0), &[EVIL], EVIL, Some(EVIL));
    script.by(person(EVIL, "inbox"), Record::Note { step: Some(text(EVIL)), text: text(EVIL) });
    script.told("tell_networking", EVIL, EVIL, EVIL);
    script.note(Record::Attachment { step: text(EVIL), name: text(EVIL), output: None, note: Some(text(EVIL)) });
    script.by(person(EVIL, "inbox"), Record::RunCancelled { reason: text(EVIL) });
    let mut scenario = script.seal(RunOutcome::Cancelled, EVIL, &[EVIL]).done("hostile");
    if let Some(Folded { record: Record::RunStarted(run), actor, .. }) = scenario.entries.first_mut() {
        run.title = text(EVIL);
        run.alert = Some(Value::from(EVIL));
        run.params.insert(text(EVIL), (Value::from(EVIL), text(EVIL)));
        actor.id = text(EVIL);
    }
    scenario.about.steps.retain(|step| step.id != "reachable");
    for step in &mut scenario.about.steps {
        step.title = text(EVIL);
    }
    scenario
}
