#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::template::TemplateErrorKind;
use crate::value::Value;

/// A scope of one level: `a` is a name, and any path below it.
struct Names(BTreeMap<&'static str, Value>);

impl Names {
    fn of<const N: usize>(names: [(&'static str, Value); N]) -> Self {
        Self(BTreeMap::from(names))
    }
}

impl Scope for Names {
    fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
        Ok(path.first().and_then(|name| self.0.get(name.as_str())).cloned())
    }
}

fn parse(text: &str) -> CommandLine {
    CommandLine::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn refused(text: &str) -> CommandLineError {
    match CommandLine::parse(text) {
        Ok(line) => panic!("{text} became {line:?}"),
        Err(error) => error,
    }
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().copied().map(Value::from).collect())
}

fn shop() -> Names {
    Names::of([
        ("name", "shop.internal".into()),
        ("spaced", "a b; rm -rf \"$HOME\" 'x' $(y)".into()),
        ("empty", "".into()),
        ("dash", "-rf".into()),
        ("count", 5.into()),
        ("below", Value::Integer(-5)),
        ("nodes", list(&["n 1", "n2"])),
        ("none", list(&[])),
        ("dashes", list(&["a", "-b"])),
        ("nul", "a\0b".into()),
    ])
}

fn render(text: &str) -> Vec<String> {
    parse(text).render(&shop()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn fails(text: &str) -> RenderError {
    match parse(text).render(&shop()) {
        Ok(words) => panic!("{text} rendered to {words:?}"),
        Err(error) => error,
    }
}

#[test]
fn words_are_split_as_posix_has_it() {
    let table: &[(&str, &[&str])] = &[
        ("dnsTool -q  active_server\n", &["dnsTool", "-q", "active_server"]),
        ("a 'b c' \"d e\" f\\ g", &["a", "b c", "d e", "f g"]),
        ("a b'c 'd\"e \"f", &["a", "bc de f"]),
        ("a '' \"\"", &["a", "", ""]),
        (r#"a "\$x \"q\" \\ \n" '\n'"#, &["a", r#"$x "q" \ \n"#, r"\n"]),
        ("a '|' \"*\" \\; x=1 --y=z %5", &["a", "|", "*", ";", "x=1", "--y=z", "%5"]),
        ("[ -f x ]", &["[", "-f", "x", "]"]),
        ("grep ^foo$ a~ b#c", &["grep", "^foo$", "a~", "b#c"]),
        ("a \\\n  b", &["a", "b"]),
        ("docker inspect -f '\\{{.State.Status}}' x", &["docker", "inspect", "-f", "{{.State.Status}}", "x"]),
        ("echo \\{{ \"\\{{{x\"", &["echo", "{{", "{{{x"]),
        ("écho “x”", &["écho", "“x”"]),
        ("a {{! a comment }} b{{! another }}c", &["a", "bc"]),
    ];
    for (text, expected) in table {
        assert_eq!(render(text), *expected, "{text}");
    }
}

#[test]
fn a_value_stays_one_word() {
    let spaced = "a b; rm -rf \"$HOME\" 'x' $(y)";
    assert_eq!(render("t -s {{ spaced }} x"), ["t", "-s", spaced, "x"]);
    assert_eq!(render("t --s={{spaced}}/'{{ name }} {{ count }}'"), ["t", &format!("--s={spaced}/shop.internal 5")]);
    assert_eq!(render("t {{ default gone \"x y\" }}"), ["t", "x y"]);
    assert_eq!(render("t {{ join nodes \", \" }}"), ["t", "n 1, n2"]);
    assert_eq!(render("t {{ words nodes }} x"), ["t", "n 1", "n2", "x"]);
    assert_eq!(render("t {{ words none }} x"), ["t", "x"]);
}

#[test]
fn nothing_and_options_do_not_come_from_values() {
    let error = fails("t {{ empty }}");
    assert_eq!(error.message, "{{ empty }} renders to nothing; write {{ default … \"\" }} if that is meant");
    assert_eq!(error.span, 2..13);
    assert_eq!(render("t {{ default empty \"\" }}"), ["t", ""]);
    assert_eq!(render("t x{{ empty }}"), ["t", "x"]);
    let error = fails("t {{ dash }}");
    assert_eq!(
        error.message,
        "{{ dash }} renders to \"-rf\", which would be an option; write -- before it if it is none"
    );
    for text in [
        "t {{ below }}",
        "t {{ empty }}{{ dash }}",
        "t {{ words dashes }}",
        "t {{ default dash \"\" }}",
        "t '{{ dash }}'",
    ] {
        assert!(fails(text).message.contains("would be an option"), "{text}");
    }
    assert_eq!(render("t -- {{ dash }} {{ words dashes }}"), ["t", "--", "-rf", "a", "-b"]);
    assert_eq!(render("t -{{ name }} -s{{ dash }} x{{ dash }}"), ["t", "-shop.internal", "-s-rf", "x-rf"]);
    assert!(fails("t {{ nul }}").message.contains("NUL"));
    assert!(fails("t {{ gone }}").missing);
    assert!(fails("{{ words none }}").message.contains("no program"));
    assert!(fails("{{ default empty \"\" }} x").message.contains("no program"));
}

#[test]
fn shell_syntax_is_pointed_at() {
    for (text, character, at) in [
        ("a | b", '|', "|"),
        ("a || b", '|', "||"),
        ("a && b", '&', "&&"),
        ("a &", '&', "&"),
        ("a; b", ';', ";"),
        ("a > b", '>', ">"),
        ("a 2>&1", '>', ">"),
        ("a < b", '<', "<"),
        ("a $HOME", '$', "$"),
        ("a \"x $HOME\"", '$', "$"),
        ("a ${X}", '$', "$"),
        ("a $(b)", '$', "$"),
        ("a `b`", '`', "`"),
        ("a \"`b`\"", '`', "`"),
        ("rm *.log", '*', "*"),
        ("ls x?", '?', "?"),
        ("ls x[0-9]", '[', "["),
        ("(a)", '(', "("),
        ("ls ~/x", '~', "~"),
        ("a # note", '#', "#"),
        ("a\nb", '\n', "\n"),
        ("LANG=C date", '=', "LANG="),
    ] {
        let error = refused(text);
        assert_eq!(error.kind, CommandLineErrorKind::ShellSyntax(character), "{text}");
        assert_eq!(&text[error.span.clone()], at, "{text}");
        assert!(error.hint.is_some(), "{text}");
    }
    assert!(refused("a | b").hint.unwrap().contains("`script`"));
    // What a value spells is no syntax.
    assert_eq!(render("t {{ default gone \"a | b > *\" }}"), ["t", "a | b > *"]);
}

#[test]
fn other_mistakes_are_pointed_at() {
    use CommandLineErrorKind::{Empty, PartOfWord, Template, Unbalanced};
    for (text, kind, at) in [
        ("", Empty, ""),
        ("  \n", Empty, "  \n"),
        ("''", Empty, "''"),
        ("a 'b", Unbalanced, "'"),
        ("a \"b c", Unbalanced, "\""),
        ("a \\", Unbalanced, "\\"),
        ("a {{ b", Template(TemplateErrorKind::Syntax), "{{"),
        ("a {{#if b}}c{{/if}}", Template(TemplateErrorKind::Block), "{{#if b}}"),
        ("é x {{ nope b }}", Template(TemplateErrorKind::UnknownHelper), "{{ nope b }}"),
        ("a b{{ words c }}", PartOfWord, "{{ words c }}"),
    ] {
        let error = refused(text);
        assert_eq!((error.kind, &text[error.span.clone()]), (kind, at), "{text}");
    }
}

#[test]
fn reads_have_their_bytes_in_the_line() {
    let text = "é -s '{{ steps.a.outputs.b }}' {{ default params.name \"x\" }}";
    let line = parse(text);
    let reads: Vec<_> = line.reads().map(|read| (&text[read.span.clone()], read.guarded)).collect();
    assert_eq!(reads, [("steps.a.outputs.b", false), ("params.name", true)]);
    assert_eq!(&text[line.words()[2].span.clone()], "'{{ steps.a.outputs.b }}'");
    assert!(line.words()[2].template.single_path().is_some());
}

#[test]
fn a_line_may_come_split() {
    let line = CommandLine::from_words(&["t", "a | b", "$HOME", "", "{{ spaced }}", "{{ words nodes }}"]).unwrap();
    let spaced = "a b; rm -rf \"$HOME\" 'x' $(y)";
    assert_eq!(line.render(&shop()).unwrap(), ["t", "a | b", "$HOME", "", spaced, "n 1", "n2"]);
    let error = CommandLine::from_words(&["t", "x", "{{ a"]).unwrap_err();
    assert_eq!(
        (error.kind, error.word, error.span),
        (CommandLineErrorKind::Template(TemplateErrorKind::Syntax), Some(2), 0..2)
    );
    let error = CommandLine::from_words(&["bash", "-c", "echo {{ a }}"]).unwrap_err();
    assert_eq!((error.kind, error.word, error.span), (CommandLineErrorKind::IntoShellText, Some(2), 5..12));
    assert_eq!(CommandLine::from_words::<&str>(&[]).unwrap_err().kind, CommandLineErrorKind::Empty);
}

#[test]
fn values_are_kept_out_of_programs() {
    for text in [
        "sh -c 'echo {{ a }}'",
        "/bin/bash -lc \"{{ a }}\"",
        "bash -ec {{ a }}",
        "bash -c -e {{ a }}",
        "zsh -xc {{ words a }}",
        "sudo sh -c {{ a }}",
        "sudo -u root bash -c {{ a }}",
        "env LANG=C /usr/bin/bash -c {{ a }}",
        "env -S {{ a }}",
        "timeout 5 nice -n 10 sh -c {{ a }}",
        "xargs -0 sh -c {{ a }}",
        "docker exec -it web sh -c {{ a }}",
        "kubectl exec pod -- bash -c {{ a }}",
        "find . -exec sh -c {{ a }} +",
        "ssh host {{ a }}",
        "ssh -p 22 -i key user@host systemctl restart {{ a }}",
        "ssh {{ host }} restart {{ a }}",
        "ssh -- host {{ a }}",
        "ssh -oProxyCommand={{ a }} host",
        "ssh -o 'ProxyCommand=nc {{ a }}' host",
        "timeout 10 ssh host uptime {{ a }}",
        "sshpass -p x ssh host {{ a }}",
        "su -c {{ a }}",
        "su - postgres -c \"psql {{ a }}\"",
        "su --command={{ a }} x",
        "runuser -u x -c {{ a }}",
        "python -c {{ a }}",
        "python3.11 -Ic {{ a }}",
        "python3 -c'print({{ a }})'",
        "perl -ne {{ a }} f",
        "perl -e 'x' -e {{ a }}",
        "ruby -e {{ a }}",
        "node --eval {{ a }}",
        "node --eval={{ a }}",
        "php -r {{ a }}",
        "eval echo {{ a }}",
        "watch -n 5 ls {{ a }}",
        "awk '{print \"{{ a }}\"}' f",
        "gawk -F : {{ a }}",
        "sed -i s/x/{{ a }}/ f",
        "sed -n -e {{ a }} f",
        "pwsh -Command {{ a }}",
        "flock /tmp/l -c {{ a }}",
        "busybox sh -c {{ a }}",
        "{{ shell }} -c {{ a }}",
    ] {
        let error = refused(text);
        assert_eq!(error.kind, CommandLineErrorKind::IntoShellText, "{text}");
        let at = &text[error.span.clone()];
        assert!(at == "{{ a }}" || at == "{{ words a }}", "{text}: {at}");
        assert!(error.hint.is_some(), "{text}");
    }
    for text in [
        "sh -c 'grep \"$1\" log' sh {{ a }}",
        "bash script.sh {{ a }}",
        "python3 tool.py {{ a }}",
        "python3 -c 'import sys' {{ a }}",
        "python3 -m http.server {{ a }}",
        "ssh {{ host }} uptime",
        "ssh -l {{ a }} host uptime",
        "sudo systemctl restart {{ a }}",
        "env X={{ a }} tool {{ a }}",
        "timeout {{ a }} tool",
        "awk -v name={{ a }} '{print name}' {{ f }}",
        "awk -f prog.awk {{ a }}",
        "sed -n 5p {{ a }}",
        "sed -e 5p {{ a }}",
        "find {{ a }} -name x",
        "grep -c {{ a }} f",
        "grep -e {{ a }} bash",
        "kubectl get pods -c {{ a }}",
        "docker run -e X={{ a }} image",
        "su {{ a }}",
        "perl script.pl {{ a }}",
        "dnsTool -c {{ a }}",
    ] {
        parse(text);
    }
}

#[test]
fn people_see_what_is_known() {
    let words = parse("t {{ name }} {{ gone }} {{ words nodes }} {{ words gone }}")
        .render_for_people(&shop(), &|path| format!("{} was skipped", path.join(".")));
    assert_eq!(words, ["t", "shop.internal", "(none: gone was skipped)", "n 1", "n2", "(none: gone was skipped)"]);
    assert_eq!(quote(&["t".to_owned(), "a b".to_owned(), String::new()]), "t 'a b' ''");
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{{ a }}",
        "{{ words a }}",
        "{{ default a \"b c\" }}",
        "{{!x}}",
        "'",
        "\"",
        "\\",
        " ",
        "a",
        "-",
        "--",
        "sh",
        "-c",
        "ssh",
        "$",
        "$x",
        "|",
        "é",
        "[",
        "]",
        "*",
        "=",
        "~",
        "#",
        "\n",
        "\r",
        "\t",
        "\0",
        "{",
        "}",
        "\\{{",
        "sudo",
        "awk",
        "sed",
        "-e",
        "env",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), pieces()]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), pieces()]) {
        match CommandLine::parse(&text) {
            Ok(line) => {
                for read in line.reads() {
                    prop_assert!(text.get(read.span.clone()).is_some_and(|raw| raw.contains(read.path[0].as_str())));
                }
                prop_assert!(line.words().iter().all(|word| text.get(word.span.clone()).is_some()));
                let _ = line.render(&shop());
                let _ = line.render_for_people(&shop(), &|_| String::new());
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error),
        }
    }

    #[test]
    fn a_value_never_changes_the_number_of_words(a in value(), b in value(), c in value()) {
        let line = parse("t {{ a }} 'x {{ b }}' -y{{ c }}\"z\" --s={{ a }}{{ b }} -- {{ c }}");
        let scope = Names::of([("a", a.clone().into()), ("b", b.clone().into()), ("c", c.clone().into())]);
        if let Ok(words) = line.render(&scope) {
            let expected = ["t".to_owned(), a.clone(), format!("x {b}"), format!("-y{c}z"), format!("--s={a}{b}"), "--".to_owned(), c];
            prop_assert_eq!(words, expected);
            prop_assert!(!a.starts_with('-'));
        }
    }

    #[test]
    fn a_list_gives_as_many_words_as_it_has(items in prop::collection::vec(value(), 0..5)) {
        let scope = Names::of([("a", Value::List(items.iter().cloned().map(Value::Text).collect()))]);
        if let Ok(words) = parse("t -- {{ words a }} end").render(&scope) {
            prop_assert_eq!(words.len(), items.len() + 3);
            prop_assert_eq!(&words[2..items.len() + 2], items.as_slice());
        }
    }

    #[test]
    fn words_round_trip(words in prop::collection::vec(value(), 0..5)) {
        let words: Vec<String> =
            std::iter::once("t".to_owned()).chain(words).map(|word| word.replace(['{', '\0'], "")).collect();
        prop_assert_eq!(parse(&quote(&words)).render(&shop()), Ok(words));
    }

    #[test]
    fn words_are_those_of_shlex(text in "[a-z \\\\'\"=é]{0,30}") {
        let ours = CommandLine::parse(&text).ok().and_then(|line| line.render(&shop()).ok());
        match (ours, shlex::split(&text)) {
            (Some(ours), theirs) => prop_assert_eq!(Some(ours), theirs),
            (None, Some(theirs)) => {
                // Refused: nothing, or a variable set before the program.
                prop_assert!(theirs.first().is_none_or(|first| first.is_empty() || first.contains('=')), "{:?}", theirs);
            }
            (None, None) => {}
        }
    }
}
