//! Loops, and runbooks that run others.

use std::collections::BTreeMap;

use runbook_core::document::model::Kind;
use runbook_core::run::record::{
    BranchChoice, End, EndCause, Mode, Outcome, Output, Part, Phase, Record, RunOutcome, Settlement, SkipReason, Stream,
};
use runbook_core::value::Value;
use runbook_report::entry::{About, StepInfo};

use super::{Scenario, Script, key, person, text};

fn info(id: &str, kind: Kind, title: &str) -> StepInfo {
    StepInfo { id: text(id), kind, title: text(title), to: Vec::new(), each: None, runs: None }
}

fn about() -> About {
    let each = |info: StepInfo| StepInfo { each: Some(text("host")), ..info };
    let runs = |info: StepInfo, name: &str| StepInfo { runs: Some(text(name)), ..info };
    About {
        run: text("20261122-0915-drain-hosts-k7q2"),
        steps: vec![
            info("ready", Kind::Verify, "The load balancer answers"),
            each(info("drain", Kind::Act, "Drain each web server")),
            runs(info("outage", Kind::Act, "Restart the shop"), "shop-restart"),
            runs(each(info("sites", Kind::Act, "Move each site")), "site-move"),
            info("outage/db", Kind::Verify, "The database is up"),
            info("outage/how", Kind::Decide, "Warm or cold?"),
            info("outage/restart", Kind::Act, "Restart the shop's servers"),
            info("outage/cold", Kind::Act, "Start it cold"),
            each(info("outage/look", Kind::Verify, "Each server answers")),
            info("sites[0]/stop", Kind::Act, "Stop madrid"),
            info("sites[1]/stop", Kind::Act, "Stop lisbon"),
            info("sites[1]/tell", Kind::Escalate, "Lisbon is to be told"),
        ],
        alerts: Vec::new(),
        alive: Some(false),
    }
}

impl Script {
    fn items(&mut self, step: &str, names: &[&str], approval: bool) -> &mut Self {
        let items = names.iter().map(|name| Value::from(*name)).collect();
        self.note(Record::StepItems { step: text(step), items, approval })
    }

    fn told_as(&mut self, name: &'static str) -> Scenario {
        let Scenario { entries, .. } = self.done(name);
        Scenario { name, about: about(), entries }
    }
}

/// Fourteen hosts, approved together: twelve are drained at once, one at its second attempt, one not at all, after which
/// no other begins.
pub(crate) fn fourteen_hosts() -> Scenario {
    let names: Vec<String> = (1..=16).map(|number| format!("web{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut script = Script::new(Mode::Real);
    script.pass("ready", "lbTool -q", "ok\n").items("drain", &names, true);
    script.plan("drain", 1, "16 items: lbTool -d web1; lbTool -d web2; …").ask_approval(1, "drain").wait(4_000);
    script.grant(1, "drain", person("oncall", "terminal"), None);
    for (number, name) in names.iter().enumerate().take(14) {
        let item = format!("drain[{number}]");
        match number {
            3 => {
                script.plan(&item, 1, &format!("lbTool -d {name}")).start(&item, 1).wait(20);
                script.end(&item, 1, End::Exited(1), 21, Some("exit code 1"));
                let at = script.now + jiff::SignedDuration::from_secs(2);
                script.note(Record::RetryScheduled { key: key(&item, 2), at }).wait(2_000).start(&item, 2).wait(20);
                script.end(&item, 2, End::Exited(0), 22, None).settle(&item, Outcome::Passed, Settlement::Ran, None);
            }
            13 => {
                script.plan(&item, 1, &format!("lbTool -d {name}")).start(&item, 1).wait(20);
                script.output(&item, 1, Stream::Stderr, "web14: still has 3 sessions\n");
                script.end(&item, 1, End::Exited(1), 21, Some("exit code 1"));
                script.settle(&item, Outcome::Failed, Settlement::Ran, Some("exit code 1"));
            }
            _ => {
                script.pass(&item, &format!("lbTool -d {name}"), "drained\n");
            }
        }
    }
    script.skip(&["drain[14]", "drain[15]"], &SkipReason::Blocked(text("drain[13]")));
    script.settle("drain", Outcome::Failed, Settlement::Ran, Some("1 of 16 items failed; drain[13]: exit code 1"));
    script.phase(Phase::Ending, Some(EndCause::Failed(text("drain"))));
    script.seal(RunOutcome::Failed, "drain failed and nothing handled it", &["drain failed: 1 of 16 items failed"]);
    script.told_as("fourteen_hosts")
}

/// Three hosts, each with its own line; one was drained already, one has a note.
pub(crate) fn three_hosts() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.pass("ready", "lbTool -q", "ok\n").items("drain", &["web1", "web2", "web3"], false);
    script.pass("drain[0]", "lbTool -d web1", "");
    script.settle("drain[1]", Outcome::Passed, Settlement::AlreadySo, Some("already so"));
    script.plan("drain[2]", 1, "lbTool -d web3").start("drain[2]", 1).wait(900);
    script.oncall(Record::Note { step: Some(text("drain[2]")), text: text("its sessions are from the batch job") });
    script.end("drain[2]", 1, End::Exited(0), 905, None).settle("drain[2]", Outcome::Passed, Settlement::Ran, None);
    script.settle("drain", Outcome::Passed, Settlement::Ran, None).phase(Phase::Over, Some(EndCause::Complete));
    script.seal(RunOutcome::Resolved, "the procedure came to its end", &[]).told_as("three_hosts")
}

/// A runbook that runs another, in which a loop fails; and one that is run for each item.
pub(crate) fn called() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.note(Record::StepIntent { key: key("outage", 1), plan: None, until: None });
    script.pass("outage/db", "dbTool -q", "up\n");
    script.decide("outage/how", BranchChoice::Case(0), &["restart"], "steps.db.passed", None);
    script.skip(&["outage/cold"], &SkipReason::NotReached);
    script.pass("outage/restart", "shopTool restart", "restarted\n").items("outage/look", &["web1", "web2"], false);
    let log = Output { bytes: 9, kept: 9, blob: None, head: text("all good\n"), tail: String::new() };
    script.note(Record::Attachment {
        step: text("outage/restart"),
        name: text("/var/log/shop.log"),
        output: Some(log),
        note: None,
    });
    script.pass("outage/look[0]", "curl web1", "");
    script.plan("outage/look[1]", 1, "curl web2").start("outage/look[1]", 1).wait(30);
    script.end("outage/look[1]", 1, End::Exited(7), 31, Some("exit code 7"));
    script.settle("outage/look[1]", Outcome::Failed, Settlement::Ran, Some("exit code 7"));
    let reason = "1 of 2 items failed; outage/look[1]: exit code 7";
    script.settle("outage/look", Outcome::Failed, Settlement::Ran, Some(reason));
    let failed = Some("shop-restart failed: outage/look failed and nothing handled it");
    script.settle("outage", Outcome::Failed, Settlement::Ran, failed);
    script.items("sites", &["madrid", "lisbon"], false);
    for item in ["sites[0]", "sites[1]"] {
        script.pass(&format!("{item}/stop"), "siteTool stop", "");
        if item == "sites[1]" {
            script.told("sites[1]/tell", "networking", "pager", "lisbon is moved");
            script.settle("sites[1]/tell", Outcome::Passed, Settlement::Ran, None);
        }
        script.settle(item, Outcome::Passed, Settlement::Ran, None);
    }
    script.settle("sites", Outcome::Passed, Settlement::Ran, None);
    script.seal(RunOutcome::Failed, "outage failed and nothing handled it", &[]).told_as("called")
}

/// The engine was killed in the midst of a loop; the doubt about one item waits.
pub(crate) fn under_way() -> Scenario {
    let mut script = Script::new(Mode::Real);
    script.items("drain", &["web1", "web2", "web3"], false).pass("drain[0]", "lbTool -d web1", "");
    script.plan("drain[1]", 1, "lbTool -d web2").start("drain[1]", 1).wait(3_000);
    script.note(Record::DoubtOpened { key: key("drain[1]", 1), why: text("the machine was started again since") });
    script.note(Record::AttemptEnded {
        key: runbook_core::run::record::AttemptKey { step: text("ready"), part: Part::Main, attempt: 1 },
        end: Some(End::Exited(0)),
        duration: std::time::Duration::from_secs(1),
        outcome: Outcome::Passed,
        reason: None,
        outputs: BTreeMap::new(),
        survivors: Vec::new(),
    });
    script.told_as("under_way")
}
