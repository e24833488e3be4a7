//! What a person does at a prompt.

/// One habit: at a prompt that reads so, these keys are typed.
#[derive(Clone, Debug)]
pub struct Rule {
    sees: String,
    about: Option<String>,
    asked: bool,
    types: String,
}

impl Rule {
    /// Types `keys` at a prompt that has `sees` in its line, in capitals or not.
    #[must_use]
    pub fn new(sees: &str, keys: &str) -> Self {
        Self { sees: sees.to_lowercase(), about: None, asked: false, types: keys.to_owned() }
    }

    /// Only where `words` have been on the screen since the last keys typed.
    #[must_use]
    pub fn about(mut self, words: &str) -> Self {
        self.about = Some(words.to_lowercase());
        self
    }

    /// Only where the line ends as a question does, in `:`, `?` or `>`, before what is said in brackets about its keys: a
    /// word that also stands in plain output.
    #[must_use]
    pub fn asked(mut self) -> Self {
        self.asked = true;
        self
    }

    /// The keys to type at this prompt, or none when the rule is about another.
    #[must_use]
    pub fn keys(&self, prompt: &str, since: &str) -> Option<&str> {
        let sees = prompt.to_lowercase().contains(&self.sees);
        let line = prompt.trim_end();
        let line = line.strip_suffix(')').and_then(|open| open.rsplit_once('(')).map_or(line, |(before, _)| before);
        let asked = !self.asked || line.trim_end().ends_with([':', '?', '>']);
        let about = self.about.as_ref().is_none_or(|words| since.to_lowercase().contains(words));
        (sees && asked && about).then_some(self.types.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn a_rule_types_only_where_it_fits() {
        let any = Rule::new("[y/n/?", "y");
        assert_eq!(any.keys("Stop it? [Y/N/?] ", ""), Some("y"));
        assert_eq!(any.keys("Stop it?", ""), None);
        let one = Rule::new("[y/n/?", "n").about("Shut down");
        assert_eq!(one.keys("go on? [y/n/?]", "step 3: shut down dns1"), Some("n"));
        assert_eq!(one.keys("go on? [y/n/?]", "step 4: fail over"), None);
        let reason = Rule::new("reason", "because\r").asked();
        assert_eq!(reason.keys("Reason: ", ""), Some("because\r"));
        assert_eq!(reason.keys("Your reason? (Esc: back) ", ""), Some("because\r"));
        assert_eq!(reason.keys("its reason (not reached)", ""), None);
        assert_eq!(reason.keys("skipped, its reason: not reached", ""), None);
    }
}
