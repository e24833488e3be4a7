//! What is started is exactly what was said, and what cannot be is told apart.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use runbook_runner::process::{ResolveError, SpawnError, Spec, Stdin, resolve, start};

use crate::world::{Marked, block_on, system};

fn write_mode(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn start_error(spec: Spec) -> SpawnError {
    block_on(async { start(spec) }).unwrap_err()
}

#[test]
fn environment_is_exactly_what_is_given() {
    let mut child = Marked::program(&system("env"), &["-0"]);
    child.spec.environment =
        [("B", "2"), ("A", "1 = one\ntwo"), ("EMPTY", ""), ("B", "3")].map(|(n, v)| (n.into(), v.into())).to_vec();
    let printed = String::from_utf8(child.run().stdout.kept).unwrap();
    let mut variables: Vec<&str> = printed.split_terminator('\0').collect();
    variables.sort_unstable();
    assert_eq!(variables, ["A=1 = one\ntwo", "B=3", "EMPTY="]);

    child.spec.environment.clear();
    assert_eq!(child.run().stdout.bytes_seen, 0);
}

#[test]
fn words_and_directory_and_name_are_exact() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let mut child = Marked::sh(r#"printf '<%s>' "$0" "$@"; pwd -P"#);
    child.spec.words.extend(["zero", "", "a b", "$HOME", "*", "'\""].map(Into::into));
    child.spec.directory.clone_from(&directory);
    let printed = String::from_utf8(child.run().stdout.kept).unwrap();
    assert_eq!(printed, format!("<zero><><a b><$HOME><*><'\">{}\n", directory.display()));

    let mut child = Marked::program(&system("ls"), &["/no/such/file"]);
    child.spec.called = Some("ls".into());
    let ended = child.run();
    assert!(ended.stderr.kept.starts_with(b"ls: "), "{:?}", String::from_utf8_lossy(&ended.stderr.kept));
}

#[test]
fn child_leads_a_group_of_its_own_and_its_start_is_known() {
    let child = Marked::sh("cut -d' ' -f5,22 /proc/$$/stat; echo $$");
    block_on(async {
        let running = child.start();
        let (pid, begun) = (running.pid(), running.start_time().unwrap());
        let printed = String::from_utf8(running.wait(|_, _| {}).await.stdout.kept).unwrap();
        assert_eq!(printed, format!("{pid} {begun}\n{pid}\n"));
    });
}

#[test]
fn child_inherits_no_descriptor_of_ours() {
    // Whoever started the tests may have left descriptors open for everybody; those are theirs.
    let mut inheritable = vec!["0".to_owned(), "1".to_owned(), "2".to_owned()];
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap() {
        let entry = entry.unwrap();
        let Ok(info) = fs::read_to_string(entry.path()) else { continue };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        if u32::from_str_radix(flags, 8).unwrap() & rustix::fs::OFlags::CLOEXEC.bits() == 0 {
            inheritable.push(entry.file_name().into_string().unwrap());
        }
    }
    let printed = String::from_utf8(Marked::sh("ls /proc/$$/fd").run().stdout.kept).unwrap();
    let open: Vec<&str> = printed.lines().collect();
    assert!(open.len() >= 3, "{printed}");
    for descriptor in open {
        assert!(inheritable.iter().any(|known| known == descriptor), "{descriptor} is open in the child");
    }
}

#[test]
fn missing_program_is_named_with_the_path_searched() {
    let error = resolve("dnsTool", "/no/such:/usr/bin::rel".as_ref(), Path::new("/srv")).unwrap_err();
    let searched: Vec<PathBuf> = ["/no/such", "/usr/bin", "/srv/", "/srv/rel"].map(PathBuf::from).to_vec();
    let missing = ResolveError::Missing { program: "dnsTool".into(), directory: "/srv".into(), searched };
    assert_eq!(error, missing);
    assert_eq!(
        error.to_string(),
        "program \"dnsTool\" was not found in PATH (searched /no/such, /usr/bin, /srv/, /srv/rel)"
    );
    let error = resolve("dnsTool", "".as_ref(), Path::new("/srv")).unwrap_err();
    assert_eq!(error.to_string(), "program \"dnsTool\" was not found: PATH is empty");
    let error = resolve("./dnsTool", "/bin".as_ref(), Path::new("/srv")).unwrap_err();
    assert_eq!(error.to_string(), "program \"./dnsTool\" does not exist (looked for /srv/./dnsTool)");
    assert_eq!(resolve("", "/bin".as_ref(), Path::new("/")).unwrap_err().to_string(), "the program's name is empty");
}

#[test]
fn search_passes_over_what_cannot_be_executed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["a", "b", "c"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::create_dir(at("a/tool")).unwrap();
    write_mode(&at("b/tool"), "", 0o644);
    let path = std::env::join_paths([at("a"), at("b"), at("c")]).unwrap();

    let error = resolve("tool", &path, Path::new("/")).unwrap_err();
    assert_eq!(error, ResolveError::NotExecutable { program: "tool".into(), path: at("a/tool") });
    assert_eq!(error.to_string(), format!("program \"tool\" is not executable: {}", at("a/tool").display()));

    write_mode(&at("c/tool"), "", 0o755);
    assert_eq!(resolve("tool", &path, Path::new("/")).unwrap(), at("c/tool"));
    assert_eq!(resolve("tool", "c".as_ref(), directory.path()).unwrap(), at("c/tool"));
    assert_eq!(resolve("c/tool", "".as_ref(), directory.path()).unwrap(), at("c/tool"));
}

#[test]
fn what_cannot_be_started_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    write_mode(&at("plain"), "hello", 0o644);
    write_mode(&at("lost"), "#!/no/such/interpreter\n", 0o755);
    write_mode(&at("junk"), "neither a script nor a program", 0o755);

    let error = start_error(Spec::new(at("gone"), "/"));
    assert!(matches!(&error, SpawnError::MissingProgram { program } if *program == at("gone")), "{error}");
    let error = start_error(Spec::new(at("lost"), "/"));
    assert!(matches!(error, SpawnError::MissingInterpreter { .. }), "{error}");
    for name in ["plain", "junk"] {
        let error = start_error(Spec::new(at(name), "/"));
        assert!(matches!(error, SpawnError::NotExecutable { .. }), "{name}: {error}");
    }
    for (missing, kind) in [("gone", std::io::ErrorKind::NotFound), ("plain", std::io::ErrorKind::NotADirectory)] {
        let error = start_error(Spec::new("/bin/true", at(missing)));
        let SpawnError::Directory { directory, error } = error else { panic!("{error}") };
        assert_eq!((directory, error.kind()), (at(missing), kind));
    }
    let mut spec = Spec::new("/bin/true", "/");
    spec.words = vec!["a\0b".into()];
    assert!(matches!(start_error(spec), SpawnError::Other { .. }));
    let mut spec = Spec::new("/bin/true", "/");
    spec.words = vec!["x".repeat(1 << 20).into()];
    let error = start_error(spec);
    assert!(error.to_string().contains("rgument list too long"), "{error}");
}

#[test]
fn input_that_cannot_be_read_starts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for path in [directory.path().join("gone"), fifo] {
        let mut spec = Spec::new("/bin/true", "/");
        spec.stdin = Stdin::File(path.clone());
        let error = start_error(spec);
        assert!(matches!(&error, SpawnError::Input { path: named, .. } if *named == path), "{error}");
    }
}
