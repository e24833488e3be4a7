//! From cel's tree to ours: names become reads, macros become comprehensions, every operand gets its bytes.
//!
//! cel's tree keeps no positions, but it comes in the order of the text, so one cursor over the tokens finds them again.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, ListExpr, LiteralValue, MapExpr, SelectExpr, operators,
};
use cel::parser::pratt_parser::{Token, TokenKind};

use super::Read;
use super::error::{ExpressionError, ExpressionErrorKind};
use super::functions::{self, Function};
use super::node::{Arithmetic, Call, Compare, Each, EachKind, Form, Node};
use super::pattern::Pattern;
use super::scan::{is_closing, is_opening};
use crate::limits::{COMPREHENSION_DEPTH_MAX, PATH_SEGMENTS_MAX};
use crate::value::Value;

/// Turns cel's tree into ours, and lists what it reads.
pub(super) fn lower(text: &str, tokens: &[Token], tree: &IdedExpr) -> Result<(Node, Vec<Read>), ExpressionError> {
    let mut lowering = Lowering {
        text,
        tokens,
        partners: partners(tokens),
        at: 0,
        reads: Vec::new(),
        variables: Vec::new(),
        guards: 0,
        known: Vec::new(),
    };
    let root = lowering.node(tree)?;
    Ok((root, lowering.reads))
}

/// For every bracket the token that is its other half; for every other token itself.
fn partners(tokens: &[Token]) -> Vec<usize> {
    let mut partners: Vec<usize> = (0..tokens.len()).collect();
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if is_opening(token.kind) {
            open.push(index);
        } else if is_closing(token.kind)
            && let Some(start) = open.pop()
        {
            if let Some(partner) = partners.get_mut(start) {
                *partner = index;
            }
            if let Some(partner) = partners.get_mut(index) {
                *partner = start;
            }
        }
    }
    partners
}

fn is_name(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::TokIdent | TokenKind::TokReservedWord)
}

fn is_literal(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::TokNull
            | TokenKind::TokFalse
            | TokenKind::TokTrue
            | TokenKind::TokInt
            | TokenKind::TokUint
            | TokenKind::TokFloat
            | TokenKind::TokString
            | TokenKind::TokBytes
    )
}

struct Lowering<'t> {
    text: &'t str,
    tokens: &'t [Token],
    partners: Vec<usize>,
    /// The next token not yet accounted for.
    at: usize,
    reads: Vec<Read>,
    /// Variables of the comprehensions around the operand, outermost first.
    variables: Vec<String>,
    /// How many `has` and `first` are around the operand.
    guards: usize,
    /// Paths a condition around the operand has found to exist.
    known: Vec<Vec<String>>,
}

type Lowered<T = Node> = Result<T, ExpressionError>;

impl Lowering<'_> {
    fn node(&mut self, tree: &IdedExpr) -> Lowered {
        if let Some(path) = self.path_of(&tree.expr) {
            let span = self.consume_path(&tree.expr)?;
            let slot = self.read(path, &span)?;
            return Ok(Node { span, form: Form::Read(slot) });
        }
        match &tree.expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) if select.test => self.has(&select.operand, &select.field),
            Expr::Select(select) => self.member(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(each) => self.each(each),
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Struct(_) | Expr::Unspecified => Err(self.unsupported()),
        }
    }

    fn member(&mut self, select: &SelectExpr) -> Lowered {
        let operand = self.node(&select.operand)?;
        let field = self.next(is_name)?;
        let span = self.spanning(operand.span.start, field);
        Ok(Node { span, form: Form::Member(Box::new(operand), select.field.clone()) })
    }

    fn list(&mut self, list: &ListExpr) -> Lowered {
        let open = self.next(|kind| kind == TokenKind::TokLeftBracket)?;
        let elements = self.nodes(&list.elements)?;
        let close = self.close(open);
        let start = self.start(open);
        Ok(Node { span: self.spanning(start, close), form: Form::List(elements) })
    }

    fn nodes(&mut self, trees: &[IdedExpr]) -> Lowered<Vec<Node>> {
        let mut nodes = Vec::with_capacity(trees.len());
        for tree in trees {
            nodes.push(self.node(tree)?);
        }
        Ok(nodes)
    }

    /// The path of members an operand spells, when it starts at a name that is no variable of a comprehension.
    fn path_of(&self, expression: &Expr) -> Option<Vec<String>> {
        let mut backwards = Vec::new();
        let mut rest = expression;
        loop {
            match rest {
                Expr::Ident(name) => {
                    if name.starts_with(['.', '@']) || self.variables.contains(name) {
                        return None;
                    }
                    backwards.push(name.clone());
                    backwards.reverse();
                    return Some(backwards);
                }
                Expr::Select(select) if !select.test => {
                    backwards.push(select.field.clone());
                    rest = &select.operand.expr;
                }
                Expr::Call(call) if call.func_name == operators::INDEX => {
                    let [operand, index] = call.args.as_slice() else { return None };
                    let Expr::Literal(LiteralValue::String(name)) = &index.expr else { return None };
                    backwards.push(name.inner().to_owned());
                    rest = &operand.expr;
                }
                Expr::Select(_)
                | Expr::Call(_)
                | Expr::Comprehension(_)
                | Expr::List(_)
                | Expr::Literal(_)
                | Expr::Map(_)
                | Expr::Struct(_)
                | Expr::Unspecified => return None,
            }
        }
    }

    /// Accounts for the tokens of a path, and gives its bytes.
    fn consume_path(&mut self, expression: &Expr) -> Lowered<Range<usize>> {
        let mut links = Vec::new();
        let mut rest = expression;
        loop {
            match rest {
                Expr::Select(select) => {
                    links.push(TokenKind::TokDot);
                    rest = &select.operand.expr;
                }
                Expr::Call(call) => {
                    links.push(TokenKind::TokLeftBracket);
                    match call.args.first() {
                        Some(operand) => rest = &operand.expr,
                        None => break,
                    }
                }
                Expr::Ident(_)
                | Expr::Comprehension(_)
                | Expr::List(_)
                | Expr::Literal(_)
                | Expr::Map(_)
                | Expr::Struct(_)
                | Expr::Unspecified => break,
            }
        }
        let first = self.next(is_name)?;
        let mut last = first;
        for link in links.into_iter().rev() {
            let token = self.next(|kind| kind == link)?;
            last = if link == TokenKind::TokDot { self.next(is_name)? } else { self.close(token) };
        }
        let start = self.start(first);
        Ok(self.spanning(start, last))
    }

    /// Notes a read, and gives the number of the first read of that path.
    fn read(&mut self, path: Vec<String>, span: &Range<usize>) -> Lowered<usize> {
        if path.len() > PATH_SEGMENTS_MAX {
            return Err(ExpressionError {
                kind: ExpressionErrorKind::TooDeep,
                message: format!("a path has at most {PATH_SEGMENTS_MAX} members"),
                hint: None,
                span: span.clone(),
            });
        }
        let slot = self.reads.iter().position(|read| read.path == path).unwrap_or(self.reads.len());
        let guarded = self.guards > 0 || self.known.iter().any(|known| path.starts_with(known));
        self.reads.push(Read { path, span: span.clone(), guarded });
        Ok(slot)
    }

    fn literal(&mut self, literal: &LiteralValue) -> Lowered {
        let token = self.next(is_literal)?;
        let mut start = self.start(token);
        let here = self.spanning(start, token);
        let value = match literal {
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Int(value) => Value::Integer(*value.inner()),
            LiteralValue::Double(value) => Value::Number(*value.inner()),
            LiteralValue::String(value) => Value::Text(value.inner().to_owned()),
            LiteralValue::Null => Value::Null,
            LiteralValue::UInt(_) => {
                return Err(ExpressionError::syntax("there are no unsigned integers", here)
                    .with_hint("write the number without its u"));
            }
            LiteralValue::Bytes(_) => {
                return Err(ExpressionError::syntax("there are no bytes", here).with_hint("write text: \"…\""));
            }
        };
        let negative = match &value {
            Value::Integer(value) => *value < 0,
            Value::Number(value) => value.is_sign_negative(),
            Value::Null
            | Value::Bool(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Duration(_)
            | Value::Timestamp(_) => false,
        };
        if negative && token > 0 {
            start = self.start(token - 1);
        }
        Ok(Node { span: self.spanning(start, token), form: Form::Literal(value) })
    }

    fn variable(&mut self, name: &str) -> Lowered {
        let token = self.next(is_name)?;
        let span = self.spanning(self.start(token), token);
        match self.variables.iter().rev().position(|variable| variable == name) {
            Some(outwards) => Ok(Node { span, form: Form::Variable(outwards) }),
            None => Err(ExpressionError::syntax(format!("`{name}` is no name"), span)),
        }
    }

    fn has(&mut self, operand: &IdedExpr, field: &str) -> Lowered {
        let name = self.next(is_name)?;
        let open = self.next(|kind| kind == TokenKind::TokLeftParen)?;
        self.guards += 1;
        let form = match self.path_of(&operand.expr) {
            Some(mut path) => {
                let start = self.consume_path(&operand.expr)?.start;
                let last = self.next(is_name)?;
                path.push(field.to_owned());
                let span = self.spanning(start, last);
                Form::HasRead(self.read(path, &span)?)
            }
            None => Form::Has(Box::new(self.node(operand)?), field.to_owned()),
        };
        self.guards -= 1;
        let close = self.close(open);
        Ok(Node { span: self.spanning(self.start(name), close), form })
    }

    fn map(&mut self, map: &MapExpr) -> Lowered {
        let open = self.next(|kind| kind == TokenKind::TokLeftBrace)?;
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { return Err(self.unsupported()) };
            entries.push((self.node(&entry.key)?, self.node(&entry.value)?));
        }
        let close = self.close(open);
        Ok(Node { span: self.spanning(self.start(open), close), form: Form::Map(entries) })
    }

    fn each(&mut self, each: &ComprehensionExpr) -> Lowered {
        let range = self.node(&each.iter_range)?;
        let name = self.next(is_name)?;
        let open = self.next(|kind| kind == TokenKind::TokLeftParen)?;
        self.next(is_name)?;
        if self.variables.len() >= COMPREHENSION_DEPTH_MAX {
            return Err(ExpressionError {
                kind: ExpressionErrorKind::TooDeep,
                message: format!("map, filter, exists and all nest at most {COMPREHENSION_DEPTH_MAX} deep"),
                hint: Some("compute the inner list as an output of an earlier step".to_owned()),
                span: self.spanning(self.start(name), name),
            });
        }
        let Expr::Call(step) = &each.loop_step.expr else { return Err(self.unsupported()) };
        let filtered = step.func_name == operators::CONDITIONAL;
        let mut parts = step.args.iter();
        let (kind, condition, result) = match (self.token_text(name), parts.next(), parts.next()) {
            ("all", _, Some(body)) => (EachKind::All, Some(body), None),
            ("exists", _, Some(body)) => (EachKind::Exists, Some(body), None),
            ("exists_one" | "existsOne", Some(body), _) => (EachKind::ExistsOne, Some(body), None),
            ("filter", Some(body), _) => (EachKind::Filter, Some(body), None),
            ("map", Some(condition), Some(IdedExpr { expr: Expr::Call(add), .. })) if filtered => {
                let element = add.args.get(1).and_then(only_element);
                (EachKind::Map, Some(condition), element)
            }
            ("map", _, Some(list)) => (EachKind::Map, None, only_element(list)),
            _ => return Err(self.unsupported()),
        };
        self.variables.push(each.iter_var.clone());
        let condition = condition.map(|tree| self.node(tree)).transpose()?;
        let result = result.map(|tree| self.node(tree)).transpose()?;
        self.variables.pop();
        let close = self.close(open);
        let span = self.spanning(range.span.start, close);
        Ok(Node { span, form: Form::Each(Box::new(Each { kind, range, condition, result })) })
    }

    fn call(&mut self, call: &CallExpr) -> Lowered {
        let CallExpr { func_name, target, args } = call;
        let name = func_name.as_str();
        if let Some(operator) = arithmetic(name) {
            return self.pair(args, |pair| Form::Arithmetic(operator, pair));
        }
        if let Some(operator) = comparison(name) {
            return self.pair(args, |pair| Form::Compare(operator, pair));
        }
        match name {
            operators::IN => self.pair(args, Form::In),
            operators::INDEX => self.index(args),
            operators::LOGICAL_AND | operators::LOGICAL_OR => self.logic(args, name == operators::LOGICAL_AND),
            operators::CONDITIONAL => self.conditional(args),
            operators::LOGICAL_NOT | operators::NEGATE => self.sign(args, name == operators::LOGICAL_NOT),
            _ => self.function(name, target.as_deref(), args),
        }
    }

    fn index(&mut self, args: &[IdedExpr]) -> Lowered {
        let [operand, index] = args else { return Err(self.unsupported()) };
        let operand = self.node(operand)?;
        let open = self.next(|kind| kind == TokenKind::TokLeftBracket)?;
        let index = self.node(index)?;
        let close = self.close(open);
        let span = self.spanning(operand.span.start, close);
        Ok(Node { span, form: Form::Index(Box::new([operand, index])) })
    }

    fn sign(&mut self, args: &[IdedExpr], not: bool) -> Lowered {
        let wanted = if not { TokenKind::TokExclamation } else { TokenKind::TokMinus };
        let [operand] = args else { return Err(self.unsupported()) };
        let sign = self.next(|kind| kind == wanted)?;
        let operand = self.node(operand)?;
        let span = self.balanced(self.start(sign)..operand.span.end);
        let operand = Box::new(operand);
        Ok(Node { span, form: if not { Form::Not(operand) } else { Form::Negate(operand) } })
    }

    fn pair(&mut self, args: &[IdedExpr], form: impl FnOnce(Box<[Node; 2]>) -> Form) -> Lowered {
        let [left, right] = args else { return Err(self.unsupported()) };
        let left = self.node(left)?;
        let right = self.node(right)?;
        let span = self.balanced(left.span.start..right.span.end);
        Ok(Node { span, form: form(Box::new([left, right])) })
    }

    /// `&&` or `||`: what the left side found to exist is known on the right.
    fn logic(&mut self, args: &[IdedExpr], and: bool) -> Lowered {
        let [left, right] = args else { return Err(self.unsupported()) };
        let left = self.node(left)?;
        let right = self.knowing(&left, and, right)?;
        let span = self.balanced(left.span.start..right.span.end);
        let pair = Box::new([left, right]);
        Ok(Node { span, form: if and { Form::And(pair) } else { Form::Or(pair) } })
    }

    fn conditional(&mut self, args: &[IdedExpr]) -> Lowered {
        let [condition, then, otherwise] = args else { return Err(self.unsupported()) };
        let condition = self.node(condition)?;
        let then = self.knowing(&condition, true, then)?;
        let otherwise = self.knowing(&condition, false, otherwise)?;
        let span = self.balanced(condition.span.start..otherwise.span.end);
        Ok(Node { span, form: Form::If(Box::new([condition, then, otherwise])) })
    }

    /// Lowers an operand that is evaluated only when the condition came out this way.
    fn knowing(&mut self, condition: &Node, outcome: bool, tree: &IdedExpr) -> Lowered {
        let before = self.known.len();
        let mut found = Vec::new();
        existing(condition, outcome, &self.reads, &mut found);
        self.known.extend(found.into_iter().map(<[String]>::to_vec));
        let node = self.node(tree);
        self.known.truncate(before);
        node
    }

    fn function(&mut self, name: &str, target: Option<&IdedExpr>, args: &[IdedExpr]) -> Lowered {
        let method = target.is_some();
        let row = functions::find(name);
        let is_first = row.is_some_and(|row| row.function == Function::First);
        self.guards += usize::from(is_first);
        let target = target.map(|tree| self.node(tree)).transpose()?;
        let token = self.next(is_name)?;
        let open = self.next(|kind| kind == TokenKind::TokLeftParen)?;
        let mut arguments = Vec::with_capacity(args.len() + 1);
        let start = target.as_ref().map_or(self.start(token), |node| node.span.start);
        arguments.extend(target);
        arguments.extend(self.nodes(args)?);
        self.guards -= usize::from(is_first);
        let close = self.close(open);
        let span = self.spanning(start, close);
        let name_span = self.spanning(self.start(token), token);
        let Some(row) = row else {
            return Err(functions::unknown(name, name_span));
        };
        functions::check_use(row, method, arguments.len(), &span)?;
        let pattern = match arguments.get(1) {
            Some(Node { form: Form::Literal(Value::Text(text)), span }) if row.function.takes_pattern() => {
                Some(self.pattern(row.function, text, span)?)
            }
            _ => None,
        };
        Ok(Node { span, form: Form::Call(Box::new(Call { function: row.function, arguments, pattern })) })
    }

    fn pattern(&self, function: Function, text: &str, span: &Range<usize>) -> Lowered<Pattern> {
        let pattern = Pattern::compile(text).map_err(|reason| ExpressionError::syntax(reason, span.clone()))?;
        if function == Function::Capture && !pattern.has_group() {
            let message = format!("the pattern {} has no group to capture", self.text_at(span));
            return Err(ExpressionError::syntax(message, span.clone()).with_hint("put ( ) around the part you want"));
        }
        Ok(pattern)
    }

    /// The next token of a kind, which is then accounted for with all before it.
    fn next(&mut self, wanted: impl Fn(TokenKind) -> bool) -> Lowered<usize> {
        let found = self.tokens.iter().skip(self.at).position(|token| wanted(token.kind));
        match found {
            Some(ahead) => {
                let index = self.at + ahead;
                self.at = index + 1;
                Ok(index)
            }
            None => Err(self.unsupported()),
        }
    }

    /// The other half of a bracket, which is then accounted for with all before it.
    fn close(&mut self, open: usize) -> usize {
        let close = self.partners.get(open).copied().unwrap_or(open);
        self.at = self.at.max(close + 1);
        close
    }

    fn start(&self, token: usize) -> usize {
        self.tokens.get(token).map_or(0, |token| token.start)
    }

    /// The bytes from `start` to the end of a token.
    fn spanning(&self, start: usize, token: usize) -> Range<usize> {
        let end = self.tokens.get(token).map_or(self.text.len(), |token| token.end);
        self.balanced(start..end.max(start))
    }

    /// Widens bytes until every bracket in them has its other half: `(a + b) * c` starts at its bracket.
    fn balanced(&self, mut span: Range<usize>) -> Range<usize> {
        loop {
            let before = span.clone();
            let first = self.tokens.partition_point(|token| token.start < before.start);
            for (index, token) in self.tokens.iter().enumerate().skip(first) {
                if token.start >= before.end {
                    break;
                }
                let partner = self.partners.get(index).and_then(|partner| self.tokens.get(*partner)).unwrap_or(token);
                span.start = span.start.min(partner.start);
                span.end = span.end.max(partner.end);
            }
            if span == before {
                return span;
            }
        }
    }

    fn text_at(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    fn token_text(&self, token: usize) -> &str {
        self.tokens.get(token).map_or("", |token| self.text_at(&(token.start..token.end)))
    }

    /// A form of cel that the language leaves out, such as a message written out.
    fn unsupported(&self) -> ExpressionError {
        ExpressionError::syntax("this form of expression is not part of the language", 0..self.text.len())
    }
}

fn only_element(tree: &IdedExpr) -> Option<&IdedExpr> {
    match &tree.expr {
        Expr::List(list) => list.elements.first(),
        Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_)
        | Expr::Unspecified => None,
    }
}

/// The paths a condition has found to exist when it came out this way. What a step left behind exists where it has
/// ended in any way but skipped.
pub(super) fn existing<'r>(condition: &Node, outcome: bool, reads: &'r [Read], found: &mut Vec<&'r [String]>) {
    match (&condition.form, outcome) {
        (Form::HasRead(slot), true) => found.extend(reads.get(*slot).map(|read| read.path.as_slice())),
        (Form::Read(slot), _) => {
            let Some([root, _, member]) = reads.get(*slot).map(|read| read.path.as_slice()) else { return };
            let ended = if outcome { ["passed", "failed", "unknown"].as_slice() } else { &["skipped"] };
            if root == "steps" && ended.contains(&member.as_str()) {
                found.extend(reads.get(*slot).and_then(|read| read.path.get(..2)));
            }
        }
        (Form::Not(operand), _) => existing(operand, !outcome, reads, found),
        (Form::And(pair), true) | (Form::Or(pair), false) => {
            for operand in pair.iter() {
                existing(operand, outcome, reads, found);
            }
        }
        _ => {}
    }
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    match name {
        operators::ADD => Some(Arithmetic::Add),
        operators::SUBSTRACT => Some(Arithmetic::Subtract),
        operators::MULTIPLY => Some(Arithmetic::Multiply),
        operators::DIVIDE => Some(Arithmetic::Divide),
        operators::MODULO => Some(Arithmetic::Remainder),
        _ => None,
    }
}

fn comparison(name: &str) -> Option<Compare> {
    match name {
        operators::EQUALS => Some(Compare::Equal),
        operators::NOT_EQUALS => Some(Compare::NotEqual),
        operators::LESS => Some(Compare::Less),
        operators::LESS_EQUALS => Some(Compare::LessOrEqual),
        operators::GREATER => Some(Compare::Greater),
        operators::GREATER_EQUALS => Some(Compare::GreaterOrEqual),
        _ => None,
    }
}
