//! What keeps a channel from telling anybody before there is a server to speak with: a command that fails, hangs or is not
//! there, and a secret that cannot be had, for each kind of channel.

use runbook_tests::desk::Desk;

use crate::channels::desk;

fn errors(desk: &Desk) -> Vec<String> {
    let story = desk.story();
    story.of("escalation.failed", Some("tell")).map(|entry| entry["d"]["error"].as_str().unwrap().to_owned()).collect()
}

/// A desk whose channel is this command; `$WORK` in it is the folder to work in.
fn by_command(words: &str) -> Desk {
    let desk = desk("command: WORDS");
    let team = desk.runbooks().join("team.yaml");
    let words = words.replace("$WORK", &desk.work().to_string_lossy());
    let text = std::fs::read_to_string(&team).unwrap().replace("WORDS", &words);
    std::fs::write(team, text).unwrap();
    desk
}

#[test]
fn a_command_in_each_way_of_misbehaving() {
    // The words, how often they are tried, a part of each error, whether it arrives.
    let cases = [
        ("[sh, -c, 'cat > $WORK/got; echo taken']", 0, "", true),
        ("[sh, -c, 'echo no route >&2; exit 3']", 3, "sh ended with exit code 3: no route", false),
        ("[sh, -c, 'echo only here; exit 1']", 3, "sh ended with exit code 1: only here", false),
        ("[sh, -c, 'kill -9 $$']", 3, "sh was ended by signal 9", false),
        ("[sleep, '600']", 3, "sleep did not end within 3s", false),
        ("[no-such-pager]", 1, "\"no-such-pager\" was not found", false),
        ("[sh, -c, 'echo x >> $WORK/tries; test $(wc -l < $WORK/tries) -eq 3']", 2, "exit code 1", true),
        // One that reads nothing of what it is given.
        ("[sh, -c, 'exec <&-; exit 0']", 0, "", true),
    ];
    let started: Vec<_> = cases
        .iter()
        .map(|(words, ..)| {
            let desk = by_command(words);
            let running = desk.start_run("try", &[]);
            (desk, running)
        })
        .collect();
    for ((words, tries, why, arrives), (desk, running)) in cases.iter().zip(started) {
        let said = running.end();
        let errors = errors(&desk);
        assert_eq!(errors.len(), *tries, "{words}: {errors:?}");
        assert!(errors.iter().all(|error| error.contains(why)), "{words}: {errors:?}");
        assert_eq!((said.code, desk.work().join("after").exists()), (i32::from(!arrives), *arrives), "{said:#?}");
        if !arrives {
            assert!(said.out.contains("Ada Kim (akim), +1 555 0100"), "whom to call is shown: {said:#?}");
        }
    }
    runbook_tests::processes::none_with_words(&["sleep", "600"]);
}

#[test]
fn a_secret_that_cannot_be_had_is_named_for_each_kind_of_channel() {
    // A secret of each sort, and why it cannot be had.
    let secrets = [
        ("{ env: NOT_SET_ANYWHERE }", "the variable NOT_SET_ANYWHERE is not set"),
        ("{ file: /no/such/secret }", "/no/such/secret"),
        ("{ command: 'false' }", "exit code 1"),
    ];
    let kinds = [
        ("slack: { webhook: SECRET }", "first.webhook"),
        ("pagerduty: { routing_key: SECRET }", "first.routing_key"),
        ("email: { to: ops@example.com, smtp: SECRET }", "first.smtp"),
        ("webhook: { url: 'http://127.0.0.1:1/', secret: SECRET }", "first.secret"),
    ];
    for (kind, name) in kinds {
        for (secret, why) in secrets {
            let desk = desk(&kind.replace("SECRET", secret));
            desk.do_it(&["run", "try"]).ended(1).shows("Ada Kim (akim), +1 555 0100");
            let errors = errors(&desk);
            assert_eq!(errors.len(), 1, "it is not tried again: {errors:?}");
            let wanted = format!("{name} cannot be had: ");
            assert!(errors[0].contains(&wanted) && errors[0].contains(why), "{kind}: {errors:?}");
        }
    }
}
