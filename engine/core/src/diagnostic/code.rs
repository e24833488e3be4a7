//! The codes of all problems, stable across versions: a number is never given to another problem.

use std::fmt;

use super::Severity;

macro_rules! codes {
    ($($name:ident $number:literal $severity:ident $title:literal)*) => {
        /// Which problem a diagnostic is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!($number, ": ", $title, ".")] $name,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number people write and search for: `RB0101`.
            #[must_use]
            pub fn number(self) -> &'static str {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// The problem in general, in a few words; a diagnostic's own title names the case.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// Whether it stops a run.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// The explanation, markdown: what it says, why it matters at night, a wrong example and the right one.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("pages/", $number, ".md")),)*
                }
            }
        }
    };
}

codes! {
    YamlSyntax "RB0101" Error "not valid YAML"
    NotUtf8 "RB0102" Error "not UTF-8"
    OverLimit "RB0103" Error "over a limit"
    AnchorAliasTag "RB0104" Error "anchor, alias, tag or merge key"
    DuplicateKey "RB0105" Error "duplicate key"
    UnknownKey "RB0106" Error "unknown key"
    MissingKey "RB0107" Error "missing key"
    WrongType "RB0108" Error "wrong type"
    UnknownVersion "RB0109" Error "unknown version"
    NameNotStem "RB0110" Error "name is not the file's stem"
    BadId "RB0111" Error "bad id"
    KindCount "RB0112" Error "no kind or two"
    WayCount "RB0113" Error "no way of working or two"
    KeyOfAnotherKind "RB0114" Error "key of another kind"
    BadDuration "RB0115" Error "bad duration or time"
    BadParam "RB0116" Error "bad param default or pattern"
    UnknownStep "RB0117" Error "unknown step"
    ReservedName "RB0118" Error "reserved name"
    Cycle "RB0119" Error "steps wait for each other"
    DoubleEdge "RB0120" Error "two edges between the same steps"
    AfterOneRoad "RB0121" Error "step after one road only"
    RoadEndsUnsaid "RB0122" Error "failure leads to an escalate that does not say what follows"
    TwoAnswers "RB0123" Error "two answers to one failure"
    UnreachableStep "RB0124" Error "unreachable step"
    NoOtherwise "RB0125" Error "decide without `otherwise`"
    FailedWithoutBecause "RB0126" Error "`failed` without `because`"
    ExpressionSyntax "RB0127" Error "expression syntax"
    ExpressionTooLarge "RB0128" Error "expression too long or too deep"
    UnknownNameInExpression "RB0129" Error "unknown name in an expression"
    TextWithNumber "RB0130" Error "text compared with a number"
    TemplateSyntax "RB0131" Error "template syntax"
    UnknownNameInTemplate "RB0132" Error "unknown name in a template"
    BlockInTemplate "RB0133" Error "block or partial in a template"
    OutputMayBeMissing "RB0134" Error "output that may not exist where it is read"
    ReadNotBefore "RB0135" Error "read of a step that does not come before"
    ShellSyntax "RB0136" Error "shell syntax in `run`"
    RenderedIntoShell "RB0137" Error "rendering into a shell's text"
    TemplateInScript "RB0138" Error "template in `script`"
    SecretOutside "RB0139" Error "secret outside its places"
    RetryNotIdempotent "RB0140" Error "`retry` on an act that is not idempotent"
    RetryWithApprove "RB0141" Error "`retry` with `approve`"
    DestructiveUnapproved "RB0142" Error "destructive without `approve`"
    UnknownParty "RB0143" Error "unknown person, team, host or channel"
    NoSteps "RB0144" Error "no steps"
    FailureUnhandled "RB0145" Warning "failure nothing handles and no `fallback`"
    NoOwner "RB0146" Warning "no owner"
    ReviewOverdue "RB0147" Warning "review overdue"
    WhenAroundDecide "RB0148" Warning "`when` on a decide or on what it leads to"
    RoadEndsAboveBranch "RB0149" Warning "road that ends right above another branch's start"
    PipelineLastExit "RB0150" Warning "pipeline judged by its last exit code"
    ActWithoutWayBack "RB0151" Warning "act that cannot be repeated, checked or undone"
    TrapExclamation "RB0152" Error "`!` at the start of a value is a YAML tag"
    TrapQuotedStart "RB0153" Error "text after a closing quote"
    TrapConditional "RB0154" Error "`? :` in a plain value"
    TrapBraces "RB0155" Error "`{{` at the start of a value is a YAML mapping"
    TrapColon "RB0156" Error "`: ` in a plain value"
    SilenceInvalid "RB0157" Warning "comment that silences nothing"
    SilenceUnused "RB0158" Warning "silencing comment without a warning"
    HiddenCharacter "RB0159" Error "character that cannot be seen"
    AmbiguousScalar "RB0160" Error "value that YAML readers read differently"
    ManyDocuments "RB0161" Error "more than one document"
    KeyNotText "RB0162" Error "key that is no name"
    FallbackWithNeeds "RB0163" Error "`fallback` step with `needs`"
    FinallyInOrder "RB0164" Error "`finally` step in the order"
    ActInVerify "RB0165" Error "verify that changes the world"
    WordBecomesOption "RB0166" Error "value that makes a word an option or nothing"
    IntegerDivision "RB0167" Error "integer divided by an integer"
    NotText "RB0168" Error "value that is no text rendered as text"
    UndoNotAct "RB0169" Error "`undo` that names no act"
    BadMatcher "RB0170" Error "bad alert matcher"
    UnknownRunbook "RB0171" Error "unknown runbook"
    UnknownHours "RB0172" Error "unknown hours"
    CallCircle "RB0180" Error "runbooks that run each other"
    CalledIsWrong "RB0181" Error "runbook run that has errors"
    BadWith "RB0182" Error "`with` that does not fit the params"
    SecretOfTwoPlaces "RB0183" Error "one secret from two places"
    DrillOverdue "RB0184" Warning "drill overdue"
    NoTemplateFile "RB0190" Error "template file that cannot be read"
    BadTemplateFile "RB0191" Error "template file that is no template"
    UnknownNameInFile "RB0192" Error "unknown name in a template file"
    OnCallNotMember "RB0200" Error "who is on call is no member"
    TeamInTeam "RB0201" Error "team as a member of a team"
    BadAddress "RB0202" Error "bad address of a channel"
    PhoneNotText "RB0203" Error "telephone number that is none"
    ChannelUnused "RB0204" Warning "channel nobody uses"
    ChannelWithoutSecret "RB0205" Warning "channel without its secret"
    NotAMember "RB0206" Warning "person outside the team they name"
}

impl Code {
    /// The code with this number, written as [`Self::number`] writes it; `None` when there is none.
    #[must_use]
    pub fn from_number(number: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise() {
        for (before, code) in std::iter::once("RB0100").chain(Code::ALL.iter().map(|code| code.number())).zip(Code::ALL)
        {
            assert!(code.number() > before && code.number().len() == before.len(), "{code:?}");
            assert_eq!(Code::from_number(code.number()), Some(*code));
        }
        assert_eq!(Code::from_number("RB9999"), None);
    }

    #[test]
    fn every_page_explains_its_code_with_a_wrong_and_a_right_example() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}: {}\n", code.title())), "{code}: {page}");
            let lines = page.lines().count();
            assert!((8..=25).contains(&lines), "{code} has {lines} lines");
            assert!(page.contains("\nWrong:\n") && page.contains("\nRight:\n"), "{code}");
            assert_eq!(page.matches("```").count() % 2, 0, "{code}");
            assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{code}");
        }
    }
}
