//! How a run is checked without this program.

/// The commands, a line each, to be run in the run's folder by bash: the first makes a variable, each of the others prints
/// nothing and ends with 0 if all is well. They want `jq`, `sha256sum` and what every machine has, and are those of
/// `FORMAT.md`.
pub const BY_HAND: &str = r"T=transcript.jsonl; D=$(mktemp -d); split -l1 -a7 -d $T $D/
diff <(jq -r .prev $T) <(printf '%064d\n' 0; find $D -type f | sort | xargs sha256sum | cut -c1-64 | head -n -1)
jq -acS . $T | cmp - $T
(cd blobs && find . -type f ! -name '*.erased' ! -name '.*' -printf '%f\n' | xargs -r sha256sum) | awk '$1!=$2{exit 1}'
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_the_same_commands() {
        assert!(include_str!("../FORMAT.md").contains(&format!("```bash\n{BY_HAND}```")));
    }
}
