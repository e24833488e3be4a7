//! Random runbooks, as a test's own data: what the oracle reads, and the text the engine reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::world::Dice;

/// What a step is and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Verify,
    VerifyAsk,
    VerifyBare,
    Decide,
    DecideAsk,
    Act,
    Instruct,
    Wait,
    Escalate,
}

/// Where a road leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) steps: Vec<usize>,
    pub(crate) done: bool,
    pub(crate) failed: bool,
}

/// When a case of a decide is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Failed(usize),
    Passed(usize),
    Unknown(usize),
    Known(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approve {
    No,
    Operator,
    Within,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    No,
    Body,
    Step(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) needs: Option<Vec<usize>>,
    pub(crate) when: Option<bool>,
    pub(crate) retry: bool,
    pub(crate) approve: Approve,
    pub(crate) unless: bool,
    pub(crate) undo: Undo,
    pub(crate) idempotent: bool,
    pub(crate) on_fail: Option<Target>,
    pub(crate) or_else: Option<Target>,
    pub(crate) denied: Option<Target>,
    pub(crate) cases: Vec<(Test, Target)>,
    pub(crate) otherwise: Target,
    pub(crate) within: bool,
    pub(crate) ack: bool,
    pub(crate) handover: bool,
    pub(crate) attach: bool,
    pub(crate) items: Option<Items>,
}

/// The loop of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Items {
    pub(crate) count: usize,
    pub(crate) width: usize,
    pub(crate) go_on: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) nodes: Vec<Node>,
    pub(crate) parallel: usize,
    pub(crate) rollback: &'static str,
    pub(crate) timeout: bool,
    pub(crate) fallback: Option<usize>,
    pub(crate) finally: Vec<usize>,
}

pub(crate) fn id(step: usize) -> String {
    format!("s{step}")
}

impl Node {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            needs: None,
            when: None,
            retry: false,
            approve: Approve::No,
            unless: false,
            undo: Undo::No,
            idempotent: false,
            on_fail: None,
            or_else: None,
            denied: None,
            cases: Vec::new(),
            otherwise: Target::default(),
            within: false,
            ack: false,
            handover: false,
            attach: false,
            items: None,
        }
    }

    pub(crate) fn is_decide(&self) -> bool {
        matches!(self.kind, Kind::Decide | Kind::DecideAsk)
    }

    pub(crate) fn is_verify(&self) -> bool {
        matches!(self.kind, Kind::Verify | Kind::VerifyAsk | Kind::VerifyBare)
    }

    /// Where roads lead from here, with the name of each.
    pub(crate) fn roads(&self) -> Vec<(&'static str, &Target)> {
        let mut roads: Vec<(&'static str, &Target)> = self.cases.iter().map(|(_, target)| ("branch", target)).collect();
        if self.kind == Kind::Decide {
            roads.push(("branch", &self.otherwise));
        }
        roads.extend(self.on_fail.iter().map(|target| ("on_fail", target)));
        roads.extend(self.or_else.iter().map(|target| ("else", target)));
        roads.extend(self.denied.iter().map(|target| ("denied", target)));
        roads
    }
}

impl Shape {
    /// A runbook of up to a dozen steps.
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let count = 2 + dice.below(9);
        let kinds = [
            Kind::Verify,
            Kind::Verify,
            Kind::Verify,
            Kind::Act,
            Kind::Act,
            Kind::Act,
            Kind::Act,
            Kind::Decide,
            Kind::Decide,
            Kind::DecideAsk,
            Kind::VerifyAsk,
            Kind::VerifyBare,
            Kind::Instruct,
            Kind::Wait,
            Kind::Escalate,
        ];
        let mut nodes: Vec<Node> = (0..count).map(|_| Node::new(kinds[dice.below(kinds.len())])).collect();
        let last = nodes.last_mut().unwrap();
        if last.is_decide() {
            last.kind = Kind::Act;
        }
        let mut shape = Self {
            nodes,
            parallel: 1 + dice.below(3),
            rollback: ["ask", "auto", "auto", "never"][dice.below(4)],
            timeout: dice.once_in(6),
            fallback: None,
            finally: Vec::new(),
        };
        shape.add_needs(dice);
        shape.add_roads(dice);
        shape.add_end(dice);
        shape.add_rest(dice);
        shape.tidy();
        shape
    }

    fn add_needs(&mut self, dice: &mut Dice) {
        for step in 1..self.nodes.len() {
            let chosen = match dice.below(10) {
                0..=4 => continue,
                5 => BTreeSet::new(),
                6..=7 => BTreeSet::from([dice.below(step)]),
                _ => (0..3).map(|_| dice.below(step)).collect(),
            };
            self.nodes[step].needs = Some(chosen.into_iter().collect());
        }
    }

    fn target(&self, dice: &mut Dice, from: usize) -> Target {
        let later = self.nodes.len() - from - 1;
        let mut target = Target::default();
        match dice.below(8) {
            0 => target.done = true,
            1 => target.failed = true,
            roll => {
                let most = if roll == 7 { 2 } else { 1 };
                let steps: BTreeSet<usize> = (0..most).map(|_| from + 1 + dice.below(later.min(5))).collect();
                target.steps = steps.into_iter().collect();
                target.failed = roll == 6 && dice.once_in(2);
            }
        }
        target
    }

    fn add_roads(&mut self, dice: &mut Dice) {
        for step in 0..self.nodes.len() - 1 {
            match self.nodes[step].kind {
                Kind::Decide => {
                    let above: Vec<usize> = match &self.nodes[step].needs {
                        Some(needs) => needs.clone(),
                        None => step.checked_sub(1).into_iter().collect(),
                    };
                    for _ in 0..=dice.below(2) {
                        let test = match (above.is_empty(), dice.below(5)) {
                            (true, _) | (_, 0) => Test::Known(dice.once_in(2)),
                            (_, 1) => Test::Unknown(above[dice.below(above.len())]),
                            (_, 2) => Test::Passed(above[dice.below(above.len())]),
                            _ => Test::Failed(above[dice.below(above.len())]),
                        };
                        let target = self.target(dice, step);
                        self.nodes[step].cases.push((test, target));
                    }
                    self.nodes[step].otherwise = self.target(dice, step);
                }
                Kind::DecideAsk => {
                    for _ in 0..2 {
                        let target = self.target(dice, step);
                        self.nodes[step].cases.push((Test::Known(true), target));
                    }
                }
                Kind::Verify
                | Kind::VerifyAsk
                | Kind::VerifyBare
                | Kind::Act
                | Kind::Instruct
                | Kind::Wait
                | Kind::Escalate => {}
            }
            if dice.once_in(3) && !self.nodes[step].is_decide() {
                self.nodes[step].on_fail = Some(self.target(dice, step));
            }
            match self.nodes[step].kind {
                Kind::Act => {
                    self.nodes[step].approve = match dice.below(8) {
                        0 => Approve::Operator,
                        1 => Approve::Within,
                        _ => Approve::No,
                    };
                    if self.nodes[step].approve == Approve::Within && dice.once_in(2) {
                        self.nodes[step].or_else = Some(self.target(dice, step));
                    }
                    if self.nodes[step].approve != Approve::No && dice.once_in(2) {
                        self.nodes[step].denied = Some(self.target(dice, step));
                    }
                }
                Kind::VerifyAsk | Kind::DecideAsk | Kind::Instruct => {
                    self.nodes[step].within = dice.once_in(2);
                    if self.nodes[step].within && dice.once_in(2) {
                        self.nodes[step].or_else = Some(self.target(dice, step));
                    }
                }
                Kind::Escalate => {
                    self.nodes[step].ack = dice.once_in(2);
                    self.nodes[step].within = self.nodes[step].ack && dice.once_in(2);
                    if self.nodes[step].within && dice.once_in(2) {
                        self.nodes[step].or_else = Some(self.target(dice, step));
                    }
                }
                Kind::Verify | Kind::VerifyBare | Kind::Decide | Kind::Wait => {}
            }
        }
    }

    fn add_end(&mut self, dice: &mut Dice) {
        if dice.once_in(2) {
            let kind = [Kind::Escalate, Kind::Escalate, Kind::Act, Kind::Verify][dice.below(4)];
            let mut node = Node::new(kind);
            node.handover = kind == Kind::Escalate && dice.once_in(2);
            node.ack = kind == Kind::Escalate && dice.once_in(3);
            let step = self.nodes.len();
            self.fallback = Some(step);
            self.nodes.push(node);
            // Some roads lead there as well, and something may follow.
            for node in &mut self.nodes[..step] {
                if dice.once_in(6)
                    && let Some(target) = node.denied.as_mut().or(node.on_fail.as_mut())
                {
                    target.steps.push(step);
                    target.done = false;
                }
            }
            if dice.once_in(3) {
                let mut after = Node::new(Kind::Act);
                after.needs = Some(vec![step]);
                self.nodes.push(after);
            }
        }
        if dice.once_in(3) {
            for _ in 0..=dice.below(2) {
                let kind = [Kind::Act, Kind::Verify, Kind::Escalate][dice.below(3)];
                self.finally.push(self.nodes.len());
                self.nodes.push(Node::new(kind));
            }
        }
    }

    fn add_rest(&mut self, dice: &mut Dice) {
        for step in 0..self.nodes.len() {
            let in_steps = !self.finally.contains(&step);
            let last_act = self.nodes.iter().rposition(|node| node.kind == Kind::Act);
            let node = &mut self.nodes[step];
            if dice.once_in(10) && !node.is_decide() {
                node.when = Some(dice.once_in(2));
            }
            match node.kind {
                Kind::Verify | Kind::VerifyBare => node.retry = dice.once_in(4),
                Kind::Act => {
                    node.unless = dice.once_in(5);
                    node.idempotent = dice.once_in(3);
                    node.retry = node.idempotent && node.approve == Approve::No && dice.once_in(2);
                }
                Kind::Escalate => node.handover |= in_steps && dice.once_in(5),
                Kind::VerifyAsk | Kind::Decide | Kind::DecideAsk | Kind::Instruct | Kind::Wait => {}
            }
            if matches!(node.kind, Kind::Act | Kind::Instruct) && in_steps {
                node.undo = match dice.below(5) {
                    0 | 1 => Undo::Body,
                    2 => last_act.filter(|act| *act > step && in_steps).map_or(Undo::No, Undo::Step),
                    _ => Undo::No,
                };
            }
            node.attach = matches!(node.kind, Kind::Act | Kind::Verify) && dice.once_in(10);
            if !node.is_decide() && node.kind != Kind::Escalate && dice.once_in(5) {
                let count = [0, 1, 2, 2, 3, 3][dice.below(6)];
                node.items = Some(Items { count, width: 1 + dice.below(3), go_on: dice.once_in(3) });
            }
        }
        for step in 0..self.nodes.len() {
            if let Undo::Step(by) = self.nodes[step].undo
                && self.finally.contains(&by)
            {
                self.nodes[step].undo = Undo::Body;
            }
        }
    }

    /// Makes it a runbook that could pass the checks: what is an error whatever else is written is mended.
    fn tidy(&mut self) {
        let count = self.nodes.len();
        // Two edges between the same steps are an error, but for `on_fail` and a need.
        for to in 0..count {
            let sources: Vec<usize> = (0..count)
                .filter(|from| {
                    self.nodes[*from]
                        .roads()
                        .iter()
                        .any(|(name, target)| *name != "on_fail" && target.steps.contains(&to))
                })
                .collect();
            let has_roads = self.has_road(to);
            if let Some(needs) = &mut self.nodes[to].needs {
                needs.retain(|need| !sources.contains(need));
                if needs.is_empty() && has_roads {
                    self.nodes[to].needs = None;
                }
            }
        }
        for from in 0..count {
            let mut seen: BTreeSet<usize> = BTreeSet::new();
            let is_escalate: Vec<bool> = self.nodes.iter().map(|node| node.kind == Kind::Escalate).collect();
            let hands_over: Vec<bool> = self.nodes.iter().map(|node| node.handover).collect();
            let judged = (0..count).any(|decide| self.judges(decide, from).is_some());
            let node = &mut self.nodes[from];
            if judged {
                node.on_fail = None;
            }
            let is_decide = node.is_decide();
            let cases = node.cases.iter_mut().map(|(_, target)| target);
            let all = cases
                .chain(Some(&mut node.otherwise))
                .chain(node.on_fail.as_mut())
                .chain(node.or_else.as_mut())
                .chain(node.denied.as_mut());
            for (number, target) in all.enumerate() {
                // Branches of one decide may meet; other roads may not.
                if !is_decide {
                    target.steps.retain(|step| seen.insert(*step));
                    if target.steps.is_empty() && !target.failed {
                        target.done = true;
                    }
                }
                let loose = target.steps.iter().any(|step| is_escalate[*step] && !hands_over[*step]);
                if loose && !target.failed && (!is_decide || number > 2) {
                    target.done = true;
                }
                if target.done && target.failed {
                    target.done = false;
                }
            }
        }
    }

    /// Whether a road, `fallback` among them, leads to a step.
    pub(crate) fn has_road(&self, to: usize) -> bool {
        self.fallback == Some(to)
            || self.nodes.iter().any(|node| node.roads().iter().any(|(_, target)| target.steps.contains(&to)))
    }

    /// The steps a step needs: as written, or the one above.
    pub(crate) fn needs(&self, to: usize) -> Vec<usize> {
        if self.finally.contains(&to) {
            return Vec::new();
        }
        match &self.nodes[to].needs {
            Some(needs) => needs.clone(),
            None if self.has_road(to) => Vec::new(),
            None => (0..to).rev().find(|above| !self.finally.contains(above)).into_iter().collect(),
        }
    }

    /// Whether a decide judges how a step ended, and if so whether it can take an unknown.
    pub(crate) fn judges(&self, decide: usize, from: usize) -> Option<bool> {
        if !self.nodes[decide].is_decide() || !self.needs(decide).contains(&from) {
            return None;
        }
        if self.nodes[decide].kind == Kind::DecideAsk {
            return Some(true);
        }
        let tests = self.nodes[decide].cases.iter().map(|(test, _)| *test);
        let read: Vec<Test> = tests
            .filter(|test| matches!(test, Test::Failed(s) | Test::Passed(s) | Test::Unknown(s) if *s == from))
            .collect();
        (!read.is_empty()).then(|| read.contains(&Test::Unknown(from)))
    }

    /// The runbook, but for its head.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("parallel: {}\nrollback: {}\n", self.parallel, self.rollback);
        if self.timeout {
            text.push_str("timeout: 20m\n");
        }
        text.push_str("steps:\n");
        for (step, node) in self.nodes.iter().enumerate() {
            let id = id(step);
            let _ = write!(text, "  {id}: {{ ");
            let work = match node.kind {
                Kind::Verify => format!("verify: V, run: {id}"),
                Kind::VerifyAsk => format!("verify: V, ask: Is it?{}", if node.within { ", within: 5m" } else { "" }),
                Kind::VerifyBare => "verify: V, expect: 1 == 1".to_owned(),
                Kind::Decide => "decide: D".to_owned(),
                Kind::DecideAsk => format!("decide: D, ask: Which?{}", if node.within { ", within: 5m" } else { "" }),
                Kind::Act => format!("act: A, run: {id}"),
                Kind::Instruct => format!("act: A, instruct: Do it{}", if node.within { ", within: 5m" } else { "" }),
                Kind::Wait => "act: A, wait: 2m".to_owned(),
                Kind::Escalate => "escalate: E, to: [sre, boss]".to_owned(),
            };
            text.push_str(&work);
            write_rest(&mut text, node);
            text.push_str(" }\n");
        }
        if let Some(fallback) = self.fallback {
            let _ = writeln!(text, "fallback: {}", id(fallback));
        }
        if !self.finally.is_empty() {
            let names: Vec<String> = self.finally.iter().map(|step| id(*step)).collect();
            let _ = writeln!(text, "finally: [{}]", names.join(", "));
        }
        text
    }
}

fn write_rest(text: &mut String, node: &Node) {
    if let Some(needs) = &node.needs {
        let names: Vec<String> = needs.iter().map(|step| id(*step)).collect();
        let _ = write!(text, ", needs: [{}]", names.join(", "));
    }
    if let Some(when) = node.when {
        let _ = write!(text, ", when: {when}");
    }
    match node.kind {
        Kind::Decide => {
            let cases: Vec<String> = node
                .cases
                .iter()
                .map(|(test, target)| {
                    let condition = match test {
                        Test::Failed(step) => format!("steps.{}.failed", id(*step)),
                        Test::Passed(step) => format!("steps.{}.passed", id(*step)),
                        Test::Unknown(step) => format!("steps.{}.unknown", id(*step)),
                        Test::Known(value) => format!("1 == {}", if *value { 1 } else { 2 }),
                    };
                    format!("{{ when: {condition}, then: {}, because: so }}", written(target))
                })
                .collect();
            let otherwise = written(&node.otherwise);
            let _ = write!(text, ", cases: [{}], otherwise: {{ then: {otherwise}, because: so }}", cases.join(", "));
        }
        Kind::DecideAsk => {
            let choices: Vec<String> = node
                .cases
                .iter()
                .enumerate()
                .map(|(number, (_, target))| format!("c{number}: {}", written(target)))
                .collect();
            let _ = write!(text, ", choices: {{ {} }}", choices.join(", "));
        }
        Kind::Verify
        | Kind::VerifyAsk
        | Kind::VerifyBare
        | Kind::Act
        | Kind::Instruct
        | Kind::Wait
        | Kind::Escalate => {}
    }
    if node.retry {
        text.push_str(", retry: { every: 30s, attempts: 3 }");
    }
    let or_else = node.or_else.as_ref().map(|target| format!(", else: {}", written(target))).unwrap_or_default();
    match (node.approve, node.kind) {
        (Approve::Operator, _) => text.push_str(", approve: operator"),
        (Approve::Within, _) => {
            let _ = write!(text, ", approve: {{ within: 5m{or_else} }}");
        }
        (Approve::No, Kind::Escalate) if node.ack => {
            let within = if node.within { "within: 5m" } else { "by: all" };
            let _ = write!(text, ", ack: {{ {within}{or_else} }}");
        }
        (Approve::No, _) => text.push_str(&or_else),
    }
    for (key, target) in [("on_fail", &node.on_fail), ("denied", &node.denied)] {
        if let Some(target) = target {
            let _ = write!(text, ", {key}: {}", written(target));
        }
    }
    if node.unless {
        text.push_str(", unless: { run: look }");
    }
    match node.undo {
        Undo::No => {}
        Undo::Body => text.push_str(", undo: { run: back }"),
        Undo::Step(by) => {
            let _ = write!(text, ", undo: {}", id(by));
        }
    }
    for (key, on) in [("idempotent", node.idempotent), ("handover", node.handover)] {
        if on {
            let _ = write!(text, ", {key}: true");
        }
    }
    if let Some(Items { count, width, go_on }) = node.items {
        let list: Vec<String> = (0..count).map(|item| format!("i{item}")).collect();
        let on_fail = if go_on { "continue" } else { "stop" };
        let list = list.join(", ");
        let _ = write!(text, ", for_each: {{ one: [{list}], width: {width}, on_item_fail: {on_fail} }}");
    }
    if node.attach {
        text.push_str(", attach: { file: /var/log/x }");
    }
}

fn written(target: &Target) -> String {
    let mut names: Vec<String> = target.steps.iter().map(|step| id(*step)).collect();
    names.extend(target.done.then(|| "done".to_owned()));
    names.extend(target.failed.then(|| "failed".to_owned()));
    format!("[{}]", names.join(", "))
}
