#![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

use std::collections::BTreeMap;

use super::*;

fn values() -> Values {
    let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
    let map = |members: Vec<(&str, Value)>| {
        Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let outputs = map(vec![("server", Value::from("dns1")), ("none", Value::Null), ("ports", Value::from(53))]);
    let params = map(vec![
        ("servers", list(&["10.0.0.7", "10.0.0.8"])),
        ("name", Value::from("<shop & co>")),
        ("empty", list(&[])),
        ("wait", Value::Duration(std::time::Duration::from_secs(90))),
    ]);
    let steps = map(vec![("active", map(vec![("outputs", outputs), ("passed", Value::Bool(true))]))]);
    let all = BTreeMap::from([("params".to_owned(), params), ("steps".to_owned(), steps)]);
    Values { all: Value::Map(all), withheld: vec!["later".to_owned()] }
}

fn rendered(text: &str) -> String {
    render(text, &values()).unwrap()
}

fn refused(text: &str) -> String {
    render(text, &values()).unwrap_err().to_string()
}

#[test]
fn a_file_has_blocks_and_nothing_is_escaped() {
    let text = "# {{ params.name }}\n{{#each params.servers}}\nnameserver {{ this }} {{ @index }} {{ @root.params.name }}\n{{/each}}\n\
                {{#if steps.active.passed}}\nactive {{ upper steps.active.outputs.server }}:{{ steps.active.outputs.ports }}\n\
                {{else}}\nnone\n{{/if}}\n{{#with steps.active}}{{ outputs.server }}{{/with}}\n";
    assert_eq!(
        rendered(text),
        "# <shop & co>\nnameserver 10.0.0.7 0 <shop & co>\nnameserver 10.0.0.8 1 <shop & co>\nactive DNS1:53\ndns1\n"
    );
    assert_eq!(
        rendered("{{ join params.servers \",\" }} {{ json params.servers }} {{ params.wait }}"),
        "10.0.0.7,10.0.0.8 [\"10.0.0.7\",\"10.0.0.8\"] 1m30s"
    );
    assert_eq!(rendered("{{ default params.nothing \"x\" }}{{ default steps.active.outputs.none \"y\" }}"), "xy");
    assert_eq!(rendered("{{#each params.empty}}a{{else}}nobody{{/each}}"), "nobody");
    assert_eq!(rendered("{{#if (eq steps.active.outputs.server \"dns1\")}}one{{/if}}"), "one");
    assert_eq!(rendered("\\{{ params.name }}"), "{{ params.name }}");
    assert_eq!(rendered("a value {{{ params.name }}}"), "a value <shop & co>");
}

#[test]
fn what_does_not_exist_is_named_with_its_line() {
    assert_eq!(refused("a\n{{ params.nam }}\n"), "line 2: params.nam does not exist");
    assert_eq!(refused("a\n\n{{#if params.nam}}x{{/if}}\n"), "line 3: params.nam does not exist");
    assert_eq!(refused("{{#each params.nam}}x{{/each}}"), "line 1: params.nam does not exist");
    assert_eq!(
        refused("a\n{{#each params.servers}}\n  {{ params.name }}\n{{/each}}"),
        "line 3: params.name does not exist"
    );
    assert_eq!(refused("{{ steps.later.outputs.x }}"), "line 1: cannot be known until later");
}

#[test]
fn what_is_no_text_is_refused_where_text_belongs() {
    assert!(refused("{{ params.servers }}").starts_with("line 1: params.servers is a list, and text belongs here"));
    assert!(refused("{{ steps.active.outputs }}").starts_with("line 1: steps.active.outputs is a mapping"));
    assert!(refused("{{ steps.active.outputs.none }}").starts_with("line 1: steps.active.outputs.none is null"));
}

#[test]
fn what_reaches_outside_or_is_no_template_is_refused() {
    assert!(refused("a\n{{> other }}").starts_with("line 2: another file (`other`): "));
    assert!(refused("{{#*inline \"a\"}}x{{/inline}}").starts_with("line 1: a decorator"));
    assert!(refused("{{#if params.name}}\nx").contains("no handlebars"), "{}", refused("{{#if params.name}}\nx"));
    assert!(refused("{{ nope params.name }}").starts_with("line 1: there is no helper `nope`"));
    assert!(refused(&"{{#if a}}".repeat(33)).ends_with("blocks nest at most 32 deep"));
    assert!(
        refused(&format!("{{{{ upper {}params.name{} }}}}", "(upper ".repeat(9), ")".repeat(9))).contains("brackets")
    );
    assert!(refused("{{ log params.name }}").starts_with("line 1: there is no helper `log`"));
}

#[test]
fn what_grows_without_end_is_stopped() {
    let many = Value::List(vec![Value::from(1); 3_000]);
    let all = BTreeMap::from([("params".to_owned(), Value::Map(BTreeMap::from([("many".to_owned(), many)])))]);
    let values = Values { all: Value::Map(all), withheld: Vec::new() };
    let text = "{{#each params.many}}{{#each @root.params.many}}{{ this }}{{/each}}{{/each}}";
    assert!(render(text, &values).unwrap_err().message.contains("more than 8388608 bytes"));
}

#[test]
fn the_names_that_a_file_reads_are_told_with_their_lines() {
    let text = "{{ params.a }}\n{{#each params.b}}{{ c }} {{ @root.params.d }}{{/each}}\n{{#if (default params.e false)}}{{ params.f }}{{/if}}";
    let found: Vec<String> = reads(text)
        .unwrap()
        .into_iter()
        .map(|read| format!("{} {}{}", read.path.join("."), read.line, if read.guarded { " guarded" } else { "" }))
        .collect();
    assert_eq!(found, ["params.a 1", "params.b 2", "params.d 2", "params.e 3 guarded", "params.f 3"]);
}
