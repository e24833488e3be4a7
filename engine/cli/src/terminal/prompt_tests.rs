#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use runbook_core::document::model::Kind;
use runbook_core::run::record::{AttemptKey, Part};
use runbook_core::source::Span;
use runbook_core::value::Value;

use super::*;

fn request(kind: RequestKind) -> Request {
    Request {
        id: 4,
        step: Some("shut_down".to_owned()),
        kind,
        text: "Is it down?".to_owned(),
        since: "2026-11-22T09:15:00Z".parse().unwrap(),
        deadline: None,
        to: Vec::new(),
        collect: Vec::new(),
        link: None,
    }
}

/// The prompt for a request about a step of a kind, in a run that goes on.
fn of(request: Request, kind: Kind, outputs: Vec<String>) -> Prompt {
    let words = request.settle_words(kind).to_vec();
    Prompt::of(request, words, outputs)
}

fn approval(shown: &str) -> Prompt {
    let key = AttemptKey { step: "shut_down".to_owned(), part: Part::Main, attempt: 1 };
    let kind = RequestKind::Approval { key, plan: "0".repeat(64), shown: shown.to_owned(), destructive: false };
    of(request(kind), Kind::Act, Vec::new())
}

fn question(kind: QuestionKind, step_kind: Kind) -> Prompt {
    of(request(RequestKind::Question(kind)), step_kind, Vec::new())
}

fn press(prompt: &mut Prompt, keys: &str) -> PromptStep {
    let mut last = PromptStep::Redraw;
    for key in super::super::key::Keys::default().feed(keys.as_bytes()) {
        last = prompt.on_key(key);
    }
    last
}

fn shown(prompt: &Prompt) -> String {
    prompt.lines().iter().map(Line::text).collect::<Vec<_>>().join("\n")
}

fn answer(word: AnswerWord, fields: &[(&str, &str)]) -> PromptStep {
    let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let step = Some("shut_down".to_owned());
    PromptStep::Say(Input::Answer { step, request: Some(4), answer: word, fields, behalf: None, reason: None })
}

fn settle(word: SettleWord, reason: Option<&str>, outputs: &[(&str, &str)]) -> PromptStep {
    let outputs = outputs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    PromptStep::Say(Input::Settle {
        step: Some("shut_down".to_owned()),
        word,
        reason: reason.map(str::to_owned),
        outputs,
    })
}

#[test]
fn an_approval_shows_all_that_runs_and_names_its_keys() {
    let command = format!("dnsTool -a shutdown -s {}", "x".repeat(300));
    let prompt = approval(&command);
    assert!(prompt.intro().iter().any(|line| line.text().contains(&command)));
    assert_eq!(shown(&prompt), "Run it? [y/n/?/t/o/c/h] ");
}

#[test]
fn enter_never_means_yes() {
    let prompts = [
        approval("true"),
        question(QuestionKind::YesNo, Kind::Verify),
        question(QuestionKind::Rollback, Kind::Act),
        question(QuestionKind::Proceed, Kind::Act),
        question(QuestionKind::Doubt, Kind::Act),
        question(QuestionKind::Overrule, Kind::Act),
        question(QuestionKind::Instruct, Kind::Act),
        question(QuestionKind::Choice(vec!["one".to_owned()]), Kind::Decide),
    ];
    for mut prompt in prompts {
        assert_eq!(press(&mut prompt, "\r"), PromptStep::Redraw);
        assert!(shown(&prompt).starts_with("Enter means nothing here: press "), "{}", shown(&prompt));
        assert_eq!(press(&mut prompt, "\r\r \u{1b}"), PromptStep::Redraw);
    }
}

#[test]
fn y_approves_and_n_asks_why() {
    let step = Some("shut_down".to_owned());
    let approve = Input::Approve { step: step.clone(), request: Some(4), reason: None };
    assert_eq!(press(&mut approval("true"), "y"), PromptStep::Say(approve));
    let mut prompt = approval("true");
    assert_eq!(press(&mut prompt, "n\r"), PromptStep::Redraw);
    assert!(shown(&prompt).starts_with("A denial needs a reason"), "{}", shown(&prompt));
    let deny = Input::Deny { step, request: Some(4), reason: "not now".to_owned() };
    assert_eq!(press(&mut prompt, "not now\r"), PromptStep::Say(deny));
    let mut prompt = approval("true");
    press(&mut prompt, "nnot\u{1b}");
    assert_eq!(shown(&prompt), "Run it? [y/n/?/t/o/c/h] ");
}

#[test]
fn the_helping_keys_are_there_at_every_prompt() {
    let step = Some("shut_down".to_owned());
    for mut prompt in
        [approval("true"), question(QuestionKind::YesNo, Kind::Verify), question(QuestionKind::Doubt, Kind::Act)]
    {
        assert_eq!(press(&mut prompt, "?"), PromptStep::Why);
        assert_eq!(press(&mut prompt, "o"), PromptStep::ShowOutput);
        let note = Input::Note { step: step.clone(), text: "saw it".to_owned() };
        assert_eq!(press(&mut prompt, "tsaw it\r"), PromptStep::Say(note));
        assert_eq!(press(&mut prompt, "hkhouse\r"), PromptStep::Say(Input::HandOver { to: Some("khouse".to_owned()) }));
        assert_eq!(press(&mut prompt, "h\r"), PromptStep::Say(Input::HandOver { to: None }));
    }
    assert_eq!(press(&mut approval("true"), "c"), PromptStep::Copy);
    assert_eq!(press(&mut question(QuestionKind::YesNo, Kind::Verify), "c"), PromptStep::Redraw);
}

#[test]
fn a_choice_is_a_digit_and_of_many_a_number() {
    let labels = |count: usize| (1..=count).map(|number| format!("choice {number}")).collect::<Vec<_>>();
    let mut few = question(QuestionKind::Choice(labels(3)), Kind::Decide);
    assert_eq!(shown(&few), "Which? [1-3/?/t/o/h] ");
    assert_eq!(press(&mut few, "4"), PromptStep::Redraw);
    assert_eq!(press(&mut few, "0"), PromptStep::Redraw);
    assert_eq!(press(&mut few, "2"), answer(AnswerWord::Choice("choice 2".to_owned()), &[]));
    let mut many = question(QuestionKind::Choice(labels(12)), Kind::Decide);
    assert_eq!(press(&mut many, "13\r"), PromptStep::Redraw);
    assert_eq!(press(&mut many, "12\r"), answer(AnswerWord::Choice("choice 12".to_owned()), &[]));
}

#[test]
fn a_failure_offers_what_its_kind_allows() {
    assert_eq!(shown(&question(QuestionKind::Overrule, Kind::Act)), "It failed. What now? [a/b/f/?/t/o/h] ");
    assert_eq!(shown(&question(QuestionKind::Overrule, Kind::Verify)), "It failed. What now? [a/g/f/?/t/o/h] ");
    let mut prompt = question(QuestionKind::Overrule, Kind::Act);
    assert_eq!(press(&mut prompt, "f"), settle(SettleWord::Fail, None, &[]));
    assert_eq!(press(&mut prompt, "a\r"), PromptStep::Redraw);
    assert_eq!(press(&mut prompt, "the link is back\r"), settle(SettleWord::Again, Some("the link is back"), &[]));
}

#[test]
fn who_stands_in_for_a_step_gives_the_outputs_that_are_read() {
    let kind = RequestKind::Question(QuestionKind::Overrule);
    let outputs = vec!["server".to_owned(), "standby".to_owned()];
    let mut prompt = of(request(kind), Kind::Verify, outputs);
    assert_eq!(press(&mut prompt, "gknown\rdns1\r"), PromptStep::Redraw);
    let wanted = settle(SettleWord::GoOn, Some("known"), &[("server", "dns1"), ("standby", "dns2")]);
    assert_eq!(press(&mut prompt, "dns2\r"), wanted);
    assert_eq!(press(&mut prompt, "f"), settle(SettleWord::Fail, None, &[]));

    let doubt = RequestKind::Question(QuestionKind::Doubt);
    let mut prompt = of(request(doubt), Kind::Act, vec!["server".to_owned()]);
    assert_eq!(press(&mut prompt, "dI looked\r"), PromptStep::Redraw);
    assert_eq!(press(&mut prompt, "dns1\r"), settle(SettleWord::Done, Some("I looked"), &[("server", "dns1")]));
    assert_eq!(press(&mut prompt, "nI looked\r"), settle(SettleWord::NotDone, Some("I looked"), &[]));
}

#[test]
fn fields_are_read_by_their_types_and_asked_again() {
    let field = |kind, default, secret| Param {
        span: Span::default(),
        kind,
        default,
        help: None,
        pattern: None,
        min: None,
        max: None,
        from: None,
        secret,
    };
    let mut wanted = request(RequestKind::Question(QuestionKind::Instruct));
    wanted.collect = vec![
        (VariableName::new("level").unwrap(), field(ParamKind::Integer, None, false)),
        (VariableName::new("unit").unwrap(), field(ParamKind::String, Some(Value::from("cm")), false)),
        (VariableName::new("pin").unwrap(), field(ParamKind::String, None, true)),
    ];
    let mut prompt = of(wanted, Kind::Act, Vec::new());
    press(&mut prompt, "dmuch\r");
    assert!(shown(&prompt).starts_with("level "), "{}", shown(&prompt));
    assert!(shown(&prompt).ends_with("level (a whole number): much"), "{}", shown(&prompt));
    press(&mut prompt, "\u{15}42\r");
    assert_eq!(shown(&prompt), "unit (text; Enter: cm): ");
    press(&mut prompt, "\r123");
    assert_eq!(shown(&prompt), "pin (text): •••");
    assert_eq!(press(&mut prompt, "4\r"), answer(AnswerWord::Yes, &[("level", "42"), ("pin", "1234")]));
    assert_eq!(press(&mut prompt, "n"), answer(AnswerWord::No, &[]));
}

#[test]
fn with_nothing_asked_a_note_can_be_written_and_nothing_is_answered() {
    let mut idle = Prompt::idle();
    assert_eq!(press(&mut idle, "y\rnda12"), PromptStep::Redraw);
    assert_eq!(shown(&idle), "");
    assert_eq!(press(&mut idle, "tseen\r"), PromptStep::Say(Input::Note { step: None, text: "seen".to_owned() }));
}

#[test]
fn what_the_run_does_not_take_any_more_is_not_offered() {
    let asked = request(RequestKind::Question(QuestionKind::Doubt));
    let mut prompt = Prompt::of(asked, vec![SettleWord::Done, SettleWord::NotDone], Vec::new());
    assert_eq!(shown(&prompt), "Was it done? [d/n/?/t/o/h] ");
    press(&mut prompt, "a");
    assert!(shown(&prompt).starts_with("a means nothing here: press d (it was done) or n (it was not done)\n"));
}
