//! Files written from handlebars files: shown before they change, changed whole or not at all.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use runbook_tests::desk::Desk;
use runbook_tests::run::Started;
use runbook_tests::until::until;
use rustix::process::Signal;

const SOURCE: &str = "# for {{ params.name }}\n{{#each params.servers}}\nnameserver {{ this }}\n{{/each}}\n";
const OLD: &str = "# for shop.internal\nnameserver 10.0.0.7\n";
const NEW: &str = "# for shop.internal\nnameserver 10.0.0.8\nnameserver 10.0.0.9\n";

/// A desk with one step that writes `etc/resolv.conf`, and what follows it.
fn desk(keys: &str) -> Desk {
    let desk = Desk::with_runbook(&format!(
        "params:
  name: {{ type: string, default: shop.internal }}
  servers: {{ type: list, of: string, default: [10.0.0.8, 10.0.0.9] }}
steps:
  write:
    act: Point at the standby
    template: {{ source: $WORK/resolv.hbs, to: $WORK/etc/resolv.conf }}
    on_fail: failed
{keys}  after: {{ act: Go on, script: 'echo after >> \"$WORK/count\"', env: {{ WORK: $WORK }}, idempotent: true, on_fail: failed }}
"
    ));
    fs::create_dir(desk.work().join("etc")).unwrap();
    fs::write(desk.work().join("resolv.hbs"), SOURCE).unwrap();
    fs::write(file(&desk), OLD).unwrap();
    desk
}

fn file(desk: &Desk) -> PathBuf {
    desk.work().join("etc/resolv.conf")
}

fn text(desk: &Desk) -> String {
    fs::read_to_string(file(desk)).unwrap_or_default()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(desk: &Desk) -> u32 {
    fs::metadata(file(desk)).unwrap().mode() & 0o7777
}

/// The names of what lies beside the file.
fn beside(desk: &Desk) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(desk.work().join("etc"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn reason(desk: &Desk) -> String {
    desk.story().last("step.ended", Some("write"), "reason").map_or(String::new(), ToString::to_string)
}

#[test]
fn what_would_change_is_shown_before_it_does_and_kept() {
    let desk = desk("");
    set_mode(&file(&desk), 0o640);
    let shown = desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    let shown = shown.shows("-nameserver 10.0.0.7").shows("+nameserver 10.0.0.8").shows("would write");
    assert!(!shown.out.contains("-# for"), "what stays is no change: {}", shown.out);
    assert_eq!((text(&desk).as_str(), beside(&desk).len()), (OLD, 1), "a dry run touches nothing");

    desk.run("try", &[]).ended(0).shows("+nameserver 10.0.0.9");
    assert_eq!((text(&desk).as_str(), mode(&desk)), (NEW, 0o640));
    assert_eq!(beside(&desk), ["resolv.conf"]);
    let story = desk.story();
    assert_eq!(story.last("step.ended", Some("write"), "end").unwrap(), "wrote");
    let name = story.last("attachment", Some("write"), "name").unwrap().as_str().unwrap();
    assert_eq!(name, format!("changes to {}", file(&desk).canonicalize().unwrap().display()));
    assert!(story.places("attachment") < story.places("step.planned"), "who approves it sees it first");
    let difference = story.last("attachment", Some("write"), "blob").unwrap().as_str().unwrap().to_owned();
    let difference = fs::read_to_string(desk.runs().pop().unwrap().join("blobs").join(difference)).unwrap();
    assert!(
        difference.contains("\n-nameserver 10.0.0.7\n+nameserver 10.0.0.8\n+nameserver 10.0.0.9\n"),
        "{difference}"
    );
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn an_equal_file_is_left_untouched_and_nobody_is_asked() {
    let desk = desk("    approve: operator\n    denied: failed\n");
    fs::write(file(&desk), NEW).unwrap();
    let before = fs::metadata(file(&desk)).unwrap();
    // Nobody is there to approve anything: it would wait.
    desk.run("try", &[]).ended(0);
    let after = fs::metadata(file(&desk)).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    let story = desk.story();
    assert_eq!(story.last("step.settled", Some("write"), "settlement").unwrap(), "already_so");
    assert_eq!((story.of("approval.requested", None).count(), story.of("step.intent", Some("write")).count()), (0, 0));
    desk.do_it(&["run", "try", "--dry-run"]).ended(0).shows("already so");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn a_new_file_gets_the_mode_that_is_said_and_another_mode_alone_is_a_change() {
    let desk = Desk::with_runbook(
        "steps:\n  write: { act: Write it, template: { source: $WORK/a.hbs, to: a.conf, mode: '0600' }, dir: $WORK, on_fail: failed }\n",
    );
    fs::write(desk.work().join("a.hbs"), "a\n").unwrap();
    desk.run("try", &[]).ended(0).shows("new, mode 0600");
    let path = desk.work().join("a.conf");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    set_mode(&path, 0o644);
    desk.run("try", &[]).ended(0).shows("mode 0644 becomes 0600");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    desk.run("try", &[]).ended(0);
    assert_eq!(desk.story().last("step.settled", Some("write"), "settlement").unwrap(), "already_so");
}

#[test]
fn a_template_that_fails_leaves_the_old_file() {
    for (source, why) in [
        (
            "{{#each params.servers}}\n{{ @root.params.name }} {{ this.port }}\n{{/each}}\n",
            "line 2: this.port does not exist",
        ),
        ("{{ params.servers }}\n", "line 1: params.servers is a list, and text belongs here"),
    ] {
        let desk = desk("");
        fs::write(desk.work().join("resolv.hbs"), source).unwrap();
        desk.run("try", &[]).ended(1).shows(why);
        assert!(reason(&desk).contains(why), "{}", reason(&desk));
        assert_eq!((text(&desk).as_str(), beside(&desk).len(), desk.read("count").as_str()), (OLD, 1, ""));
    }
}

#[test]
fn the_checker_names_a_file_that_is_not_there_and_a_name_nobody_has() {
    let desk = desk("");
    fs::write(desk.work().join("resolv.hbs"), "a\n{{ params.servrs }}\n").unwrap();
    let file_of_it = desk.runbooks().join("try.yaml");
    let check = ["check", file_of_it.to_str().unwrap()];
    desk.do_it(&check).ended(2).shows("RB0192").shows("line 2: there is no param `servrs`");
    desk.run("try", &[]).ended(2);
    fs::remove_file(desk.work().join("resolv.hbs")).unwrap();
    desk.do_it(&check).ended(2).shows("RB0190");
    assert_eq!(text(&desk), OLD);
}

#[test]
fn a_directory_that_is_missing_or_takes_no_file_is_named_and_the_old_file_stays() {
    let gone = desk("");
    fs::remove_dir_all(gone.work().join("etc")).unwrap();
    gone.run("try", &[]).ended(1).shows("etc does not exist, and none is made");

    // Root writes where it may not; a mount that is read-only stops it too.
    let sealed = desk("");
    let full = Path::new("/proc/self");
    fs::remove_file(file(&sealed)).unwrap();
    symlink(full.join("status"), file(&sealed)).unwrap();
    sealed.run("try", &[]).ended(1);
    assert!(fs::symlink_metadata(file(&sealed)).unwrap().is_symlink());
    let ended = sealed.story().last("step.ended", Some("write"), "end").unwrap().clone();
    assert_eq!(ended, "not_started", "{}", reason(&sealed));
}

/// A disk of its own under the file, which goes with this.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// One of 16 KiB; nothing where mounting is not allowed.
    fn under(folder: PathBuf) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"]).arg(&folder).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what is not tried here is said")]
fn a_disk_that_is_full_leaves_the_old_file_whole() {
    let desk = desk("");
    let Some(mounted) = SmallDisk::under(desk.work().join("etc")) else {
        println!("not tried: mounting is not allowed here");
        return;
    };
    fs::write(file(&desk), OLD).unwrap();
    // As much as there is room for.
    let filler = mounted.0.join("filler");
    assert_eq!(fs::write(&filler, vec![b'x'; 64 << 10]).unwrap_err().raw_os_error(), Some(28));
    desk.run("try", &[]).ended(1).shows("No space left on device").shows("it is as it was");
    let story = desk.story();
    assert_eq!((story.settled("write"), story.of("doubt.opened", None).count()), ("failed", 0));
    assert_eq!((text(&desk).as_str(), desk.read("count").as_str()), (OLD, ""));
    assert_eq!(beside(&desk), ["filler", "resolv.conf"], "nothing is left beside it");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
    // With room again the same step does it.
    fs::remove_file(filler).unwrap();
    desk.run("try", &[]).ended(0);
    assert_eq!(text(&desk), NEW);
    drop(mounted);
}

#[test]
fn a_link_is_followed_and_what_is_no_file_is_refused() {
    let linked = desk("");
    let real = linked.work().join("real.conf");
    fs::rename(file(&linked), &real).unwrap();
    symlink("../real.conf", file(&linked)).unwrap();
    linked.run("try", &[]).ended(0).shows("real.conf");
    assert!(fs::symlink_metadata(file(&linked)).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(real).unwrap(), NEW);

    let folder = desk("");
    fs::remove_file(file(&folder)).unwrap();
    fs::create_dir(file(&folder)).unwrap();
    folder.run("try", &[]).ended(1).shows("it is no regular file");
}

#[test]
fn a_file_that_changed_while_somebody_thought_about_it_is_left_alone() {
    let desk = desk("    approve: operator\n    denied: failed\n");
    desk.run("try", &[]).ended(75);
    fs::write(file(&desk), "somebody else\n").unwrap();
    desk.do_it(&["approve", "latest", "write"]).ended(1);
    assert_eq!(text(&desk), "somebody else\n");
    assert!(reason(&desk).contains("not what it was when the change was shown"), "{}", reason(&desk));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn a_file_is_put_back_in_the_rollback() {
    let undo = "    undo: { template: { source: $WORK/old.hbs, to: $WORK/etc/resolv.conf } }\n";
    let desk = desk(&format!("{undo}  fails: {{ verify: It is well, run: 'false', on_fail: failed }}\n"));
    fs::write(desk.work().join("old.hbs"), OLD).unwrap();
    let mut command = desk.command(&["run", "try"]);
    command.env("RUNBOOK_TEST", "1");
    // Nobody is there: the rollback waits to be allowed.
    Started::from(command).end().ended(75);
    assert_eq!(text(&desk), NEW);
    desk.do_it(&["answer", "latest", "yes"]).ended(1);
    assert_eq!((text(&desk).as_str(), beside(&desk).len()), (OLD, 1));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

/// Runs it to its end, each of its processes killed at the nth call of a kind that it makes, as `strace` can do it.
fn killed_at(desk: &Desk, call: &str, nth: usize) {
    let asked = desk.command(&["run", "try"]);
    let mut command = std::process::Command::new("strace");
    command.args(["--follow-forks", "--quiet=all", "--output=/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]);
    command.arg(asked.get_program()).args(asked.get_args()).stdin(std::process::Stdio::null());
    command.current_dir(runbook_tests::binary::repository());
    for (name, value) in asked.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let _said = Started::from(command).end();
}

/// Whether a run came as far as to be gone on with.
fn has_begun(desk: &Desk) -> bool {
    let run = desk.runs().pop();
    run.is_some_and(|run| fs::read_to_string(run.join("transcript.jsonl")).is_ok_and(|text| text.contains('\n')))
}

#[test]
fn killed_anywhere_it_leaves_the_old_file_or_the_new_one_and_it_is_known_which() {
    runbook_tests::programs::ready();
    let mut seen = std::collections::BTreeSet::new();
    let mut said_before = false;
    for call in ["fchmod", "rename", "fsync", "unlink", "fdatasync"] {
        for nth in 1..=5 {
            let desk = desk("");
            killed_at(&desk, call, nth);
            let now = text(&desk);
            assert!(now == OLD || now == NEW, "{call} {nth}: {now:?}");
            if !has_begun(&desk) {
                assert_eq!(now, OLD, "{call} {nth}: written before it was recorded");
                continue;
            }
            if desk.story().outcome() == "(not sealed)" {
                let said = desk.do_it(&["resume"]);
                // The plan of what follows knows it as well.
                assert!(!said.out.contains("in doubt"), "{call} {nth}: {}", said.out);
                said_before |= said.out.contains(if now == NEW {
                    "its file is as it was to be: it was written"
                } else {
                    "it was not written: the old file is still there, so it has failed"
                });
            }
            let story = desk.story();
            assert_eq!(story.of("doubt.opened", None).count(), 0, "{call} {nth}: it can be told");
            let settled = story.settled("write").to_owned();
            assert_eq!(settled == "passed", text(&desk) == NEW, "{call} {nth}: {settled}, {}", text(&desk));
            assert_eq!(beside(&desk), ["resolv.conf"], "{call} {nth}: nothing is left beside it");
            seen.insert(settled);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["failed", "passed"], "both ends were seen");
    assert!(said_before, "no plan told how the file is");
}

#[test]
fn an_engine_killed_before_the_file_was_let_go_writes_it_when_it_goes_on() {
    let desk = desk("    approve: operator\n    denied: failed\n");
    desk.run("try", &[]).ended(75);
    let run = desk.start(&["approve", "latest", "write"]);
    run.signal(Signal::KILL);
    let _code = run.process_end();
    until(|| {
        let said = desk.do_it(&["resume"]);
        match said.code {
            0 => Ok(()),
            75 => {
                // The approval had not come in.
                let _said = desk.do_it(&["approve", "latest", "write"]);
                Err(said.out)
            }
            _ if desk.story().outcome() == "resolved" => Ok(()),
            _ => Err(format!("{said:?}")),
        }
    });
    assert_eq!((text(&desk).as_str(), desk.read("count").as_str()), (NEW, "after\n"));
    assert_eq!(beside(&desk), ["resolv.conf"]);
}
