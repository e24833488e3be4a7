//! What a runbook file says, as written: names are names, expressions and templates are compiled, nothing is rendered.
//!
//! Every part that a message may point at keeps its bytes ([`Spanned`]).

use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::command_line::CommandLine;
use crate::expression::Expression;
use crate::id::{RunbookName, StepId, VariableName};
use crate::source::{Span, Spanned};
use crate::template::Template;
use crate::value::Value;

/// A whole runbook file.
#[derive(Debug, Clone)]
pub struct Document {
    /// `runbook`: its name.
    pub name: Spanned<RunbookName>,
    /// `title`: one line for a person.
    pub title: Spanned<String>,
    /// `summary`.
    pub summary: Option<String>,
    /// `owner`: the team it belongs to.
    pub owner: Option<Spanned<String>>,
    /// `severity`.
    pub severity: Option<Severity>,
    /// `alerts`: what starts it.
    pub alerts: Vec<Alert>,
    /// `review`.
    pub review: Option<Review>,
    /// `params`, in file order.
    pub params: IndexMap<VariableName, Param>,
    /// `secrets`, in file order. The names are those of environment variables: `PD_KEY`.
    pub secrets: IndexMap<String, Spanned<SecretSource>>,
    /// `defaults`.
    pub defaults: Defaults,
    /// `parallel`: how many steps run at once, 1 to 64; default 1.
    pub parallel: u32,
    /// `lock`.
    pub lock: Option<Spanned<Template>>,
    /// `timeout`: the run's deadline.
    pub timeout: Option<Spanned<Setting<Duration>>>,
    /// `steps`, in reading order.
    pub steps: Vec<Step>,
    /// `fallback`.
    pub fallback: Option<Spanned<StepId>>,
    /// `rollback`; default [`Rollback::Ask`].
    pub rollback: Rollback,
    /// `finally`, in order.
    pub finally: Vec<Spanned<StepId>>,
    /// `outputs` of the runbook.
    pub outputs: Vec<Output>,
}

/// How urgent a runbook is; orders lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `critical`.
    Critical,
    /// `high`.
    High,
    /// `medium`.
    Medium,
    /// `low`.
    Low,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What starts a runbook: matchers over an alert's labels. A bare alert name is one matcher of `alertname`.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// All of them must match.
    pub matchers: Vec<Matcher>,
    /// Its place.
    pub span: Span,
}

/// One matcher in Alertmanager's syntax: `service: "=~dns.*"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// How it is compared.
    pub operator: MatchOperator,
    /// With what.
    pub value: String,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOperator {
    /// `=`, or nothing.
    Equal,
    /// `!=`.
    NotEqual,
    /// `=~`: the whole value matches.
    Regex,
    /// `!~`.
    NotRegex,
}

/// `review`.
#[derive(Debug, Clone)]
pub struct Review {
    /// `by`: past it, `check` and `run` warn.
    pub by: Option<Spanned<Date>>,
    /// `drill_every`.
    pub drill_every: Option<Spanned<Duration>>,
}

/// A param, or a field that a person is asked for (`collect`).
#[derive(Debug, Clone)]
pub struct Param {
    /// Where it stands.
    pub span: Span,
    /// `type`.
    pub kind: ParamKind,
    /// `default`, already of the type.
    pub default: Option<Value>,
    /// `help`.
    pub help: Option<String>,
    /// `pattern`: the whole value must match.
    pub pattern: Option<Spanned<String>>,
    /// `min`, of the type.
    pub min: Option<Value>,
    /// `max`, of the type.
    pub max: Option<Value>,
    /// `from`: `["alert", "labels", "instance"]`.
    pub from: Option<Spanned<Vec<String>>>,
    /// `secret`: only in `collect`.
    pub secret: bool,
}

/// The type of a param.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamKind {
    /// `string`.
    String,
    /// `integer`.
    Integer,
    /// `number`.
    Number,
    /// `boolean`.
    Boolean,
    /// `duration`.
    Duration,
    /// `timestamp`.
    Timestamp,
    /// `choice`, with its `choices`.
    Choice(Vec<String>),
    /// `list`, with the type `of` its elements (which is no list).
    List(Box<ParamKind>),
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `env`: a variable of the engine's own environment.
    Env(String),
    /// `file`: its whole content, a final newline removed.
    File(String),
    /// `command`: words whose standard output is the secret, a final newline removed.
    Command(Vec<String>),
}

/// `defaults`.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `timeout` per attempt.
    pub timeout: Option<Spanned<Setting<Duration>>>,
    /// `grace` between TERM and KILL.
    pub grace: Option<Spanned<Setting<Duration>>>,
    /// `dir`, `env`, `on`, `shell`.
    pub surroundings: Surroundings,
    /// `env` names without a value, passed on from the engine's own environment.
    pub pass: Vec<Spanned<String>>,
    /// `retry`, for verify steps only.
    pub retry: Option<Retry>,
}

/// A value written in the file, or rendered when it is needed.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting<T> {
    /// As written.
    Fixed(T),
    /// Rendered, then read as a `T`.
    Rendered(Template),
}

/// `rollback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rollback {
    /// Ask the operator.
    #[default]
    Ask,
    /// Roll back without asking.
    Auto,
    /// Never roll back.
    Never,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Looks and judges.
    Verify,
    /// Chooses the branch.
    Decide,
    /// Changes the world.
    Act,
    /// Tells people, and can wait for one.
    Escalate,
}

impl Kind {
    /// The key that makes a step of this kind.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Decide => "decide",
            Self::Act => "act",
            Self::Escalate => "escalate",
        }
    }
}

/// A step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id.
    pub id: Spanned<StepId>,
    /// The whole mapping.
    pub span: Span,
    /// Its kind; the bytes are those of the key.
    pub kind: Spanned<Kind>,
    /// The kind's value: the title, in plain words.
    pub title: Spanned<Template>,
    /// `description`, markdown.
    pub description: Option<String>,
    /// What it does and how it is judged.
    pub body: Body,
    /// `needs`; `None`: as written, the step above.
    pub needs: Option<Spanned<Vec<Spanned<StepId>>>>,
    /// `when`.
    pub when: Option<Spanned<Expression>>,
    /// `retry`.
    pub retry: Option<Spanned<Retry>>,
    /// `on_fail`.
    pub on_fail: Option<Target>,
    /// `attach`.
    pub attach: Vec<Attach>,
    /// `for_each`.
    pub for_each: Option<Spanned<ForEach>>,
    /// Decide by data: `cases` and `otherwise`.
    pub cases: Vec<Case>,
    /// Decide by data: `otherwise`.
    pub otherwise: Option<Target>,
    /// Act: `approve`.
    pub approve: Option<Spanned<Approve>>,
    /// Act: `denied`.
    pub denied: Option<Target>,
    /// Act: `destructive`.
    pub destructive: bool,
    /// Act: `unless`.
    pub unless: Option<Spanned<Box<Body>>>,
    /// Act: `undo`.
    pub undo: Option<Undo>,
    /// Act: `idempotent`.
    pub idempotent: bool,
    /// Escalate: whom, what, acknowledgement.
    pub escalation: Option<Escalation>,
}

/// What a step, an `unless` or an `undo` does, and how its result is judged.
#[derive(Debug, Clone)]
pub struct Body {
    /// The way of working.
    pub work: Work,
    /// The place of the way of working's key, or of the whole body.
    pub span: Span,
    /// `timeout` per attempt.
    pub timeout: Option<Spanned<Setting<Duration>>>,
    /// `grace`.
    pub grace: Option<Spanned<Setting<Duration>>>,
    /// `expect`.
    pub expect: Option<Spanned<Expression>>,
    /// `unclear`.
    pub unclear: Option<Spanned<Expression>>,
    /// `outputs`, in order.
    pub outputs: Vec<Output>,
    /// `env`, `dir`, `stdin`, `on`, `shell`.
    pub surroundings: Surroundings,
}

/// How it works.
#[derive(Debug, Clone)]
pub enum Work {
    /// `run`: words, no shell.
    Run(Spanned<CommandLine>),
    /// `script`: shell text, nothing rendered.
    Script(Spanned<String>),
    /// `http`.
    Http(Box<Http>),
    /// `ask`, and its `choices`, `collect`, `to`, `within`, `else`, `link` beside it.
    Ask(Box<Asking>),
    /// `instruct`, with the same keys beside it but `choices`.
    Instruct(Box<Asking>),
    /// `wait`.
    Wait(Spanned<Wait>),
    /// `template`.
    Template(Box<Writing>),
    /// `runbook`, and its `with`.
    Runbook(Box<Call>),
    /// None: `expect` and `outputs` alone, a decide by data, an escalate.
    None,
}

impl Work {
    /// The key of this way of working; `None` for [`Work::None`].
    #[must_use]
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::Run(_) => Some("run"),
            Self::Script(_) => Some("script"),
            Self::Http(_) => Some("http"),
            Self::Ask(_) => Some("ask"),
            Self::Instruct(_) => Some("instruct"),
            Self::Wait(_) => Some("wait"),
            Self::Template(_) => Some("template"),
            Self::Runbook(_) => Some("runbook"),
            Self::None => None,
        }
    }

    /// Whether it starts a process.
    #[must_use]
    pub fn is_command(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Script(_))
    }

    /// Whether the engine makes attempts at it: a process, a request, a file to write.
    #[must_use]
    pub fn is_attempted(&self) -> bool {
        self.is_command() || matches!(self, Self::Http(_) | Self::Template(_))
    }
}

/// A name and the expression that gives its value.
#[derive(Debug, Clone)]
pub struct Output {
    /// The name.
    pub name: Spanned<VariableName>,
    /// The expression.
    pub value: Spanned<Expression>,
    /// Masked everywhere.
    pub secret: bool,
}

/// Where and with what a process runs.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `env`.
    pub env: IndexMap<String, Spanned<Template>>,
    /// `dir`.
    pub dir: Option<Spanned<Template>>,
    /// `stdin`.
    pub stdin: Option<Spanned<Stdin>>,
    /// `on`.
    pub on: Option<Spanned<Template>>,
    /// `shell`, already split into words.
    pub shell: Option<Spanned<Vec<String>>>,
}

/// `stdin`.
#[derive(Debug, Clone)]
pub enum Stdin {
    /// Text.
    Text(Template),
    /// `{ step: id }`: the whole output of a step.
    Step(Spanned<StepId>),
}

/// `http`.
#[derive(Debug, Clone)]
pub struct Http {
    /// `method`, in upper case; default GET.
    pub method: Spanned<String>,
    /// `url`.
    pub url: Spanned<Template>,
    /// `headers`.
    pub headers: IndexMap<String, Spanned<Template>>,
    /// `body`.
    pub body: Option<Spanned<Tree>>,
    /// `redirects`: whether they are followed; default no.
    pub redirects: bool,
}

/// A value with templates in it: an http body, the `with` of a runbook, a literal list.
#[derive(Debug, Clone)]
pub enum Tree {
    /// Anything that is no text.
    Scalar(Value),
    /// Text; a single `{{ path }}` keeps its type.
    Text(Template),
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(IndexMap<String, Tree>),
}

/// A question or an instruction to a person.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The text.
    pub text: Spanned<Template>,
    /// `choices` of a decide: label and where it leads.
    pub choices: Vec<(Spanned<String>, Target)>,
    /// `collect`.
    pub collect: IndexMap<VariableName, Param>,
    /// `to`: people or teams.
    pub to: Vec<Spanned<String>>,
    /// `within`.
    pub within: Option<Spanned<Setting<Duration>>>,
    /// `else`: where it goes when nobody answered in time.
    pub otherwise: Option<Target>,
    /// `link`.
    pub link: Option<Spanned<Template>>,
}

/// `wait`.
#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    /// A duration.
    For(Duration),
    /// Until an instant.
    Until(Timestamp),
    /// Rendered, then read as either.
    Rendered(Template),
}

/// `template`: a file written from a handlebars file.
#[derive(Debug, Clone)]
pub struct Writing {
    /// `source`.
    pub source: Spanned<Template>,
    /// `to`.
    pub to: Spanned<Template>,
    /// `mode`, such as 0o644.
    pub mode: Option<u32>,
}

/// `runbook`: another runbook, and what it is given.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub name: Spanned<RunbookName>,
    /// `with`.
    pub with: IndexMap<VariableName, Spanned<Tree>>,
    /// Where the names in `with` stand, in their order.
    pub names: Vec<Span>,
}

/// `retry`. At least one of `for` and `attempts` is there.
#[derive(Debug, Clone)]
pub struct Retry {
    /// `every`: from the end of an attempt to the start of the next; default 0.
    pub every: Option<Spanned<Setting<Duration>>>,
    /// `for`: no attempt starts after it, counted from the start of the first.
    pub within: Option<Spanned<Setting<Duration>>>,
    /// `attempts` in all, at least 1.
    pub attempts: Option<Spanned<Setting<i64>>>,
    /// `backoff`: factor on `every` after each attempt, at least 1.
    pub backoff: Option<f64>,
    /// `max`: longest pause.
    pub max: Option<Spanned<Setting<Duration>>>,
    /// `while`: another attempt only while true.
    pub condition: Option<Spanned<Expression>>,
}

/// Where a road leads: `then`, `otherwise`, a choice, `on_fail`, `else`, `denied`.
#[derive(Debug, Clone)]
pub struct Target {
    /// The steps, in order.
    pub steps: Vec<Spanned<StepId>>,
    /// `done` is among them.
    pub done: bool,
    /// `failed` is among them.
    pub failed: bool,
    /// `because`.
    pub because: Option<Spanned<Template>>,
    /// Its place.
    pub span: Span,
}

/// One case of a decide.
#[derive(Debug, Clone)]
pub struct Case {
    /// `when`.
    pub when: Spanned<Expression>,
    /// `then`, with its `because`.
    pub then: Target,
}

/// `attach`: evidence.
#[derive(Debug, Clone)]
pub enum Attach {
    /// `{ file, tail }`: the last lines, or the whole, of a file.
    File {
        /// The file.
        file: Spanned<Template>,
        /// How many lines from its end, 1 to 10,000; `None`: the whole, up to the bound.
        tail: Option<u32>,
    },
    /// `{ run }`: what a command prints.
    Run(Spanned<CommandLine>),
}

/// `for_each`.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// The name under `each`.
    pub name: Spanned<VariableName>,
    /// The list.
    pub over: ForEachList,
    /// `width`; default 1.
    pub width: Width,
    /// `on_item_fail: continue`; default stop.
    pub go_on: bool,
}

/// The list of a `for_each`.
#[derive(Debug, Clone)]
pub enum ForEachList {
    /// Written in the file.
    Items(Vec<Tree>),
    /// An expression that gives a list.
    Expression(Spanned<Expression>),
}

/// How many items run at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Width {
    /// A number, at least 1.
    Count(u32),
    /// A percentage of the items, rounded down, at least 1.
    Percent(u32),
}

/// `approve`.
#[derive(Debug, Clone)]
pub enum Approve {
    /// `operator`: who runs it confirms.
    Operator,
    /// The object form.
    People(Box<Approval>),
}

/// The object form of `approve`. Without `from`, the operator is asked.
#[derive(Debug, Clone)]
pub struct Approval {
    /// `from`: teams and people.
    pub from: Vec<Spanned<String>>,
    /// `count`; default 1.
    pub count: u32,
    /// `self`: whether who started it counts; default true.
    pub own: bool,
    /// `signed`.
    pub signed: bool,
    /// `show`.
    pub show: Vec<Spanned<StepId>>,
    /// `when`.
    pub when: Option<Spanned<Expression>>,
    /// `within`.
    pub within: Option<Spanned<Setting<Duration>>>,
    /// `else`.
    pub otherwise: Option<Target>,
}

/// `undo`.
#[derive(Debug, Clone)]
pub enum Undo {
    /// An act body.
    Body(Spanned<Box<Body>>),
    /// The id of the act that undoes it.
    Step(Spanned<StepId>),
}

/// What an escalate says.
#[derive(Debug, Clone)]
pub struct Escalation {
    /// `to`: people or teams.
    pub to: Vec<Spanned<String>>,
    /// `message`.
    pub message: Option<Spanned<Template>>,
    /// `ack`.
    pub ack: Option<Spanned<Ack>>,
    /// `handover`.
    pub handover: bool,
}

/// `ack`.
#[derive(Debug, Clone)]
pub struct Ack {
    /// `within`.
    pub within: Option<Spanned<Setting<Duration>>>,
    /// `else`.
    pub otherwise: Option<Target>,
    /// `by: all`; default any.
    pub all: bool,
}
