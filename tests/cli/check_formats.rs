//! `runbook check`: every problem of every file in one pass, in the three formats, with its exit code.

use std::fs;

use runbook_tests::desk::Desk;
use serde_json::Value;

/// Two problems on one line, behind letters of two and four bytes.
const NAIVE: &str = "steps:\n  look: { verify: Ça 𝄞 va, run: 'true', needs: lok, tiemout: 3s }\n";

fn two_wrong_files() -> Desk {
    let desk = Desk::with_runbook(NAIVE);
    desk.write("other", "sumary: x\nsteps:\n  a: { act: Do it, run: 'true' }\n");
    desk
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_problem_of_every_file_is_told_in_one_pass() {
    let desk = two_wrong_files();
    let said = desk.do_it(&["check"]).ended(2);
    for told in ["lok", "tiemout", "sumary", "did you mean `timeout`?", "did you mean `summary`?", "3 errors"] {
        assert!(said.out.contains(told), "{told:?} is not in\n{}", said.out);
    }
    assert!(said.out.contains("try.yaml") && said.out.contains("other.yaml") && said.out.contains("in 3 files"));
    // Both files named, or the folder: the same.
    let folder = desk.runbooks().to_str().unwrap().to_owned();
    assert_eq!(desk.do_it(&["check", &folder]).ended(2).out, said.out);
    // Of one file only its own problems.
    let one = desk.do_it(&["check", &format!("{folder}/other.yaml")]).ended(2);
    assert!(one.out.contains("sumary") && !one.out.contains("lok"), "{}", one.out);
}

#[test]
fn warnings_are_errors_only_where_that_is_asked_for() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: 'true' }\n");
    let said = desk.do_it(&["check"]).ended(0).shows("no errors, 1 warning");
    assert!(said.out.contains("RB0145"), "{}", said.out);
    for format in ["human", "json", "sarif"] {
        desk.do_it(&["check", "--format", format]).ended(0);
        desk.do_it(&["check", "--format", format, "--deny", "warnings"]).ended(2);
    }
    desk.write(
        "try",
        "# runbook: allow RB0145 because it is only tried\nsteps:\n  look: { verify: It works, run: 'true' }\n",
    );
    let said = desk.do_it(&["check", "--deny", "warnings"]);
    assert!(said.code == 0 || said.out.contains("RB0158"), "{}", said.out);
}

#[test]
fn what_cannot_be_read_is_said_and_is_no_problem_of_a_file() {
    let desk = Desk::new();
    desk.do_it(&["check", "/no/such/file.yaml"]).ended(2).complains("/no/such/file.yaml");
    desk.do_it(&["check", "--format", "xml"]).ended(2).complains("xml");
    let empty = desk.work().to_str().unwrap().to_owned();
    desk.do_it(&["check", &empty]).ended(2).complains("no runbook in");
    fs::write(desk.runbooks().join("bytes.yaml"), [0xff, 0xfe, b'a']).unwrap();
    desk.do_it(&["check"]).ended(2).shows("RB0102");
}

#[test]
fn bytes_lines_and_columns_of_json_point_at_the_word() {
    let desk = two_wrong_files();
    let json = parsed(&desk.do_it(&["check", "--json"]).ended(2).out);
    assert_eq!((&json["errors"], json["files"].as_array().unwrap().len()), (&3.into(), 3));
    for (word, code) in [("lok", "RB0117"), ("tiemout", "RB0106"), ("sumary", "RB0106")] {
        let problems = json["diagnostics"].as_array().unwrap();
        let found =
            problems.iter().find(|found| found["code"] == code && found["title"].as_str().unwrap().contains(word));
        let problem = found.unwrap();
        let text = fs::read_to_string(problem["path"].as_str().unwrap()).unwrap();
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let span = &problem["span"];
        assert_eq!(text.get(number(&span["start"])..number(&span["end"])), Some(word));
        let line = text.lines().nth(number(&span["from"]["line"]) - 1).unwrap();
        let column = number(&span["from"]["column"]) - 1;
        let there: String = line.chars().skip(column).take(word.chars().count()).collect();
        assert_eq!(there, word);
        assert_eq!(number(&span["to"]["column"]) - 1, column + word.chars().count());
    }
}

#[test]
fn sarif_has_what_its_standard_requires() {
    let desk = two_wrong_files();
    let said = desk.do_it(&["check", "--format", "sarif"]).ended(2);
    let sarif = parsed(&said.out);
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &sarif["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "runbook");
    let rules = driver["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.iter().filter(|result| result["level"] == "error").count(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        let path = uri.strip_prefix("file://").unwrap_or(uri);
        let text = fs::read_to_string(path).unwrap();
        let number = |name: &str| usize::try_from(place["region"][name].as_u64().unwrap()).unwrap();
        let bytes = text.get(number("byteOffset")..number("byteOffset") + number("byteLength")).unwrap();
        // Lines and columns count from 1, columns in characters, the end not included: the same text as the bytes.
        assert_eq!(number("startLine"), number("endLine"), "each of these is within a line");
        let line = text.lines().nth(number("startLine") - 1).unwrap();
        let columns = number("startColumn") - 1..number("endColumn") - 1;
        let there: String = line.chars().skip(columns.start).take(columns.len()).collect();
        assert_eq!(there, bytes, "{result:#}");
    }
}

#[test]
fn hours_that_the_team_does_not_have_are_found() {
    let desk = Desk::with_runbook(
        "steps:\n  when: { verify: It is day, expect: 'in_hours(run.now, \"busines\")' }\n  tell: { escalate: Help, to: ops, handover: true }\nfallback: tell\n",
    );
    let path = desk.runbooks().join("team.yaml");
    let team = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        team + "hours: { business: { days: mon-fri, from: '09:00', to: '17:00', zone: Europe/Madrid } }\n",
    )
    .unwrap();
    desk.do_it(&["check"]).ended(2).shows("RB0172").shows("did you mean `business`?");
}
