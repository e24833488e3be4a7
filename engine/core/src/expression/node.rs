//! The tree that is evaluated: cel's, with names resolved and the bytes of every operand.

use std::ops::Range;

use super::functions::Function;
use super::pattern::Pattern;
use crate::value::Value;

/// An operand.
pub(super) struct Node {
    /// Its bytes in the source.
    pub(super) span: Range<usize>,
    pub(super) form: Form,
}

/// What an operand is.
pub(super) enum Form {
    Literal(Value),
    /// The path of the read with this number. The first read of each path stands for all of them.
    Read(usize),
    /// Whether the path of the read with this number exists.
    HasRead(usize),
    /// The variable this many comprehensions further out.
    Variable(usize),
    Member(Box<Node>, String),
    Has(Box<Node>, String),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    Compare(Compare, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Each(Box<Each>),
    Call(Box<Call>),
}

impl Node {
    /// Its own operands.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.form {
            Form::Literal(_) | Form::Read(_) | Form::HasRead(_) | Form::Variable(_) => Vec::new(),
            Form::Member(node, _) | Form::Has(node, _) | Form::Not(node) | Form::Negate(node) => vec![node],
            Form::Index(nodes)
            | Form::And(nodes)
            | Form::Or(nodes)
            | Form::Arithmetic(_, nodes)
            | Form::Compare(_, nodes)
            | Form::In(nodes) => nodes.iter().collect(),
            Form::If(nodes) => nodes.iter().collect(),
            Form::List(nodes) => nodes.iter().collect(),
            Form::Map(members) => members.iter().flat_map(|(key, value)| [key, value]).collect(),
            Form::Each(each) => {
                std::iter::once(&each.range).chain(each.condition.as_ref()).chain(each.result.as_ref()).collect()
            }
            Form::Call(call) => call.arguments.iter().collect(),
        }
    }
}

/// A call of a function; the operand it is called on, if any, is its first argument.
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) arguments: Vec<Node>,
    /// The pattern, when it is written out: compiled once.
    pub(super) pattern: Option<Pattern>,
}

/// A comprehension.
pub(super) struct Each {
    pub(super) kind: EachKind,
    pub(super) range: Node,
    /// The condition of `all`, `exists`, `exists_one` and `filter`, and of a `map` that has one.
    pub(super) condition: Option<Node>,
    /// What `map` makes of an element.
    pub(super) result: Option<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EachKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
