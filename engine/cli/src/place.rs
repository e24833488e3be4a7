//! Where the runbooks are and where their runs are kept, and how a command is written that means the same.

use std::path::{Path, PathBuf};

use runbook_core::run::calls::Calls;

/// The name of the folder of runbooks.
const RUNBOOKS: &str = "runbooks";
/// The name of the store beside it.
const STORE: &str = ".runbook";

/// Where things are, as found from the options and the directory one stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder of runbooks.
    pub runbooks: PathBuf,
    /// The store.
    pub store: PathBuf,
    /// A command to go on must name the store: it would not be found otherwise.
    store_is_named: bool,
    /// The folder of runbooks as it was named by an option or the environment.
    given_dir: Option<PathBuf>,
    /// The store was named by an option or the environment.
    given_store: bool,
    /// The program, as it can be called again.
    program: String,
}

impl Place {
    /// Finds the folder of runbooks: as named, else `runbooks` here or in the nearest directory above that has one.
    /// The store is as named, else `.runbook` beside that folder.
    #[must_use]
    pub fn find(dir: Option<&Path>, store: Option<&Path>, here: &Path, program: &str) -> Self {
        let runbooks = match dir {
            Some(dir) => here.join(dir),
            None => here
                .ancestors()
                .map(|directory| directory.join(RUNBOOKS))
                .find(|path| path.is_dir())
                .unwrap_or_else(|| here.join(RUNBOOKS)),
        };
        let beside = runbooks.parent().unwrap_or(here).join(STORE);
        let store_is_named = store.is_some() || dir.is_some();
        // A program called by its path may not be in PATH at all.
        let program = if program.contains('/') { quote(program) } else { "runbook".to_owned() };
        Self {
            runbooks,
            store: store.map_or(beside, |store| here.join(store)),
            store_is_named,
            given_dir: dir.map(|dir| here.join(dir)),
            given_store: store.is_some(),
            program,
        }
    }

    /// The folder of runbooks, where it was named.
    #[must_use]
    pub fn given_dir(&self) -> Option<&Path> {
        self.given_dir.as_deref()
    }

    /// Keeps runs in this store unless another one was named. A command to go on names it where it is not the one that
    /// is found from here.
    pub fn keep_in(&mut self, store: &Path) {
        if !self.given_store && self.store != store {
            store.clone_into(&mut self.store);
            self.store_is_named = true;
        }
    }

    /// The program, as a shell calls it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// A command line of this program that has nothing to do with any run: no store is named.
    #[must_use]
    pub fn bare_command(&self, words: &[&str]) -> String {
        let words = words.iter().map(|word| quote(word));
        std::iter::once(self.program.clone()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// How commands in messages to other people are written: as [`Self::command`] writes them.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let store = quote(&self.store.to_string_lossy());
        let options = if self.store_is_named { format!(" --store {store}") } else { String::new() };
        Calls { program: self.program.clone(), options }
    }

    /// A command line of this program that means the same when it is pasted into a shell: the words are quoted, and
    /// the store is named where it would not be found otherwise.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        let mut line = self.bare_command(words);
        // What reads runbooks has to find their folder too; a run has its own with it.
        if let (Some(dir), Some(&("run" | "new"))) = (&self.given_dir, words.first()) {
            line.push_str(" --dir ");
            line.push_str(&quote(&dir.to_string_lossy()));
        }
        if self.store_is_named {
            line.push_str(" --store ");
            line.push_str(&quote(&self.store.to_string_lossy()));
        }
        line
    }
}

/// A word as a shell reads it back.
#[must_use]
pub fn quote(word: &str) -> String {
    let is_bare = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '_' | '-' | '.' | '/' | ':' | '=' | '@' | '+' | ',' | '%')
    };
    if !word.is_empty() && word.chars().all(is_bare) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A path as it is shortest from here.
#[must_use]
pub fn shown(path: &Path, here: &Path) -> String {
    let shown = path.strip_prefix(here).unwrap_or(path);
    if shown.as_os_str().is_empty() { ".".to_owned() } else { shown.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_store_only_where_it_must() {
        let here = Path::new("/nowhere/at all");
        let default = Place::find(None, None, here, "runbook");
        assert_eq!(default.store, Path::new("/nowhere/at all/.runbook"));
        assert_eq!(default.command(&["approve", "r1", "shut_down"]), "runbook approve r1 shut_down");
        let named = Place::find(None, Some(Path::new("it's")), here, "./target/runbook");
        assert_eq!(
            named.command(&["note", "two words"]),
            r"./target/runbook note 'two words' --store '/nowhere/at all/it'\''s'"
        );
    }

    #[test]
    fn a_command_names_the_folder_of_runbooks_where_it_reads_them() {
        let place = Place::find(Some(Path::new("shop")), None, Path::new("/nowhere"), "runbook");
        assert_eq!(place.command(&["run", "x"]), "runbook run x --dir /nowhere/shop --store /nowhere/.runbook");
        assert_eq!(place.command(&["resume", "r1"]), "runbook resume r1 --store /nowhere/.runbook");
        assert_eq!(place.bare_command(&["explain", "RB0101"]), "runbook explain RB0101");
    }

    #[test]
    fn another_store_is_named_in_commands_from_then_on() {
        let here = Path::new("/nowhere");
        let mut place = Place::find(None, None, here, "runbook");
        place.keep_in(Path::new("/nowhere/.runbook"));
        assert_eq!(place.command(&["runs"]), "runbook runs");
        place.keep_in(Path::new("/elsewhere/.runbook"));
        assert_eq!(place.command(&["runs"]), "runbook runs --store /elsewhere/.runbook");
        let mut given = Place::find(None, Some(Path::new("s")), here, "runbook");
        given.keep_in(Path::new("/elsewhere/.runbook"));
        assert_eq!(given.store, Path::new("/nowhere/s"));
    }
}
