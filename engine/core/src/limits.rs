//! Every bound of the engine, with its unit and the reason it has that size.

/// Bytes of a runbook file. A long real procedure is 30 kB; past this it is data, not a procedure.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Levels of nesting in a YAML file. The deepest legal document has 9.
pub const YAML_DEPTH_MAX: usize = 32;
/// Nodes (keys, scalars, sequences, mappings) in a YAML file: room for 20,000 steps with 5 keys each.
pub const YAML_NODES_MAX: usize = 250_000;
/// Bytes of a YAML file between two nodes. The event scanner reads a bracketed list to its end before it gives the
/// first node of it, so this also bounds its memory.
pub const YAML_LOOKAHEAD_BYTES_MAX: usize = 256 << 10;
/// Diagnostics kept of one file: a person reads the first ten, and a hostile file can have one a byte.
pub const DIAGNOSTICS_MAX: usize = 1_000;
/// Bytes of one scalar: a script of this size belongs in a file of its own.
pub const SCALAR_BYTES_MAX: usize = 64 << 10;
/// Steps in a runbook, those of the runbooks it runs counted each time they are run.
pub const STEPS_MAX: usize = 20_000;
/// Levels of runbooks that run one another. A path such as `outage/restart/drain` must fit a line, and a reader must be
/// able to say where he is.
pub const CALL_DEPTH_MAX: usize = 8;
/// Runbooks that one can run, directly or through others: as many files are read before it starts.
pub const CALLED_MAX: usize = 64;
/// Items of a `for_each`: each has a plan, a process and records of its own, and a person who approves reads them all.
pub const ITEMS_MAX: usize = 1_000;
/// Bytes of an expression, as the language reference promises.
pub const EXPRESSION_BYTES_MAX: usize = 1_024;
/// Levels of nesting in an expression, counted over brackets before CEL's own parser sees it.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Operators and terms in an expression: CEL's parser recurses on long sums.
pub const EXPRESSION_TERMS_MAX: usize = 256;
/// Comprehensions (`map`, `filter`, `exists`, `all`) inside one another: a third makes time cubic.
pub const COMPREHENSION_DEPTH_MAX: usize = 2;
/// Units of work of one evaluation: an operand, or 32 bytes of text looked at or made. A
/// quarter of a second at worst, and six for a regular expression made to be slow.
pub const EXPRESSION_WORK_MAX: u64 = 2_000_000;
/// Bytes of a compiled regular expression: what a match costs a byte of text grows with it, and is charged so.
pub const PATTERN_BYTES_MAX: usize = 256 << 10;
/// Bytes of a template.
pub const TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// Bytes of one `{{ … }}` of a template.
pub const INTERPOLATION_BYTES_MAX: usize = 1_024;
/// `{{ … }}` in one template.
pub const INTERPOLATIONS_MAX: usize = 1_000;
/// Levels of `( … )` inside one `{{ … }}`.
pub const INTERPOLATION_DEPTH_MAX: usize = 4;
/// Words of a command line: what an operating system takes is in the same range.
pub const WORDS_MAX: usize = 4_096;
/// Bytes of a value in an expression or an output: more is data, and belongs in an attachment.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Bytes of standard output or error that expressions may read, per stream. More is kept on disk, and reading it
/// in an expression is an error: nothing is judged by a part.
pub const CAPTURE_BYTES_MAX: usize = 1 << 20;
/// Bytes of head and of tail of an output that stand in the transcript itself.
pub const EXCERPT_BYTES_MAX: usize = 2 << 10;
/// Bytes of a whole output kept beside the transcript, per stream and attempt.
pub const BLOB_BYTES_MAX: u64 = 256 << 20;
/// Levels of nesting, names in a path: `steps.x.outputs.y.z` has five.
pub const PATH_SEGMENTS_MAX: usize = 16;
