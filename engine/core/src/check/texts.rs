//! Every expression and template of a document, with what it may read and when it is read.

use crate::command_line::CommandLine;
use crate::document::model::{
    Approve, Attach, Body, Document, ForEachList, Http, Output, Retry, Setting, Stdin, Step, Surroundings, Target,
    Tree, Undo, Wait, Work,
};
use crate::expression::{Expression, Read};
use crate::graph::{Graph, StepIndex, roads_of};
use crate::source::{Span, Spanned};
use crate::template::Template;

/// An expression or a template.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    Expression(&'a Expression),
    Template(&'a Template),
}

/// When a text is read, and so what has happened by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the first step, or for every step alike.
    Outset,
    /// When it is asked whether the step is stepped over.
    When,
    /// When the step has started.
    Step,
    /// In a rollback.
    Undo,
    /// At the end of the run.
    End,
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It gives true or false.
    Condition,
    /// Its value keeps its type, or is text.
    Value,
    /// Text that a program is given.
    Text,
    /// Text for people: what does not exist is said to be missing.
    People,
}

/// An expression or a template, and what it may read.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of the text, and all combine")]
pub(super) struct Text<'a> {
    pub(super) form: Form<'a>,
    /// The bytes of the value it is, or is part of.
    pub(super) span: Span,
    /// A command's words that were written as a list: the span is the whole list's.
    pub(super) split: bool,
    /// The step it belongs to; `None`: the document.
    pub(super) step: Option<StepIndex>,
    /// The key it is written under.
    pub(super) key: &'static str,
    pub(super) moment: Moment,
    pub(super) purpose: Purpose,
    /// The body whose result it sees, and how many of its outputs are computed by then.
    pub(super) result: Option<(&'a Body, usize)>,
    /// Secrets may stand in it.
    pub(super) secrets: bool,
    /// It gives a secret output: it may read secret outputs.
    pub(super) hidden: bool,
    /// It may read `each`.
    pub(super) each: bool,
}

impl<'a> Text<'a> {
    /// The names it reads.
    pub(super) fn reads(&self) -> &'a [Read] {
        match self.form {
            Form::Expression(expression) => expression.reads(),
            Form::Template(template) => template.reads(),
        }
    }

    /// What is written.
    pub(super) fn source(&self) -> &'a str {
        match self.form {
            Form::Expression(expression) => expression.source(),
            Form::Template(template) => template.source(),
        }
    }
}

/// All of a document, in no particular order.
pub(super) fn of<'a>(document: &'a Document, graph: &Graph) -> Vec<Text<'a>> {
    let mut all = Collector { texts: Vec::new(), step: None, moment: Moment::Outset, each: false };
    if let Some(lock) = &document.lock {
        all.template("lock", lock, Purpose::Text);
    }
    all.setting("timeout", document.timeout.as_ref());
    all.setting("timeout", document.defaults.timeout.as_ref());
    all.setting("grace", document.defaults.grace.as_ref());
    all.surroundings(&document.defaults.surroundings);
    if let Some(retry) = &document.defaults.retry {
        all.retry(retry, None);
    }
    for (index, step) in graph.steps().zip(&document.steps) {
        all.step = Some(index);
        all.moment = Moment::Step;
        all.step(step);
    }
    all.step = None;
    all.each = false;
    all.moment = Moment::End;
    for output in &document.outputs {
        all.expression("outputs", &output.value, Purpose::Value, None);
    }
    all.texts
}

struct Collector<'a> {
    texts: Vec<Text<'a>>,
    step: Option<StepIndex>,
    moment: Moment,
    each: bool,
}

type Result<'a> = Option<(&'a Body, usize)>;

impl<'a> Collector<'a> {
    fn push(&mut self, form: Form<'a>, span: Span, key: &'static str, purpose: Purpose) -> &mut Text<'a> {
        self.texts.push(Text {
            form,
            span,
            split: false,
            step: self.step,
            key,
            moment: self.moment,
            purpose,
            result: None,
            secrets: false,
            hidden: false,
            each: self.each,
        });
        let Some(last) = self.texts.last_mut() else { unreachable!("one was pushed on the line above") };
        last
    }

    fn template(&mut self, key: &'static str, template: &'a Spanned<Template>, purpose: Purpose) -> &mut Text<'a> {
        self.push(Form::Template(&template.value), template.span, key, purpose)
    }

    fn expression(
        &mut self,
        key: &'static str,
        expression: &'a Spanned<Expression>,
        purpose: Purpose,
        result: Result<'a>,
    ) -> &mut Text<'a> {
        let text = self.push(Form::Expression(&expression.value), expression.span, key, purpose);
        text.result = result;
        text
    }

    fn setting<T>(&mut self, key: &'static str, setting: Option<&'a Spanned<Setting<T>>>) {
        if let Some(Spanned { value: Setting::Rendered(template), span }) = setting {
            self.push(Form::Template(template), *span, key, Purpose::Value);
        }
    }

    fn retry(&mut self, retry: &'a Retry, result: Result<'a>) {
        self.setting("every", retry.every.as_ref());
        self.setting("for", retry.within.as_ref());
        self.setting("attempts", retry.attempts.as_ref());
        self.setting("max", retry.max.as_ref());
        if let Some(condition) = &retry.condition {
            self.expression("while", condition, Purpose::Condition, result);
        }
    }

    fn surroundings(&mut self, surroundings: &'a Surroundings) {
        for value in surroundings.env.values() {
            self.template("env", value, Purpose::Text).secrets = true;
        }
        if let Some(dir) = &surroundings.dir {
            self.template("dir", dir, Purpose::Text);
        }
        if let Some(on) = &surroundings.on {
            self.template("on", on, Purpose::Text);
        }
        if let Some(Spanned { value: Stdin::Text(template), span }) = &surroundings.stdin {
            self.push(Form::Template(template), *span, "stdin", Purpose::Text).secrets = true;
        }
    }

    fn line(&mut self, key: &'static str, line: &'a Spanned<CommandLine>) {
        // A line's words lie one after the other; those of a list each begin at their own start.
        let split = line.value.words().iter().skip(1).any(|word| word.span.start == 0);
        for word in line.value.words() {
            if !word.template.reads().is_empty() {
                self.push(Form::Template(&word.template), line.span, key, Purpose::Text).split = split;
            }
        }
    }

    fn tree(&mut self, key: &'static str, tree: &'a Tree, span: Span, secrets: bool) {
        // Depth is bounded by the YAML scan.
        match tree {
            Tree::Scalar(_) => {}
            Tree::Text(template) => self.push(Form::Template(template), span, key, Purpose::Value).secrets = secrets,
            Tree::List(items) => items.iter().for_each(|item| self.tree(key, item, span, secrets)),
            Tree::Map(members) => members.values().for_each(|member| self.tree(key, member, span, secrets)),
        }
    }

    fn http(&mut self, http: &'a Http) {
        self.template("url", &http.url, Purpose::Text);
        for header in http.headers.values() {
            self.template("headers", header, Purpose::Text).secrets = true;
        }
        if let Some(body) = &http.body {
            self.tree("body", &body.value, body.span, true);
        }
    }

    fn outputs(&mut self, body: &'a Body) {
        for (number, Output { value, secret, .. }) in body.outputs.iter().enumerate() {
            self.expression("outputs", value, Purpose::Value, Some((body, number))).hidden = *secret;
        }
    }

    fn body(&mut self, body: &'a Body) {
        match &body.work {
            Work::Run(line) => self.line("run", line),
            Work::Http(http) => self.http(http),
            Work::Ask(asking) | Work::Instruct(asking) => {
                let key = body.work.key().unwrap_or_default();
                self.template(key, &asking.text, Purpose::People);
                self.setting("within", asking.within.as_ref());
                if let Some(link) = &asking.link {
                    self.template("link", link, Purpose::People);
                }
            }
            Work::Wait(wait) => {
                if let Wait::Rendered(template) = &wait.value {
                    self.push(Form::Template(template), wait.span, "wait", Purpose::Value);
                }
            }
            Work::Template(writing) => {
                self.template("source", &writing.source, Purpose::Text);
                self.template("to", &writing.to, Purpose::Text);
            }
            Work::Runbook(call) => {
                call.with.values().for_each(|value| self.tree("with", &value.value, value.span, false));
            }
            Work::Script(_) | Work::None => {}
        }
        self.setting("timeout", body.timeout.as_ref());
        self.setting("grace", body.grace.as_ref());
        self.outputs(body);
        let judged = Some((body, body.outputs.len()));
        if let Some(unclear) = &body.unclear {
            self.expression("unclear", unclear, Purpose::Condition, judged);
        }
        if let Some(expect) = &body.expect {
            self.expression("expect", expect, Purpose::Condition, judged);
        }
        self.surroundings(&body.surroundings);
    }

    fn because(&mut self, target: &'a Target) {
        if let Some(because) = &target.because {
            self.template("because", because, Purpose::People);
        }
    }

    fn step(&mut self, step: &'a Step) {
        self.each = false;
        if let Some(for_each) = &step.for_each {
            match &for_each.value.over {
                ForEachList::Items(items) => {
                    for item in items {
                        self.tree("for_each", item, for_each.span, false);
                    }
                }
                ForEachList::Expression(expression) => {
                    self.expression("for_each", expression, Purpose::Value, None);
                }
            }
            self.each = true;
        }
        if let Some(when) = &step.when {
            self.moment = Moment::When;
            self.expression("when", when, Purpose::Condition, None);
            self.moment = Moment::Step;
        }
        self.template(step.kind.value.key(), &step.title, Purpose::People);
        self.body(&step.body);
        if let Some(retry) = &step.retry {
            self.retry(&retry.value, Some((&step.body, step.body.outputs.len())));
        }
        for case in &step.cases {
            self.expression("when", &case.when, Purpose::Condition, None);
        }
        for (_, target) in roads_of(step) {
            self.because(target);
        }
        for attach in &step.attach {
            match attach {
                Attach::File { file, .. } => {
                    self.template("attach", file, Purpose::Text);
                }
                Attach::Run(line) => self.line("attach", line),
            }
        }
        if let Some(Approve::People(approval)) = step.approve.as_ref().map(|approve| &approve.value) {
            if let Some(when) = &approval.when {
                self.expression("when", when, Purpose::Condition, None);
            }
            self.setting("within", approval.within.as_ref());
        }
        if let Some(unless) = &step.unless {
            self.body(&unless.value);
        }
        if let Some(Undo::Body(body)) = &step.undo {
            self.moment = Moment::Undo;
            self.body(&body.value);
            self.moment = Moment::Step;
        }
        if let Some(escalation) = &step.escalation {
            if let Some(message) = &escalation.message {
                self.template("message", message, Purpose::People);
            }
            if let Some(ack) = &escalation.ack {
                self.setting("within", ack.value.within.as_ref());
            }
        }
    }
}
