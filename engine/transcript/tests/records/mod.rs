//! Any record there can be.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use runbook_core::run::record::{
    AnswerWord, AttemptKey, Branch, BranchChoice, End, EndCause, Mode, Outcome, Output, Part, Phase, QuestionKind,
    Record, RetryOf, RunOutcome, RunStarted, SettleWord, Settlement, SkipReason, StartFailure, StartFailureKind,
    Stream, TakenOver,
};
use runbook_core::value::Value;

const SAFE: u64 = (1 << 53) - 1;

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,8}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..4)
}

fn milliseconds() -> impl Strategy<Value = Timestamp> {
    (-60_000_000_000_000_i64..250_000_000_000_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::Number),
        text().prop_map(Value::Text),
        (0..315_360_000_000_u64).prop_map(|ms| Value::Duration(Duration::from_millis(ms))),
        (milliseconds(), 0..1_000_000_i64)
            .prop_map(|(at, nanoseconds)| { Value::Timestamp(at + jiff::SignedDuration::from_nanos(nanoseconds)) }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(name(), inner, 0..4).prop_map(Value::Map),
        ]
    })
}

fn values() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map(text(), value(), 0..4)
}

fn key() -> impl Strategy<Value = AttemptKey> {
    let part = select(vec![Part::Main, Part::Unless, Part::Doubt, Part::Undo]);
    (text(), part, any::<u32>()).prop_map(|(step, part, attempt)| AttemptKey { step, part, attempt })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Passed, Outcome::Failed, Outcome::Skipped, Outcome::Unknown])
}

fn output() -> impl Strategy<Value = Output> {
    (0..=SAFE, 0..=SAFE, of(text()), text(), text()).prop_map(|(bytes, kept, blob, head, tail)| Output {
        bytes,
        kept,
        blob,
        head,
        tail,
    })
}

fn end() -> impl Strategy<Value = End> {
    let kind = select(vec![
        StartFailureKind::MissingProgram,
        StartFailureKind::NotExecutable,
        StartFailureKind::MissingDirectory,
        StartFailureKind::Rendering,
        StartFailureKind::UnlessUnknown,
        StartFailureKind::Other,
    ]);
    prop_oneof![
        any::<i32>().prop_map(End::Exited),
        any::<i32>().prop_map(End::Signalled),
        Just(End::TimedOut),
        Just(End::Stopped),
        (kind, text()).prop_map(|(kind, message)| End::NotStarted(StartFailure { kind, message })),
        (100..1000_u16, proptest::collection::btree_map(text(), text(), 0..3))
            .prop_map(|(status, headers)| End::Answered { status, headers }),
        text().prop_map(End::NoAnswer),
        Just(End::Wrote),
        text().prop_map(End::Lost),
    ]
}

fn settle_word() -> impl Strategy<Value = SettleWord> {
    select(vec![
        SettleWord::Done,
        SettleWord::NotDone,
        SettleWord::Again,
        SettleWord::ByHand,
        SettleWord::GoOn,
        SettleWord::Fail,
    ])
}

fn started() -> impl Strategy<Value = Record> {
    let mode = prop_oneof![Just(Mode::Real), Just(Mode::Drill), any::<bool>().prop_map(|probe| Mode::Dry { probe })];
    let called = btree_map(text(), text(), 0..3);
    let files = (text(), text(), text(), text(), text(), text(), called, of(text()), of(text()), of(any::<bool>()));
    let machine = (text(), text(), text(), text(), text(), mode, any::<[bool; 3]>());
    let retry = of((text(), texts()).prop_map(|(run, steps)| RetryOf { run, steps }));
    (files, machine, btree_map(text(), (value(), text()), 0..4), of(value()), retry).prop_map(
        |(files, machine, params, alert, retry_of)| {
            let (store, ledger_head, runbook, title, path, source, called, team, commit, dirty) = files;
            let (host, boot_id, version, binary, directory, mode, [attended, yes, step_by_step]) = machine;
            Record::RunStarted(Box::new(RunStarted {
                store,
                ledger_head,
                runbook,
                title,
                path,
                source,
                called,
                team,
                commit,
                dirty,
                params,
                alert,
                host,
                boot_id,
                version,
                binary,
                mode,
                attended,
                yes,
                step_by_step,
                directory,
                retry_of,
            }))
        },
    )
}

fn work() -> impl Strategy<Value = Record> {
    prop_oneof![
        (key(), text(), text()).prop_map(|(key, plan, shown)| Record::StepPlanned { key, plan, shown }),
        (key(), of(text()), of(milliseconds())).prop_map(|(key, plan, until)| Record::StepIntent { key, plan, until }),
        (key(), any::<u32>(), 0..=SAFE).prop_map(|(key, pid, start_time)| Record::StepSpawned { key, pid, start_time }),
        key().prop_map(|key| Record::StepReleased { key }),
        (text(), vec(value(), 0..4), any::<bool>()).prop_map(|(step, items, approval)| Record::StepItems {
            step,
            items,
            approval
        }),
        (key(), text(), values(), btree_map(text(), text(), 0..3))
            .prop_map(|(key, runbook, params, unknown)| { Record::CallGiven { key, runbook, params, unknown } }),
        (key(), of(text()), of(milliseconds())).prop_map(|(key, lock, deadline)| Record::CallStarted {
            key,
            lock,
            deadline
        }),
        (key(), text()).prop_map(|(key, reason)| Record::CallCancelled { key, reason }),
        (key(), select(vec![Stream::Stdout, Stream::Stderr, Stream::Body]), output())
            .prop_map(|(key, stream, output)| Record::StepOutput { key, stream, output }),
        (key(), of(end()), 0..=SAFE, outcome(), of(text()), values(), texts()).prop_map(
            |(key, end, duration, outcome, reason, outputs, survivors)| Record::AttemptEnded {
                key,
                end,
                duration: Duration::from_millis(duration),
                outcome,
                reason,
                outputs,
                survivors,
            }
        ),
        (key(), milliseconds()).prop_map(|(key, at)| Record::RetryScheduled { key, at }),
        (text(), of(output()), of(text()), text()).prop_map(|(step, output, note, name)| Record::Attachment {
            step,
            name,
            output,
            note
        }),
    ]
}

fn settled() -> impl Strategy<Value = Record> {
    let settlement = select(vec![
        Settlement::Ran,
        Settlement::AlreadySo,
        Settlement::ByHand,
        Settlement::Overruled,
        Settlement::Settled,
        Settlement::Expired,
        Settlement::Unanswered,
        Settlement::Denied,
        Settlement::Withheld,
    ]);
    let why = prop_oneof![
        Just(SkipReason::When),
        Just(SkipReason::NotReached),
        text().prop_map(SkipReason::Blocked),
        Just(SkipReason::Cancelled),
        Just(SkipReason::Ended),
    ];
    prop_oneof![
        (text(), outcome(), settlement, of(text()), values(), any::<u32>()).prop_map(
            |(step, outcome, settlement, reason, outputs, attempts)| Record::StepSettled {
                step,
                outcome,
                settlement,
                reason,
                outputs,
                attempts,
            }
        ),
        (text(), why).prop_map(|(step, why)| Record::StepSkipped { step, why }),
        taken_over(),
        (text(), outcome(), of(text())).prop_map(|(step, outcome, reason)| Record::StepUndone {
            step,
            outcome,
            reason
        }),
    ]
}

fn taken_over() -> impl Strategy<Value = Record> {
    let how = (outcome(), of(text()), values(), any::<u32>(), any::<bool>());
    let worked = (of(milliseconds()), of(0..=SAFE), of(any::<i32>()), of(text()), values());
    let items = (of(vec(value(), 0..3)), of(value()), of(values()), of(values()));
    let branch = of((0..100_usize, texts()).prop_map(|(number, to)| Branch { choice: BranchChoice::Case(number), to }));
    (text(), text(), 0..=SAFE, how, worked, branch, items).prop_map(|(step, run, n, how, worked, branch, items)| {
        let (items, item, given, around) = items;
        let (outcome, reason, outputs, attempts, acted) = how;
        let (started_at, duration, exit_code, answer, fields) = worked;
        let was = TakenOver {
            outcome,
            settlement: Settlement::Ran,
            reason,
            outputs,
            attempts,
            acted,
            started_at,
            duration: duration.map(Duration::from_millis),
            exit_code,
            answer,
            fields,
            branch,
            items,
            item,
            given,
            around,
        };
        Record::StepTakenOver { step, run, n, was: Box::new(was) }
    })
}

fn approvals() -> impl Strategy<Value = Record> {
    prop_oneof![
        (any::<u32>(), key(), text(), of(milliseconds()))
            .prop_map(|(request, key, plan, deadline)| Record::ApprovalRequested { request, key, plan, deadline }),
        (any::<u32>(), key(), text(), of(text())).prop_map(|(request, key, plan, reason)| Record::ApprovalGranted {
            request,
            key,
            plan,
            reason
        }),
        (any::<u32>(), key(), text()).prop_map(|(request, key, reason)| Record::ApprovalDenied {
            request,
            key,
            reason
        }),
        (any::<u32>(), key()).prop_map(|(request, key)| Record::ApprovalExpired { request, key }),
        (any::<u32>(), key(), text()).prop_map(|(request, key, why)| Record::ApprovalVoid { request, key, why }),
    ]
}

fn questions() -> impl Strategy<Value = Record> {
    let question = prop_oneof![
        Just(QuestionKind::YesNo),
        texts().prop_map(QuestionKind::Choice),
        Just(QuestionKind::Instruct),
        Just(QuestionKind::Proceed),
        Just(QuestionKind::Overrule),
        Just(QuestionKind::Doubt),
        Just(QuestionKind::Rollback),
    ];
    let answer = prop_oneof![Just(AnswerWord::Yes), Just(AnswerWord::No), text().prop_map(AnswerWord::Choice)];
    let choice = prop_oneof![
        (0..100_usize).prop_map(BranchChoice::Case),
        Just(BranchChoice::Otherwise),
        (0..100_usize).prop_map(BranchChoice::Choice),
        Just(BranchChoice::Undecided),
    ];
    prop_oneof![
        (text(), choice, texts(), text(), vec((text(), text()), 0..4), of(text())).prop_map(
            |(step, choice, to, expression, read, because)| Record::Decision {
                step,
                branch: Branch { choice, to },
                expression,
                read,
                because,
            }
        ),
        (any::<u32>(), of(text()), question, text(), texts(), texts(), of(milliseconds())).prop_map(
            |(request, step, question, text, collect, to, deadline)| Record::Question {
                request,
                step,
                question,
                text,
                collect,
                to,
                deadline,
            }
        ),
        (any::<u32>(), of(text()), answer, values(), of(text()), of(text())).prop_map(
            |(request, step, answer, fields, behalf, reason)| Record::Answer {
                request,
                step,
                answer,
                fields,
                behalf,
                reason,
            }
        ),
        (any::<u32>(), of(text()), any::<bool>()).prop_map(|(request, step, timed_out)| Record::QuestionWithdrawn {
            request,
            step,
            timed_out
        }),
    ]
}

fn people() -> impl Strategy<Value = Record> {
    prop_oneof![
        (of(text()), text()).prop_map(|(step, text)| Record::Note { step, text }),
        (of(text()), texts()).prop_map(|(step, to)| Record::Handover { step, to }),
        (key(), text()).prop_map(|(key, why)| Record::DoubtOpened { key, why }),
        (key(), settle_word(), text(), of(text()), values())
            .prop_map(|(key, word, by, reason, outputs)| { Record::DoubtSettled { key, word, by, reason, outputs } }),
        (text(), settle_word(), text(), values()).prop_map(|(step, word, reason, outputs)| Record::Override {
            step,
            word,
            reason,
            outputs
        }),
        (text(), of(text()), text(), any::<bool>()).prop_map(|(verb, step, why, repeats)| Record::Refused {
            verb,
            step,
            why,
            repeats
        }),
        text().prop_map(|to| Record::HandoverConfirmed { to }),
    ]
}

fn telling() -> impl Strategy<Value = Record> {
    prop_oneof![
        (text(), text(), of(text()), text(), text(), text()).prop_map(
            |(step, to, person, channel, message, answer)| {
                Record::EscalationSent { step, to, person, channel, message, answer }
            }
        ),
        (text(), text(), of(text()), text(), text()).prop_map(|(step, to, person, channel, error)| {
            Record::EscalationFailed { step, to, person, channel, error }
        }),
        (any::<u32>(), text(), of(milliseconds()), texts(), any::<bool>(), any::<bool>()).prop_map(
            |(request, step, deadline, from, all, told)| Record::EscalationWaiting {
                request,
                step,
                deadline,
                from,
                all,
                told
            }
        ),
        (text(), texts()).prop_map(|(step, to)| Record::EscalationWidened { step, to }),
        (text(), text()).prop_map(|(step, by)| Record::EscalationAcknowledged { step, by }),
        text().prop_map(|step| Record::EscalationTimedOut { step }),
    ]
}

fn life() -> impl Strategy<Value = Record> {
    let cause = prop_oneof![
        Just(EndCause::Complete),
        text().prop_map(EndCause::Failed),
        text().prop_map(EndCause::TookFailed),
        text().prop_map(EndCause::Denied),
        text().prop_map(EndCause::Handover),
        Just(EndCause::Cancelled),
        Just(EndCause::Around),
    ];
    let phase = select(vec![Phase::Steps, Phase::Ending, Phase::Rollback, Phase::Finally, Phase::Over]);
    let outcome = select(vec![RunOutcome::Resolved, RunOutcome::Escalated, RunOutcome::Failed, RunOutcome::Cancelled]);
    let safe = i64::try_from(SAFE).unwrap();
    prop_oneof![
        (-safe..=safe).prop_map(|by_ms| Record::ClockJumped { by_ms }),
        (0..=SAFE).prop_map(|bytes| Record::Recovered { bytes }),
        (phase.clone(), of(cause.clone())).prop_map(|(phase, cause)| Record::PhaseEntered { phase, cause }),
        (key(), phase, of(cause)).prop_map(|(key, phase, cause)| Record::CallPhase { key, phase, cause }),
        (key(), outcome.clone(), text(), texts()).prop_map(|(key, outcome, reason, open)| Record::CallEnded {
            key,
            outcome,
            reason,
            open
        }),
        texts().prop_map(|waits_for| Record::RunSuspended { waits_for }),
        (text(), text(), text(), any::<bool>()).prop_map(|(host, boot_id, version, attended)| Record::RunResumed {
            host,
            boot_id,
            version,
            attended
        }),
        text().prop_map(|reason| Record::RunCancelled { reason }),
        (outcome, text(), texts()).prop_map(|(outcome, reason, open)| Record::RunSealed { outcome, reason, open }),
    ]
}

/// Any record, all kinds about as often.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        1 => started(),
        10 => work(),
        3 => settled(),
        5 => approvals(),
        4 => questions(),
        6 => people(),
        5 => telling(),
        7 => life(),
    ]
}
