//! Where another host is: `ssh://user@host:port`, as a team file and `on` write it.

use std::fmt;

/// The address of a host: no part of it can be taken for an option, or for anything by a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Who to be there; where it is not said, ssh knows.
    pub user: Option<String>,
    /// A name or an address; one of IPv6 without its brackets. It may be a name of `~/.ssh/config`.
    pub host: String,
    /// The port; where it is not said, ssh knows.
    pub port: Option<u16>,
}

impl Address {
    /// Reads `ssh://user@host:port`, where user and port may be left out; nothing where it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("ssh://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let (host, port) = if let Some(inside) = place.strip_prefix('[') {
            let (host, after) = inside.split_once(']')?;
            let (number, zone) = host.split_once('%').map_or((host, None), |(number, zone)| (number, Some(zone)));
            let is_v6 = number.contains(':')
                && number.chars().all(|one| one.is_ascii_hexdigit() || ":.".contains(one))
                && zone.is_none_or(is_name);
            (is_v6.then_some(host)?, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        } else {
            let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
            (is_name(host).then_some(host)?, port)
        };
        let port = match port {
            None => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port > 0)?)
            }
            Some(_) => return None,
        };
        if !user.is_none_or(is_name) {
            return None;
        }
        Some(Self { user: user.map(str::to_owned), host: host.to_owned(), port })
    }
}

fn is_name(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('-')
        && part.chars().all(|one| one.is_ascii_alphanumeric() || "_.-".contains(one))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_written() {
        for text in [
            "ssh://web1",
            "ssh://ops@planthost1.internal",
            "ssh://ops@10.0.0.7:2222",
            "ssh://[fe80::1%eth0]:22",
            "ssh://root@[::1]",
        ] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_address_or_could_be_an_option_is_refused() {
        for text in [
            "web1",
            "http://web1",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-x@web1",
            "ssh://a@b@c",
            "ssh://web1;id",
            "ssh://web 1",
            "ssh://web1:0",
            "ssh://web1:99999",
            "ssh://web1:+22",
            "ssh://web1:",
            "ssh://@web1",
            "ssh://[web1]",
            "ssh://web1/path",
            "ssh://$(id)@web1",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
