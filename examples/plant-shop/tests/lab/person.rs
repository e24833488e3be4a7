use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use plant_shop::person::{Person, PersonError, Rule};
use plant_shop::rehearsal::Interrupt;

const SOON: Duration = Duration::from_secs(20);

fn sit_down(script: &str) -> Person {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Person::sit_down(command, None).unwrap()
}

#[test]
fn the_command_has_a_terminal_of_the_size_said() {
    let mut person = sit_down("test -t 0 && stty size && tty");
    person.expect("40 100", SOON).unwrap();
    person.expect("/dev/pts/", SOON).unwrap();
    assert_eq!(person.wait(SOON).unwrap().code(), Some(0));
}

#[test]
fn a_person_reads_and_types() {
    let mut person = sit_down("printf 'name? '; read -r name; printf '\\033[32mhello %s\\033[0m\\n' \"$name\"; exit 3");
    person.expect("name? ", SOON).unwrap();
    person.type_keys("ivy\r").unwrap();
    person.expect("hello ivy", SOON).unwrap();
    assert_eq!(person.wait(SOON).unwrap().code(), Some(3));
    assert_eq!(person.page(), "name? ivy\nhello ivy\n");
}

#[test]
fn what_is_not_printed_is_an_error_that_shows_what_was() {
    let mut person = sit_down("echo something else");
    let Err(PersonError::NotSeen { text, instead }) = person.expect("hello", SOON) else {
        unreachable!("nothing said hello");
    };
    assert_eq!((text.as_str(), instead.as_str()), ("hello", "something else\n"));
}

#[test]
fn each_prompt_is_answered_once_however_often_it_is_drawn() {
    // The prompt counts down in its own row before it reads; one key too many would be the second prompt's answer.
    let script = "stty -echo -icanon min 1
        key() { dd bs=1 count=1 2>/dev/null; }
        for left in 3 2 1; do printf '\\r\\033[2Kstop it? [y/n/?] %s s ' $left; done
        first=$(key); printf '\\r\\033[2Kstop it? [y/n/?] answered\\n'
        printf 'force it? [y/n/?] '
        second=$(key); echo; echo \"got $first and $second\"";
    let mut person = sit_down(script);
    let rules = [Rule::new("[y/n/?", "n").about("force it"), Rule::new("[y/n/?", "y")];
    let status = person.attend(&rules, SOON, &AtomicBool::new(false)).unwrap();
    assert!(status.success());
    assert!(person.page().contains("got y and n"), "{}", person.page());
}

#[test]
fn another_question_in_the_same_row_is_another_prompt() {
    let script = "stty -echo -icanon min 1
        printf 'stop it? [y/n/?] '; first=$(dd bs=1 count=1 2>/dev/null)
        printf '\\r\\033[2Kwhy not? (Esc: back) '; stty icanon; read -r reason; echo; echo \"got $first: $reason\"";
    let mut person = sit_down(script);
    let rules = [Rule::new("[y/n/?", "n"), Rule::new("why not?", "not now\r")];
    person.attend(&rules, SOON, &AtomicBool::new(false)).unwrap();
    assert!(person.page().contains("got n: not now"), "{}", person.page());
}

#[test]
fn ctrl_c_is_pressed_when_the_rehearsal_is_interrupted() {
    // Listening as the rehearsal does also gives its children their Ctrl-C back, where whoever started the tests was
    // deaf to it: a shell's background command is.
    let _interrupt = Interrupt::listen().unwrap();
    let mut person = sit_down("echo ready; exec tail -f /dev/null");
    person.expect("ready", SOON).unwrap();
    let status = person.attend(&[], SOON, &AtomicBool::new(true)).unwrap();
    assert_eq!(status.signal(), Some(2));
}

#[test]
fn a_command_that_does_not_end_is_told_of_and_ended_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().display().to_string();
    // A grandchild in a group of its own, which no hang-up reaches.
    let script = format!("trap '' HUP; set -m; (trap '' HUP; exec tail -f /dev/null '{mark}') & echo started; wait");
    let mut person = sit_down(&script);
    person.expect("started", SOON).unwrap();
    let before = Instant::now();
    let late = person.wait(Duration::from_millis(300));
    assert!(matches!(late, Err(PersonError::TooLong { .. })));
    assert!(before.elapsed() >= Duration::from_millis(300));
    drop(person);
    assert_eq!(crate::processes::naming(&mark), Vec::<String>::new());
}
