//! Proxies: named by the variables every tool knows, and only by those that a program of the run would see too.

use reqwest::{ClientBuilder, NoProxy, Proxy};

/// The variables, in the order in which they count; each also in capitals.
const VARIABLES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

/// The proxies of a request; none by default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    all: Option<String>,
    none_for: Option<String>,
}

impl Proxies {
    /// Reads them from an environment: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, small letters before
    /// capitals. Pass what a program would be given, not what the engine has.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let [http, https, all, none_for] = VARIABLES.map(|name| {
            let value = variable(name).or_else(|| variable(&name.to_ascii_uppercase()));
            value.filter(|value| !value.is_empty())
        });
        Self { http, https, all, none_for }
    }

    /// The names of the variables that are read.
    pub fn variables() -> impl Iterator<Item = String> {
        VARIABLES.iter().flat_map(|name| [(*name).to_owned(), name.to_ascii_uppercase()])
    }

    pub(super) fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        let exempt = || self.none_for.as_deref().and_then(NoProxy::from_string);
        if let Some(proxy) = &self.http {
            builder = builder.proxy(Proxy::http(proxy)?.no_proxy(exempt()));
        }
        if let Some(proxy) = &self.https {
            builder = builder.proxy(Proxy::https(proxy)?.no_proxy(exempt()));
        }
        if let Some(proxy) = &self.all {
            builder = builder.proxy(Proxy::all(proxy)?.no_proxy(exempt()));
        }
        Ok(builder)
    }
}
