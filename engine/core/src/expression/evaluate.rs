//! Evaluates a tree, reading names as they are needed and paying for every step out of a budget.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operation takes some kinds of values and refuses all others alike"
)]

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::EvaluationError;
use super::functions::{self, Function};
use super::node::{Arithmetic, Call, Compare, Each, EachKind, Form, Node};
use super::pattern::Pattern;
use super::{Read, Scope, operators};
use crate::limits::{EXPRESSION_WORK_MAX, VALUE_BYTES_MAX};
use crate::value::Value;

/// Bytes of text that cost as much as one operand.
const TEXT_BYTES_PER_UNIT: u64 = 32;

/// Work that compiling a pattern is, at most.
const PATTERN_WORK: u64 = 20_000;

/// Evaluates a compiled expression in a scope.
pub(super) fn evaluate(root: &Node, source: &str, reads: &[Read], scope: &dyn Scope) -> Result<Value, EvaluationError> {
    let machine = Machine {
        source,
        scope,
        reads,
        values: reads.iter().map(|_| OnceCell::new()).collect(),
        budget: Cell::new(EXPRESSION_WORK_MAX),
        last_pattern: RefCell::new(None),
    };
    let value = machine.value(root, None)?;
    if weight(&value) > VALUE_BYTES_MAX as u64 {
        let message = format!("the result has more than {VALUE_BYTES_MAX} bytes; what is larger belongs in a file");
        return Err(EvaluationError { message, span: root.span.clone(), missing: false });
    }
    Ok(value.into_owned())
}

/// Bytes a value holds, about.
fn weight(value: &Value) -> u64 {
    match value {
        Value::Text(text) => text.len() as u64,
        Value::List(items) => items.iter().map(|item| weight(item) + 1).sum(),
        Value::Map(members) => members.iter().map(|(name, item)| name.len() as u64 + weight(item) + 1).sum(),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Duration(_)
        | Value::Timestamp(_) => 1,
    }
}

/// The variable of a comprehension, and those around it.
#[derive(Clone, Copy)]
struct Variables<'v> {
    value: &'v Value,
    outer: Option<&'v Variables<'v>>,
}

struct Machine<'m> {
    source: &'m str,
    scope: &'m dyn Scope,
    reads: &'m [Read],
    /// What each read gave, once it was needed.
    values: Vec<OnceCell<Result<Option<Value>, String>>>,
    /// Units of work left.
    budget: Cell<u64>,
    /// The last pattern that was computed.
    last_pattern: RefCell<Option<(String, Rc<Pattern>)>>,
}

type Evaluated<T> = Result<T, EvaluationError>;

impl Machine<'_> {
    /// Evaluates an operand. Every arm with locals of its own is a function of its own, so that a level of nesting
    /// takes little stack.
    fn value<'v>(&'v self, node: &'v Node, variables: Option<&'v Variables<'v>>) -> Evaluated<Cow<'v, Value>> {
        self.pay(1, node)?;
        match &node.form {
            Form::Literal(value) => Ok(Cow::Borrowed(value)),
            Form::Read(slot) => self.read(*slot, node),
            Form::HasRead(slot) => Ok(Cow::Owned(Value::Bool(self.has_read(*slot)))),
            Form::Variable(outwards) => Ok(Cow::Borrowed(self.variable(*outwards, variables, node)?)),
            Form::Member(operand, name) => self.member(operand, name, node, variables),
            Form::Has(operand, name) => self.has(operand, name, node, variables),
            Form::Index(pair) => self.index(pair, node, variables),
            Form::Not(operand) => self.boolean(operand, variables, "!").map(|value| Cow::Owned(Value::Bool(!value))),
            Form::Negate(operand) => self.negate(operand, node, variables),
            Form::And(pair) => self.logic(pair, false, variables),
            Form::Or(pair) => self.logic(pair, true, variables),
            Form::If(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let taken = if self.boolean(condition, variables, "?")? { then } else { otherwise };
                self.value(taken, variables)
            }
            Form::Arithmetic(operator, pair) => self.arithmetic(*operator, pair, node, variables),
            Form::Compare(operator, pair) => self.compare(*operator, pair, node, variables),
            Form::In(pair) => self.contained(pair, node, variables),
            Form::List(elements) => self.list(elements, variables),
            Form::Map(entries) => self.map(entries, variables),
            Form::Each(each) => self.each(each, node, variables),
            Form::Call(call) => self.call(call, node, variables),
        }
    }

    fn pay(&self, units: u64, node: &Node) -> Evaluated<()> {
        if let Some(left) = self.budget.get().checked_sub(units) {
            self.budget.set(left);
            return Ok(());
        }
        self.budget.set(0);
        Err(error(node, format!("`{}` takes more work than an expression may", self.name(node))))
    }

    fn pay_for_text(&self, bytes: u64, node: &Node) -> Evaluated<()> {
        self.pay(bytes / TEXT_BYTES_PER_UNIT, node)
    }

    /// An operand as written, for a message.
    fn name(&self, node: &Node) -> String {
        const SHOWN: usize = 60; // characters
        let text = self.source.get(node.span.clone()).unwrap_or_default();
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }

    fn look_up(&self, slot: usize) -> Option<&Result<Option<Value>, String>> {
        let read = self.reads.get(slot)?;
        Some(self.values.get(slot)?.get_or_init(|| self.scope.read(&read.path)))
    }

    fn read<'v>(&'v self, slot: usize, node: &Node) -> Evaluated<Cow<'v, Value>> {
        match self.look_up(slot) {
            Some(Ok(Some(value))) => Ok(Cow::Borrowed(value)),
            Some(Err(reason)) => Err(error(node, reason.clone())),
            Some(Ok(None)) | None => Err(missing(node, format!("{} does not exist", self.name(node)))),
        }
    }

    /// A value that exists and may not be read does exist.
    fn has_read(&self, slot: usize) -> bool {
        matches!(self.look_up(slot), Some(Ok(Some(_)) | Err(_)))
    }

    fn variable<'v>(&self, outwards: usize, variables: Option<&'v Variables<'v>>, node: &Node) -> Evaluated<&'v Value> {
        std::iter::successors(variables, |variables| variables.outer)
            .nth(outwards)
            .map(|variables| variables.value)
            .ok_or_else(|| missing(node, format!("{} does not exist", self.name(node))))
    }

    fn member<'v>(
        &'v self,
        operand: &'v Node,
        name: &str,
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let value = self.value(operand, variables)?;
        if !matches!(*value, Value::Map(_)) {
            let kind = value.kind();
            return Err(error(node, format!("`{}` is {kind} and has no members", self.name(operand))));
        }
        let key = Value::Text(name.to_owned());
        pick(value, |value| element(value, &key))
            .ok_or_else(|| missing(node, format!("{} does not exist", self.name(node))))
    }

    fn has<'v>(
        &'v self,
        operand: &'v Node,
        name: &str,
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let exists = match self.value(operand, variables) {
            Ok(value) => match &*value {
                Value::Map(members) => members.contains_key(name),
                other => {
                    let message = format!("`{}` is {} and has no members", self.name(operand), other.kind());
                    return Err(error(node, message));
                }
            },
            Err(failed) if failed.missing => false,
            Err(failed) => return Err(failed),
        };
        Ok(Cow::Owned(Value::Bool(exists)))
    }

    fn index<'v>(
        &'v self,
        pair: &'v [Node; 2],
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let [operand, index] = pair;
        let value = self.value(operand, variables)?;
        let key = self.value(index, variables)?;
        let length = match (&*value, &*key) {
            (Value::List(items), Value::Integer(_)) => items.len(),
            (Value::Map(members), Value::Text(_)) => members.len(),
            (value, key) => {
                let (name, by) = (self.name(operand), self.name(index));
                let message = format!("`{name}` is {} and has no element {by}, which is {}", value.kind(), key.kind());
                return Err(error(node, message));
            }
        };
        pick(value, |value| element(value, &key)).ok_or_else(|| {
            let name = self.name(operand);
            let message = match &*key {
                Value::Integer(at) => format!("`{name}` has no element {at}: it has {length}, counted from 0"),
                other => format!("`{name}` has no member {other}"),
            };
            missing(node, message)
        })
    }

    fn boolean<'v>(
        &'v self,
        operand: &'v Node,
        variables: Option<&'v Variables<'v>>,
        wanted_by: &str,
    ) -> Evaluated<bool> {
        match &*self.value(operand, variables)? {
            Value::Bool(value) => Ok(*value),
            other => {
                let message =
                    format!("`{wanted_by}` takes true or false, and `{}` is {}", self.name(operand), other.kind());
                Err(error(operand, message))
            }
        }
    }

    fn negate<'v>(
        &'v self,
        operand: &'v Node,
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let value = self.value(operand, variables)?;
        match &*value {
            Value::Integer(value) => value
                .checked_neg()
                .map(|value| Cow::Owned(Value::Integer(value)))
                .ok_or_else(|| error(node, format!("`{}` is too large to be a number", self.name(node)))),
            Value::Number(value) => Ok(Cow::Owned(Value::Number(-value))),
            other => Err(error(node, format!("`{}` is {} and cannot be negated", self.name(operand), other.kind()))),
        }
    }

    /// `&&` and `||`: as CEL has it, a side that decides alone does so even when the other cannot be evaluated.
    fn logic<'v>(
        &'v self,
        pair: &'v [Node; 2],
        decides: bool,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let [left, right] = pair;
        let sign = if decides { "||" } else { "&&" };
        let left = self.boolean(left, variables, sign);
        if left == Ok(decides) {
            return Ok(Cow::Owned(Value::Bool(decides)));
        }
        let right = self.boolean(right, variables, sign);
        if right == Ok(decides) {
            return Ok(Cow::Owned(Value::Bool(decides)));
        }
        left?;
        right.map(|value| Cow::Owned(Value::Bool(value)))
    }

    fn arithmetic<'v>(
        &'v self,
        operator: Arithmetic,
        pair: &'v [Node; 2],
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let [left_node, right_node] = pair;
        let left = self.value(left_node, variables)?;
        let right = self.value(right_node, variables)?;
        if matches!(*left, Value::Text(_) | Value::List(_)) {
            self.pay_for_text(weight(&left) + weight(&right), node)?;
        }
        operators::arithmetic(operator, &left, &right, &|side| {
            self.name(if side == 0 { left_node } else { right_node })
        })
        .map(Cow::Owned)
        .map_err(|message| error(node, message))
    }

    fn compare<'v>(
        &'v self,
        operator: Compare,
        pair: &'v [Node; 2],
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let [left_node, right_node] = pair;
        let left = self.value(left_node, variables)?;
        let right = self.value(right_node, variables)?;
        self.pay_for_comparing(&left, &right, node)?;
        operators::compare(operator, &left, &right, &|side| self.name(if side == 0 { left_node } else { right_node }))
            .map(|holds| Cow::Owned(Value::Bool(holds)))
            .map_err(|message| error(node, message))
    }

    fn pay_for_comparing(&self, left: &Value, right: &Value, node: &Node) -> Evaluated<()> {
        if matches!(left, Value::Text(_) | Value::List(_) | Value::Map(_)) {
            self.pay_for_text(weight(left).min(weight(right)), node)?;
        }
        Ok(())
    }

    fn contained<'v>(
        &'v self,
        pair: &'v [Node; 2],
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let [needle_node, hay_node] = pair;
        let needle = self.value(needle_node, variables)?;
        let hay = self.value(hay_node, variables)?;
        let found = match (&*needle, &*hay) {
            (_, Value::List(items)) => {
                self.pay(items.len() as u64, node)?;
                let mut first_error = None;
                let mut found = false;
                for item in items {
                    self.pay_for_comparing(&needle, item, node)?;
                    match operators::equal(&needle, item, &|side| match side {
                        0 => self.name(needle_node),
                        _ => operators::describe(item),
                    }) {
                        Ok(true) => {
                            found = true;
                            break;
                        }
                        Ok(false) => {}
                        Err(message) => first_error = first_error.or(Some(message)),
                    }
                }
                match first_error {
                    Some(message) if !found => return Err(error(node, message)),
                    _ => found,
                }
            }
            (Value::Text(name), Value::Map(members)) => members.contains_key(name),
            (Value::Text(_), Value::Text(_)) => {
                let (part, whole) = (self.name(needle_node), self.name(hay_node));
                let message = format!("`{whole}` is text, and `in` looks in lists; write {whole}.contains({part})");
                return Err(error(node, message));
            }
            (needle, hay) => {
                let (part, whole) = (self.name(needle_node), self.name(hay_node));
                let message =
                    format!("`{whole}` is {} and cannot contain `{part}`, which is {}", hay.kind(), needle.kind());
                return Err(error(node, message));
            }
        };
        Ok(Cow::Owned(Value::Bool(found)))
    }

    /// The value itself, paid for when that means copying it.
    fn owned(&self, value: Cow<'_, Value>, node: &Node) -> Evaluated<Value> {
        if let Cow::Borrowed(value) = &value {
            self.pay_for_text(weight(value), node)?;
        }
        Ok(value.into_owned())
    }

    fn list<'v>(&'v self, elements: &'v [Node], variables: Option<&'v Variables<'v>>) -> Evaluated<Cow<'v, Value>> {
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            items.push(self.owned(self.value(element, variables)?, element)?);
        }
        Ok(Cow::Owned(Value::List(items)))
    }

    fn map<'v>(
        &'v self,
        entries: &'v [(Node, Node)],
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let mut members = BTreeMap::new();
        for (key_node, value_node) in entries {
            let key = self.value(key_node, variables)?;
            let Value::Text(name) = &*key else {
                let message = format!("a member's name is text, and `{}` is {}", self.name(key_node), key.kind());
                return Err(error(key_node, message));
            };
            let value = self.owned(self.value(value_node, variables)?, value_node)?;
            if members.insert(name.clone(), value).is_some() {
                return Err(error(key_node, format!("the member {name} is there twice")));
            }
        }
        Ok(Cow::Owned(Value::Map(members)))
    }

    fn each<'v>(
        &'v self,
        each: &'v Each,
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let range = self.value(&each.range, variables)?;
        let names: Vec<Value>;
        let items: &[Value] = match &*range {
            Value::List(items) => items,
            Value::Map(members) => {
                names = members.keys().map(|name| Value::Text(name.clone())).collect();
                &names
            }
            other => {
                let message = format!("`{}` is {} and has no elements", self.name(&each.range), other.kind());
                return Err(error(node, message));
            }
        };
        match each.kind {
            EachKind::All => self.decided(each, items, false, variables),
            EachKind::Exists => self.decided(each, items, true, variables),
            EachKind::ExistsOne => {
                let mut count = 0usize;
                for value in items {
                    count += usize::from(self.chosen(each, &Variables { value, outer: variables })?);
                }
                Ok(Cow::Owned(Value::Bool(count == 1)))
            }
            EachKind::Filter | EachKind::Map => {
                let mut kept = Vec::new();
                for value in items {
                    let inner = Variables { value, outer: variables };
                    if !self.chosen(each, &inner)? {
                        continue;
                    }
                    let result = match &each.result {
                        Some(result) => self.value(result, Some(&inner))?,
                        None => Cow::Borrowed(value),
                    };
                    kept.push(self.owned(result, node)?);
                }
                Ok(Cow::Owned(Value::List(kept)))
            }
        }
    }

    /// Whether the condition of a comprehension holds for an element.
    fn chosen(&self, each: &Each, variables: &Variables<'_>) -> Evaluated<bool> {
        match &each.condition {
            Some(condition) => self.boolean(condition, Some(variables), "the condition"),
            None => Ok(true),
        }
    }

    /// `all` and `exists`: as with `&&` and `||`, an element that decides does so even when another cannot be judged.
    fn decided<'v>(
        &self,
        each: &Each,
        items: &[Value],
        decides: bool,
        variables: Option<&Variables<'_>>,
    ) -> Evaluated<Cow<'v, Value>> {
        let mut first_error = None;
        for value in items {
            self.pay(1, &each.range)?;
            match self.chosen(each, &Variables { value, outer: variables }) {
                Ok(chosen) if chosen == decides => return Ok(Cow::Owned(Value::Bool(decides))),
                Ok(_) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(Cow::Owned(Value::Bool(!decides))),
        }
    }

    fn call<'v>(
        &'v self,
        call: &'v Call,
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        if call.function == Function::First {
            return self.first(call, node, variables);
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        let mut bytes = 0;
        for argument in &call.arguments {
            let value = self.value(argument, variables)?;
            if call.function.looks_at_all() {
                bytes += weight(&value);
            }
            arguments.push(value);
        }
        self.pay_for_text(bytes, node)?;
        let value = match call.function {
            Function::InHours => self.in_hours(&arguments, call, node)?,
            Function::Matches | Function::Capture => self.matching(&arguments, call, node)?,
            function => {
                functions::call(function, &arguments, &self.argument_names(call)).map_err(|why| error(node, why))?
            }
        };
        if let Value::List(items) = &value {
            self.pay(items.len() as u64, node)?;
        }
        Ok(Cow::Owned(value))
    }

    fn argument_names(&self, call: &Call) -> impl Fn(usize) -> String {
        |at| call.arguments.get(at).map(|argument| self.name(argument)).unwrap_or_default()
    }

    /// `matches` and `capture`.
    fn matching(&self, arguments: &[Cow<'_, Value>], call: &Call, node: &Node) -> Evaluated<Value> {
        let name = self.argument_names(call);
        let texts: Result<Vec<&str>, String> =
            arguments.iter().enumerate().map(|(at, value)| functions::text(value, at, &name)).collect();
        let texts = texts.map_err(|why| error(node, why))?;
        let [text, written] = texts.as_slice() else { return Err(error(node, "two texts are wanted".to_owned())) };
        let computed;
        let pattern = if let Some(pattern) = &call.pattern {
            pattern
        } else {
            computed = self.computed_pattern(written, node)?;
            &computed
        };
        self.pay_for_text((text.len() as u64).saturating_mul(pattern.cost()), node)?;
        if call.function == Function::Matches {
            return Ok(Value::Bool(pattern.is_match(text)));
        }
        pattern.capture(text, &name(0)).map(Value::Text).map_err(|why| error(node, why))
    }

    /// A pattern that is not written out: compiled once as long as it stays the same.
    fn computed_pattern(&self, written: &str, node: &Node) -> Evaluated<Rc<Pattern>> {
        let mut last = self.last_pattern.borrow_mut();
        match last.as_ref() {
            Some((text, pattern)) if text == written => Ok(Rc::clone(pattern)),
            _ => {
                self.pay(PATTERN_WORK, node)?;
                let pattern = Rc::new(Pattern::compile(written).map_err(|why| error(node, why))?);
                *last = Some((written.to_owned(), Rc::clone(&pattern)));
                Ok(pattern)
            }
        }
    }

    /// The first argument that exists; one that errs for another reason than being missing ends the search.
    fn first<'v>(
        &'v self,
        call: &'v Call,
        node: &Node,
        variables: Option<&'v Variables<'v>>,
    ) -> Evaluated<Cow<'v, Value>> {
        for argument in &call.arguments {
            match self.value(argument, variables) {
                Ok(value) if *value == Value::Null => {}
                Ok(value) => return Ok(value),
                Err(failed) if failed.missing => {}
                Err(failed) => return Err(failed),
            }
        }
        let names: Vec<_> = call.arguments.iter().map(|argument| self.name(argument)).collect();
        Err(missing(node, format!("none of {} exists", names.join(", "))))
    }

    fn in_hours(&self, arguments: &[Cow<'_, Value>], call: &Call, node: &Node) -> Evaluated<Value> {
        match arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>().as_slice() {
            [Value::Timestamp(at), Value::Text(name)] => {
                self.scope.in_hours(*at, name).map(Value::Bool).map_err(|reason| error(node, reason))
            }
            values => {
                let kinds: Vec<_> = values.iter().map(|value| value.kind()).collect();
                let names: Vec<_> = call.arguments.iter().map(|argument| self.name(argument)).collect();
                let message = format!(
                    "in_hours takes a timestamp and the name of the hours, and ({}) is {}",
                    names.join(", "),
                    kinds.join(" and ")
                );
                Err(error(node, message))
            }
        }
    }
}

fn error(node: &Node, message: String) -> EvaluationError {
    EvaluationError { message, span: node.span.clone(), missing: false }
}

fn missing(node: &Node, message: String) -> EvaluationError {
    EvaluationError { missing: true, ..error(node, message) }
}

/// A part of a value, borrowed where the value is.
fn pick<'v>(value: Cow<'v, Value>, part: impl for<'p> Fn(&'p Value) -> Option<&'p Value>) -> Option<Cow<'v, Value>> {
    match value {
        Cow::Borrowed(value) => part(value).map(Cow::Borrowed),
        Cow::Owned(value) => part(&value).cloned().map(Cow::Owned),
    }
}

/// The element of a list or the member of a mapping with this key.
fn element<'v>(value: &'v Value, key: &Value) -> Option<&'v Value> {
    match (value, key) {
        (Value::List(items), Value::Integer(at)) => items.get(usize::try_from(*at).ok()?),
        (Value::Map(members), Value::Text(name)) => members.get(name),
        _ => None,
    }
}
