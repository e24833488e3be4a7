//! Which machine a name means.

use indexmap::IndexMap;
use runbook_core::document::address::Address;
use runbook_core::source::Spanned;

/// Another host, as a step names it and as it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// As it is shown.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) address: Address,
}

/// Finds a host: a name of the team file, or an address written out.
///
/// # Errors
/// A sentence that says what there is no such host of.
pub(crate) fn find(wanted: &str, hosts: &IndexMap<String, Spanned<String>>) -> Result<Host, String> {
    if wanted.starts_with("ssh:") {
        let address = Address::parse(wanted).ok_or_else(|| {
            format!("{wanted:?} is no address of a host: write ssh://user@host or ssh://user@host:port")
        })?;
        return Ok(Host { name: wanted.to_owned(), address });
    }
    let known = hosts.get(wanted).ok_or_else(|| {
        let names: Vec<&str> = hosts.keys().map(String::as_str).collect();
        let names = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        format!("there is no host {wanted:?} in the team file ({names})")
    })?;
    // The team file was checked when it was read.
    let address = Address::parse(&known.value).ok_or_else(|| format!("{:?} is no address of a host", known.value))?;
    Ok(Host { name: wanted.to_owned(), address })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use runbook_core::source::Span;

    use super::*;

    #[test]
    fn a_host_is_found_by_name_or_address_and_what_is_not_there_is_named() {
        let hosts: IndexMap<String, Spanned<String>> = [("web1", "ssh://ops@10.0.0.1:2222")]
            .map(|(name, at)| (name.to_owned(), Spanned { value: at.to_owned(), span: Span::default() }))
            .into();
        let web1 = find("web1", &hosts).unwrap();
        assert_eq!((web1.name.as_str(), web1.address.port), ("web1", Some(2222)));
        assert_eq!(find("ssh://db1", &hosts).unwrap().address.host, "db1");
        let error = find("web2", &hosts).unwrap_err();
        assert_eq!(error, "there is no host \"web2\" in the team file (it has web1)");
        assert!(find("", &hosts).unwrap_err().contains("no host \"\""));
        assert!(find("ssh://-x", &hosts).is_err());
    }
}
