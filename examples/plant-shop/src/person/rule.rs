//! What a person does at a prompt.

/// One habit: at a prompt that reads so, these keys are typed.
#[derive(Clone, Debug)]
pub struct Rule {
    sees: String,
    about: Option<String>,
    types: String,
}

impl Rule {
    /// Types `keys` at a prompt that has `sees` in its line, in capitals or not.
    #[must_use]
    pub fn new(sees: &str, keys: &str) -> Self {
        Self { sees: sees.to_lowercase(), about: None, types: keys.to_owned() }
    }

    /// Only where `words` have been on the screen since the last keys typed.
    #[must_use]
    pub fn about(mut self, words: &str) -> Self {
        self.about = Some(words.to_lowercase());
        self
    }

    /// The keys to type at this prompt, or none when the rule is about another.
    #[must_use]
    pub fn keys(&self, prompt: &str, since: &str) -> Option<&str> {
        let asked = prompt.to_lowercase().contains(&self.sees);
        let about = self.about.as_ref().is_none_or(|words| since.to_lowercase().contains(words));
        (asked && about).then_some(self.types.as_str())
    }
}
