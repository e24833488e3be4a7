//! One linear pass over the events of a YAML file, before any other reader sees it.
//!
//! It bounds every size, refuses what a runbook does not use (anchors, aliases, tags, merge keys, several documents),
//! finds duplicate keys, and builds the tree that says where everything stands. It reads on after most problems, so
//! that a file shows all of them at once.

use std::cell::Cell;
use std::rc::Rc;

use saphyr_parser::{BufferedInput, Event, Parser, ScalarStyle};

use super::scalar;
use super::text::{missing_newline, without_mark};
use super::tree::{Entry, Kind, Node, NodeId, Style, Tree};
use super::{syntax, traps};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{SCALAR_BYTES_MAX, YAML_DEPTH_MAX, YAML_LOOKAHEAD_BYTES_MAX, YAML_NODES_MAX};
use crate::source::{CharacterIndex, SourceFile, Span};

/// Reads a file's events. `None` when there is no whole document; what is wrong is then in `sink`.
///
/// The nodes of the tree are in an order in which every node comes after those inside it.
pub(super) fn scan(source: &SourceFile, sink: &mut Diagnostics) -> Option<Tree> {
    let (mark, text) = without_mark(source.text());
    let mut scan = Scan {
        source,
        mark: mark.len(),
        characters: CharacterIndex::new(text),
        sink,
        nodes: Vec::new(),
        open: Vec::new(),
        count: 0,
        documents: 0,
        root: None,
        trapped_line: None,
    };
    let whole = scan.run();
    scan.close();
    whole?;
    let Scan { mut nodes, root, .. } = scan;
    let root = root.unwrap_or_else(|| {
        // An empty file is null, as every reader of YAML says.
        nodes.push(Node { span: Span::at(0), kind: Kind::Scalar { style: Style::Plain, text: String::new() } });
        NodeId(0)
    });
    Some(Tree::new(source.clone(), nodes, root))
}

/// The characters of the file, at most [`YAML_LOOKAHEAD_BYTES_MAX`] bytes of them between two events: the parser reads
/// a bracketed list whole before it gives its first event.
struct Metered<C> {
    characters: C,
    allowance: Rc<Cell<usize>>,
    cut: Rc<Cell<bool>>,
}

impl<C: Iterator<Item = char> + Clone> Iterator for Metered<C> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.characters.clone().next()?;
        let Some(left) = self.allowance.get().checked_sub(c.len_utf8()) else {
            self.cut.set(true);
            return None;
        };
        self.allowance.set(left);
        self.characters.next()
    }
}

/// A list or mapping whose end has not come.
struct Open {
    start: usize,
    /// Whether it is in brackets: then its own end event ends it, else the last thing inside.
    brackets: bool,
    /// Where what is inside ends so far.
    end: usize,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<NodeId>),
    Mapping {
        entries: Vec<Entry>,
        expects: Expects,
    },
    /// Not to be read, and reported already.
    Refused,
}

/// What the next event inside a mapping is.
enum Expects {
    Key,
    Value(String, Span),
    /// The value of a key that was refused.
    Nothing,
}

/// Whether to go on.
enum Step {
    On,
    /// The events ended; what was read is whole.
    End,
    /// There is nothing more to be had from this file.
    Stop,
}

struct Scan<'a> {
    source: &'a SourceFile,
    /// Bytes of the byte order mark, which the parser does not see.
    mark: usize,
    characters: CharacterIndex<'a>,
    sink: &'a mut Diagnostics,
    nodes: Vec<Node>,
    open: Vec<Open>,
    count: usize,
    documents: usize,
    root: Option<NodeId>,
    /// The line of the last trap reported while reading on: a syntax error there is the same mistake.
    trapped_line: Option<usize>,
}

impl Scan<'_> {
    fn run(&mut self) -> Option<()> {
        let allowance = Rc::new(Cell::new(YAML_LOOKAHEAD_BYTES_MAX));
        let cut = Rc::new(Cell::new(false));
        let (_, text) = without_mark(self.source.text());
        let characters = text.chars().chain(missing_newline(text).chars());
        let metered = Metered { characters, allowance: Rc::clone(&allowance), cut: Rc::clone(&cut) };
        let mut parser = Parser::new(BufferedInput::new(metered));
        let mut last = 0;
        loop {
            let next = parser.next_event();
            if cut.get() {
                self.report_lookahead(last);
                return None;
            }
            allowance.set(YAML_LOOKAHEAD_BYTES_MAX);
            match next {
                None => return Some(()),
                Some(Err(error)) => {
                    let at = self.byte(error.marker().index());
                    self.report_syntax(at, error.info());
                    return None;
                }
                Some(Ok((event, span))) => {
                    let span = Span::new(self.byte(span.start.index()), self.byte(span.end.index()));
                    last = span.start.max(last);
                    if self.sink.is_full() {
                        return None;
                    }
                    match self.event(event, span) {
                        Step::On => {}
                        Step::End => return Some(()),
                        Step::Stop => return None,
                    }
                }
            }
        }
    }

    /// The offset of a character the parser has counted.
    fn byte(&self, character: usize) -> usize {
        self.mark + self.characters.byte(character)
    }

    /// What is still open when the events break off may hold duplicates nobody has looked for.
    fn close(&mut self) {
        while let Some(open) = self.open.pop() {
            if let Inside::Mapping { entries, .. } = open.inside {
                self.without_duplicates(entries);
            }
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Step {
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => Step::On,
            Event::StreamEnd => Step::End,
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents == 1 {
                    return Step::On;
                }
                let second = Diagnostic::new(Code::ManyDocuments, span, "a second document begins in the file");
                self.sink.push(second.help("remove the `---`; one file is one runbook"));
                Step::End
            }
            Event::Alias(_) => {
                self.refuse(self.source.trim(span), "an alias", "write the value out where it is used");
                self.leaf(span, Kind::Refused)
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor != 0, tag.is_some(), span),
            Event::SequenceStart(anchor, tag) => {
                self.begin(span, anchor != 0, tag.is_some(), Inside::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Mapping { entries: Vec::new(), expects: Expects::Key };
                self.begin(span, anchor != 0, tag.is_some(), inside)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(span);
                Step::On
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: bool, tag: bool, span: Span) -> Step {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        if anchor || tag {
            self.properties(span, anchor, tag);
            return self.leaf(self.source.trim(span), Kind::Refused);
        }
        if text.len() > SCALAR_BYTES_MAX {
            let title = format!("a text of {} bytes; {SCALAR_BYTES_MAX} are allowed", text.len());
            let first = self.source.line_span(self.source.line_of(span.start)).unwrap_or_default();
            let shown = Span::new(span.start, span.end.min(first.end).min(span.start + 80));
            self.sink.push(
                Diagnostic::new(Code::OverLimit, shown, title).help("keep it in a file of its own beside the runbook"),
            );
            return self.leaf(span, Kind::Refused);
        }
        if style == Style::Plain
            && let Some(reason) = scalar::dispute(text)
        {
            self.sink.push(
                Diagnostic::new(Code::AmbiguousScalar, span, format!("{text} without quotes {reason}"))
                    .help(format!("write \"{text}\" if it is text, else a plain decimal number")),
            );
        }
        let span = match style {
            // A value that is not written has whatever place the parser happened to be at.
            Style::Plain if text.is_empty() => Span::at(span.start),
            // The parser counts a comment after the quote to the text.
            Style::SingleQuoted | Style::DoubleQuoted => {
                Span::new(span.start, span.start + quoted_length(style, self.source.slice(span)))
            }
            Style::Plain | Style::Literal | Style::Folded => self.source.trim(span),
        };
        self.leaf(span, Kind::Scalar { style, text: text.to_owned() })
    }

    fn begin(&mut self, span: Span, anchor: bool, tag: bool, inside: Inside) -> Step {
        if anchor || tag {
            self.properties(span, anchor, tag);
        }
        if self.open.len() >= YAML_DEPTH_MAX {
            self.sink.push(syntax::too_deep(self.source.trim(span)));
            return Step::Stop;
        }
        if let Some(stop) = self.count(span) {
            return stop;
        }
        let refused = matches!(self.open.last(), Some(Open { inside: Inside::Refused, .. }));
        let brackets = self.source.slice(span).starts_with(['[', '{']);
        // `{{`: the outer mapping has the inner one as its key.
        if brackets
            && self.source.text().get(span.start..).is_some_and(|text| text.starts_with("{{"))
            && matches!(inside, Inside::Mapping { .. })
            && !refused
        {
            self.trapped_line = Some(self.source.line_of(span.start));
            self.sink.push(traps::of_braces(self.source, span.start));
            self.open.push(Open { start: span.start, brackets, end: span.end, inside: Inside::Refused });
            return Step::On;
        }
        let inside = if refused { Inside::Refused } else { inside };
        let start = match self.open.last() {
            // Of a list that is not indented the parser gives the place after its first `-`.
            Some(Open { inside: Inside::Mapping { expects: Expects::Value(_, key), .. }, .. })
                if !brackets && matches!(inside, Inside::Sequence(_)) =>
            {
                dash(self.source, key.end, span.start + 1).start
            }
            _ => span.start,
        };
        let end = if brackets { span.end } else { start };
        self.open.push(Open { start, brackets, end, inside });
        Step::On
    }

    fn end(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { unreachable!("the parser ends only what it began") };
        let end = if open.brackets && !span.is_empty() { span.start + 1 } else { open.end };
        let kind = match open.inside {
            Inside::Sequence(items) => Kind::Sequence(items),
            Inside::Mapping { entries, .. } => Kind::Mapping(self.without_duplicates(entries)),
            Inside::Refused => Kind::Refused,
        };
        self.attach(Span::new(open.start, end), kind);
    }

    fn leaf(&mut self, span: Span, kind: Kind) -> Step {
        if let Some(stop) = self.count(span) {
            return stop;
        }
        self.attach(span, kind);
        Step::On
    }

    /// Counts one more node; `Some` when it is one too many.
    fn count(&mut self, span: Span) -> Option<Step> {
        self.count += 1;
        if self.count <= YAML_NODES_MAX {
            return None;
        }
        let title = format!("more than {YAML_NODES_MAX} keys and values");
        self.sink.push(Diagnostic::new(Code::OverLimit, self.source.trim(span), title).help("split the file"));
        Some(Step::Stop)
    }

    /// Puts a finished node where it belongs: in the list or mapping around it, as its key, or as the root.
    fn attach(&mut self, span: Span, kind: Kind) {
        let Some(open) = self.open.last_mut() else {
            // Of a second document nothing is read, so there is one root.
            self.root = Some(add(&mut self.nodes, span, kind));
            return;
        };
        // The place of a value that is not written says nothing about where the list or mapping ends.
        if !span.is_empty() {
            open.end = open.end.max(span.end);
        }
        match &mut open.inside {
            Inside::Refused => {}
            Inside::Sequence(items) => {
                let span = if span.is_empty() { dash(self.source, open.end, span.start) } else { span };
                open.end = open.end.max(span.end);
                items.push(add(&mut self.nodes, span, kind));
            }
            Inside::Mapping { entries, expects } => match std::mem::replace(expects, Expects::Key) {
                Expects::Key => *expects = key(self.source, span, kind, self.sink),
                Expects::Nothing => {}
                Expects::Value(key, key_span) => {
                    let span = if span.is_empty() { key_span } else { span };
                    entries.push(Entry { key, key_span, value: add(&mut self.nodes, span, kind) });
                }
            },
        }
    }

    /// Reports every key that came before in the same mapping, and keeps the first of each.
    fn without_duplicates(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        let name = |&index: &usize| entries.get(index).map(|entry| &entry.key);
        order.sort_by(|a, b| name(a).cmp(&name(b)).then(a.cmp(b)));
        let mut repeated = vec![false; entries.len()];
        let mut first: Option<&Entry> = None;
        for index in order {
            let Some(entry) = entries.get(index) else { continue };
            if self.sink.is_full() {
                break;
            }
            match first {
                Some(first) if first.key == entry.key => {
                    let title = format!("the key `{}` is already there", entry.key);
                    self.sink.push(
                        Diagnostic::new(Code::DuplicateKey, entry.key_span, title)
                            .label("second")
                            .related(first.key_span, "first")
                            .help("keep one of the two"),
                    );
                    if let Some(repeated) = repeated.get_mut(index) {
                        *repeated = true;
                    }
                }
                _ => first = Some(entry),
            }
        }
        let mut repeated = repeated.into_iter();
        entries.retain(|_| !repeated.next().unwrap_or_default());
        entries
    }

    /// Reports the anchor or tag before a value, or the expression that only looks like a tag.
    fn properties(&mut self, span: Span, anchor: bool, tag: bool) {
        let text = self.source.slice(span);
        let at = if text.starts_with(['&', '!']) {
            span.start
        } else {
            // Of a list or mapping on the next line, the parser gives the place where that begins.
            let before = self.source.slice(Span::new(0, span.start));
            before.rfind(['&', '!']).unwrap_or(span.start)
        };
        if tag && let Some(trap) = traps::of_tag(self.source, at) {
            self.trapped_line = Some(self.source.line_of(at));
            self.sink.push(trap);
            return;
        }
        let rest = self.source.text().get(at..).unwrap_or_default();
        let word = Span::new(at, at + rest.find(char::is_whitespace).unwrap_or(rest.len()));
        if anchor {
            self.refuse(word, "an anchor", "remove it, and write the value out wherever it is used");
        }
        if tag {
            self.refuse(word, "a tag", "remove it, or put the whole value in quotes if it is text");
        }
    }

    fn refuse(&mut self, span: Span, what: &str, help: &str) {
        let title = format!("{what}, which runbooks do not use");
        self.sink.push(Diagnostic::new(Code::AnchorAliasTag, span, title).help(help));
    }

    fn report_syntax(&mut self, at: usize, complaint: &str) {
        let line = self.source.line_of(at);
        if self.trapped_line == Some(line) {
            return;
        }
        let found = traps::of_syntax(self.source, at).unwrap_or_else(|| syntax::explain(self.source, at, complaint));
        self.sink.push(found);
    }

    fn report_lookahead(&mut self, last: usize) {
        let line = self.source.line_span(self.source.line_of(last)).unwrap_or_default();
        let shown = Span::new(last, line.end.min(last + 80));
        let title = format!("{YAML_LOOKAHEAD_BYTES_MAX} bytes after this and no whole value");
        self.sink.push(
            Diagnostic::new(Code::OverLimit, shown, title)
                .help("a text, a comment or a list in brackets is too long; keep it in a file of its own"),
        );
    }
}

fn add(nodes: &mut Vec<Node>, span: Span, kind: Kind) -> NodeId {
    let Ok(id) = u32::try_from(nodes.len()) else { unreachable!("the number of nodes is bounded far below 2^32") };
    nodes.push(Node { span, kind });
    NodeId(id)
}

/// The bytes from a quote to the one that closes it.
fn quoted_length(style: Style, written: &str) -> usize {
    let mut bytes = written.bytes().enumerate().skip(1).peekable();
    while let Some((at, byte)) = bytes.next() {
        let escapes = match (style, byte) {
            (Style::DoubleQuoted, b'\\') => bytes.next().is_some(),
            (Style::SingleQuoted, b'\'') => bytes.next_if(|&(_, next)| next == b'\'').is_some(),
            (Style::DoubleQuoted, b'"') => false,
            _ => continue,
        };
        if !escapes {
            return at + 1;
        }
    }
    written.len()
}

/// The `-` of an item that is not written, somewhere after the item before it.
fn dash(source: &SourceFile, from: usize, to: usize) -> Span {
    let mut start = from;
    for line in source.slice(Span::new(from, to)).split_inclusive('\n') {
        let blanks = line.len() - line.trim_start().len();
        if line.trim_start().starts_with('-') {
            return Span::new(start + blanks, start + blanks + 1);
        }
        start += line.len();
    }
    Span::at(from)
}

/// Takes a finished node as the key of an entry, or reports why it can be none.
fn key(source: &SourceFile, span: Span, kind: Kind, sink: &mut Diagnostics) -> Expects {
    match kind {
        Kind::Scalar { style: Style::Plain, text } if text == "<<" => {
            sink.push(
                Diagnostic::new(Code::AnchorAliasTag, span, "a merge key, which runbooks do not use")
                    .help("write the keys out where they are used"),
            );
            Expects::Nothing
        }
        Kind::Scalar { style: Style::Plain, text } if scalar::resolve(&text) == scalar::Resolved::Null => {
            let span = if span.is_empty() { first_line(source, Span::new(span.start, span.start + 1)) } else { span };
            sink.push(
                Diagnostic::new(Code::KeyNotText, span, "a key that is null").help("write a name before the `:`"),
            );
            Expects::Nothing
        }
        Kind::Scalar { text, .. } => Expects::Value(text, span),
        Kind::Sequence(_) | Kind::Mapping(_) => {
            sink.push(
                Diagnostic::new(Code::KeyNotText, first_line(source, span), "a list or mapping as a key")
                    .help("write a name before the `:`, or put the whole value in quotes if it is text"),
            );
            Expects::Nothing
        }
        Kind::Refused => Expects::Nothing,
    }
}

/// The part of a span that is on its first line.
fn first_line(source: &SourceFile, span: Span) -> Span {
    let line = source.line_span(source.line_of(span.start)).unwrap_or_default();
    Span::new(span.start, span.end.min(line.end))
}
