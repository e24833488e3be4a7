//! The commit a runbook belongs to, read from the repository's files: git is not started.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a small file of git's: HEAD, a ref, `gitdir`.
const SMALL_BYTES_MAX: u64 = 64 << 10;
/// Bytes of `packed-refs` and of an index that are read: a repository with a million files has about 100 MB.
const LARGE_BYTES_MAX: u64 = 256 << 20;
/// The bits of an entry's flags that are set in the middle of a merge.
const MERGE_STAGE: u16 = 0x3000;
/// How many symbolic refs follow one another at most.
const REFS_MAX: usize = 5;

/// What git knows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The commit that is checked out, 40 or 64 hexadecimal digits.
    pub id: String,
    /// Whether the file differs from that commit. `None` where that cannot be told without the commit's objects: the
    /// file is as it was staged, and something beside it was staged since the last commit or checkout.
    pub dirty: Option<bool>,
}

/// Finds the commit of the repository a file stands in. `bytes` are the file's.
#[must_use]
pub fn commit_of(file: &Path, bytes: &[u8]) -> Option<Commit> {
    let (top, git) = repository(file.parent()?)?;
    let common = common_directory(&git);
    let id = head(&git, &common)?;
    let name = file.strip_prefix(&top).ok().and_then(Path::to_str);
    let dirty = name.and_then(|name| differs(&git, name, bytes));
    Some(Commit { id, dirty })
}

/// The top of the working tree a directory stands in.
#[must_use]
pub fn top_of(directory: &Path) -> Option<PathBuf> {
    repository(directory).map(|(top, _)| top)
}

fn repository(directory: &Path) -> Option<(PathBuf, PathBuf)> {
    directory.ancestors().find_map(|top| {
        let git = top.join(".git");
        let kind = fs::metadata(&git).ok()?;
        if kind.is_dir() {
            return Some((top.to_owned(), git));
        }
        // A worktree or a submodule: the file says where.
        let text = read(&git, SMALL_BYTES_MAX)?;
        let target = std::str::from_utf8(&text).ok()?.strip_prefix("gitdir:")?.trim();
        Some((top.to_owned(), top.join(target)))
    })
}

fn common_directory(git: &Path) -> PathBuf {
    let text = read(&git.join("commondir"), SMALL_BYTES_MAX).and_then(|text| String::from_utf8(text).ok());
    text.map_or_else(|| git.to_owned(), |text| git.join(text.trim()))
}

fn head(git: &Path, common: &Path) -> Option<String> {
    let mut text = String::from_utf8(read(&git.join("HEAD"), SMALL_BYTES_MAX)?).ok()?;
    for _ in 0..REFS_MAX {
        let Some(name) = text.trim().strip_prefix("ref:").map(|name| name.trim().to_owned()) else {
            return is_id(text.trim()).then(|| text.trim().to_owned());
        };
        if name.split('/').any(|part| part == ".." || part.is_empty()) {
            return None;
        }
        let loose = read(&git.join(&name), SMALL_BYTES_MAX).or_else(|| read(&common.join(&name), SMALL_BYTES_MAX));
        match loose {
            Some(bytes) => text = String::from_utf8(bytes).ok()?,
            None => return packed(common, &name),
        }
    }
    None
}

fn packed(common: &Path, name: &str) -> Option<String> {
    let bytes = read(&common.join("packed-refs"), LARGE_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes).ok()?;
    text.lines().find_map(|line| {
        let (id, found) = line.split_once(' ')?;
        (found == name && is_id(id)).then(|| id.to_owned())
    })
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn read(path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    let file = fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= bytes_max).then_some(bytes)
}

/// Whether a file differs from its entry in the index; one that git does not know differs.
fn differs(git: &Path, name: &str, bytes: &[u8]) -> Option<bool> {
    let index = read(&git.join("index"), LARGE_BYTES_MAX)?;
    // Filters (line ends, LFS) would give another id for the same file; they are rare on a runbook, and then the file
    // is told to differ, which is the safe side.
    let (noted, rest) = find_in_index(&index, name)?;
    match noted {
        Noted::As(known) if known == blob_id(bytes) => {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            is_as_committed(rest, folder).then_some(false)
        }
        Noted::As(_) | Noted::Not => Some(true),
    }
}

/// The id git gives a file with these bytes, in a repository of SHA-1.
fn blob_id(bytes: &[u8]) -> [u8; 20] {
    sha1(&[format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat())
}

/// What an index says of a name.
enum Noted {
    /// It has this id.
    As([u8; 20]),
    /// It is not there, or a merge is going on.
    Not,
}

/// Looks a name up in an index of version 2 to 4, and gives what follows the entries; `None` where it cannot be read.
fn find_in_index<'a>(index: &'a [u8], name: &str) -> Option<(Noted, &'a [u8])> {
    let mut input = Input(index);
    if input.take(4)? != b"DIRC" {
        return None;
    }
    let version = input.number()?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut path: Vec<u8> = Vec::new();
    let mut noted = Noted::Not;
    for _ in 0..input.number()? {
        let before = input.0.len();
        input.take(40)?;
        let id: [u8; 20] = input.take(20)?.try_into().ok()?;
        let flags = u16::from_be_bytes(input.take(2)?.try_into().ok()?);
        if version >= 3 && flags & 0x4000 != 0 {
            input.take(2)?;
        }
        if version == 4 {
            let cut = input.varint()?;
            path.truncate(path.len().checked_sub(cut)?);
        } else {
            path.clear();
        }
        let end = input.0.iter().position(|byte| *byte == 0)?;
        path.extend_from_slice(input.take(end)?);
        input.take(1)?;
        if version < 4 {
            // Entries are padded to a multiple of eight bytes, the NUL above being the first of the padding.
            let length = before - input.0.len();
            input.take((8 - length % 8) % 8)?;
        }
        if path == name.as_bytes() {
            // In the middle of a merge there are several; none of them is what was committed.
            noted = if flags & MERGE_STAGE == 0 { Noted::As(id) } else { Noted::Not };
        }
    }
    Some((noted, input.0))
}

/// Whether the index's list of trees still has the tree of a folder: git writes it at a commit or a checkout, and
/// strikes it out when anything in the folder is staged.
fn is_as_committed(extensions: &[u8], folder: &str) -> bool {
    let mut input = Input(extensions);
    while let (Some(name), Some(size)) = (input.take(4), input.number()) {
        let Some(data) = usize::try_from(size).ok().and_then(|size| input.take(size)) else { return false };
        if name == b"TREE" {
            return tree_is_there(Input(data), folder).unwrap_or(false);
        }
    }
    false
}

fn tree_is_there(mut input: Input<'_>, folder: &str) -> Option<bool> {
    let (_, mut is_there, mut children) = input.tree()?;
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        let found = loop {
            children = children.checked_sub(1)?;
            let (name, valid, below) = input.tree()?;
            if name == part.as_bytes() {
                break (valid, below);
            }
            // All that is below another folder comes before the next one.
            let mut skip = below;
            while skip > 0 {
                skip = skip - 1 + input.tree()?.2;
            }
        };
        (is_there, children) = found;
    }
    Some(is_there)
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// One tree of the list: its name, whether its id is there, and how many trees it has below.
    fn tree(&mut self) -> Option<(&'a [u8], bool, usize)> {
        let name = self.until(0)?;
        let is_there = !self.until(b' ')?.starts_with(b"-");
        let below = std::str::from_utf8(self.until(b'\n')?).ok()?.parse().ok()?;
        if is_there {
            self.take(20)?;
        }
        Some((name, is_there, below))
    }

    fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let count = self.0.iter().position(|byte| *byte == end)?;
        let taken = self.take(count)?;
        self.take(1)?;
        Some(taken)
    }

    /// The number git writes for offsets: each further byte counts one more.
    fn varint(&mut self) -> Option<usize> {
        let mut byte = *self.take(1)?.first()?;
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = *self.take(1)?.first()?;
            value = value.checked_add(1)?.checked_mul(128)? + usize::from(byte & 0x7f);
        }
        Some(value)
    }
}

#[expect(clippy::many_single_char_names, reason = "the standard calls them so")]
/// SHA-1, only to know git's names for files; nothing here relies on its strength.
fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in padded.as_chunks::<64>().0 {
        let mut words = [0_u32; 80];
        for (word, four) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*four);
        }
        for round in 16..80 {
            let mixed = [3, 8, 14, 16].map(|back| words.get(round - back).copied().unwrap_or_default());
            if let Some(word) = words.get_mut(round) {
                *word = mixed.into_iter().fold(0, |mix, one| mix ^ one).rotate_left(1);
            }
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (round, word) in words.into_iter().enumerate() {
            let (mix, constant) = match round {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc_u32),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (part, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *part = part.wrapping_add(add);
        }
    }
    let mut digest = [0; 20];
    for (four, part) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = part.to_be_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::process::Command;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn git(directory: &Path, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(directory).args(words).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        for (name, value) in [("HOME", "/nonexistent"), ("GIT_CONFIG_NOSYSTEM", "1")] {
            command.env(name, value);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "t").env(format!("GIT_{who}_EMAIL"), "t@example.com");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file that is not as young as the index: git looks at such a one again, and strikes out its tree.
    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn sha1_is_the_one_git_uses() {
        assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        for length in [55, 56, 57, 63, 64, 65, 119, 120] {
            assert_eq!(sha1(&vec![b'a'; length]).len(), 20);
        }
        assert_eq!(hex(&sha1(&[b'a'; 56])), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
        assert_eq!(hex(&blob_id(b"hello\n")), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn the_commit_and_a_change_are_seen_in_every_kind_of_index() {
        for version in ["2", "3", "4"] {
            let directory = tempfile::tempdir().unwrap();
            let top = directory.path();
            git(top, &["init", "-q", "-b", "main"]);
            git(top, &["config", "index.version", version]);
            fs::create_dir(top.join("runbooks")).unwrap();
            for name in ["a", "runbooks/dns-failover.yaml", "runbooks/dns.yaml", "z"] {
                write(&top.join(name), &format!("this is {name}\n"));
            }
            git(top, &["add", "."]);
            git(top, &["update-index", "--index-version", version]);
            git(top, &["commit", "-qm", "first"]);
            let id = git(top, &["rev-parse", "HEAD"]);
            let file = top.join("runbooks/dns.yaml");
            let clean = Commit { id: id.clone(), dirty: Some(false) };
            assert_eq!(commit_of(&file, b"this is runbooks/dns.yaml\n"), Some(clean.clone()), "version {version}");
            assert_eq!(commit_of(&file, b"changed\n").unwrap().dirty, Some(true));
            assert_eq!(commit_of(&top.join("runbooks/new.yaml"), b"x").unwrap().dirty, Some(true));
            git(top, &["pack-refs", "--all"]);
            assert_eq!(commit_of(&file, b"this is runbooks/dns.yaml\n"), Some(clean.clone()));
            // Staged, and not committed: it is not as in the commit, and that cannot be told.
            write(&file, "staged\n");
            git(top, &["add", "."]);
            assert_eq!(commit_of(&file, b"staged\n").unwrap().dirty, None, "version {version}");
            git(top, &["commit", "-qm", "second"]);
            let id = git(top, &["rev-parse", "HEAD"]);
            write(&top.join("a"), "elsewhere\n");
            git(top, &["add", "."]);
            let clean = Commit { id, dirty: Some(false) };
            assert_eq!(commit_of(&file, b"staged\n"), Some(clean.clone()), "version {version}");
            let other = tempfile::tempdir().unwrap();
            let tree = other.path().join("tree");
            git(top, &["worktree", "add", "-q", "-b", "side", tree.to_str().unwrap()]);
            assert_eq!(commit_of(&tree.join("runbooks/dns.yaml"), b"staged\n"), Some(clean));
        }
    }

    #[test]
    fn outside_a_repository_there_is_no_commit() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(commit_of(&directory.path().join("x.yaml"), b""), None);
    }
}
