//! Requests over HTTP: one request on one connection, with an end to its time and to its answer.
//!
//! What is decided here for everybody who asks:
//! - Nothing is followed, repeated, cached, unpacked or kept open. A redirect is an answer, unless [`Request::redirects`].
//! - A certificate is held against what the machine trusts, with `SSL_CERT_FILE` and `SSL_CERT_DIR` in its place where the
//!   engine was started with them. There is no way around it.
//! - A proxy is used where [`Request::proxies`] names one, never because of a variable in the engine's environment.
//! - Its time goes on while the machine sleeps.
//! - No answer says whether something may have been sent: before a connection stands, TLS included, nothing was.
//! - No message holds a header, a body or what stands in front of the `@` of an address.

mod no_answer;
mod proxy;
mod redirect;
mod sent;

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

pub use self::no_answer::{NoAnswer, NotSent};
pub use self::proxy::Proxies;
use self::sent::Connected;
use crate::clock::Allowance;

/// How this program names itself, unless a request does.
const USER_AGENT: &str = concat!("runbook/", env!("CARGO_PKG_VERSION"));

/// A request. Not to be printed: its headers and its body may hold secrets.
#[derive(Clone)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The address, `http` or `https`.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// What is sent; nothing where it is empty.
    pub body: Vec<u8>,
    /// Whether redirects are followed.
    pub redirects: bool,
    /// The proxies in use.
    pub proxies: Proxies,
    /// Time for all of it, to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of the answer's body that are read; what comes after them is not.
    pub answer_bytes_max: u64,
}

/// An answer, but for its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, 100 to 999.
    pub status: u16,
    /// The headers, their names in lower case, in the order they came in; a name may stand there twice.
    pub headers: Vec<(String, String)>,
    /// Whether the body was longer than is read.
    pub cut: bool,
}

impl Request {
    /// Makes a GET without headers, redirects or a proxy.
    #[must_use]
    pub fn new(url: impl Into<String>, timeout: Duration) -> Self {
        Self {
            method: "GET".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            redirects: false,
            proxies: Proxies::default(),
            timeout,
            answer_bytes_max: runbook_core::limits::BLOB_BYTES_MAX,
        }
    }

    /// Looks whether it can be sent as it is written.
    ///
    /// # Errors
    /// [`NoAnswer`] with what is wrong: the address, a name or the value of a header, the method.
    pub fn check(&self) -> Result<(), NoAnswer> {
        first(self).map(|_| ())
    }
}

/// Sends a request and gives its answer with the whole body.
///
/// # Errors
/// [`NoAnswer`] when none came, it broke off, or its body is longer than [`Request::answer_bytes_max`].
pub async fn ask(request: &Request) -> Result<(Answer, Vec<u8>), NoAnswer> {
    let mut body = Vec::new();
    let answer = send(request, |bytes| body.extend_from_slice(bytes)).await?;
    if answer.cut {
        return Err(no_answer::too_long(&request.url, answer.status, request.answer_bytes_max));
    }
    Ok((answer, body))
}

/// Sends a request and gives its answer; the body goes to `take`, a piece at a time, as it comes.
///
/// # Errors
/// [`NoAnswer`] when none came, or it broke off.
pub async fn send(request: &Request, mut take: impl FnMut(&[u8])) -> Result<Answer, NoAnswer> {
    let mut time = Allowance::start(request.timeout);
    let mut hop = first(request)?;
    for followed in 0..=redirect::HOPS_MAX {
        let connected = Connected::default();
        // A request that was answered by a redirect was sent.
        let sent = || followed > 0 || connected.stands();
        let place = no_answer::place(&hop.url);
        let response = match time.within(hop.send(&connected, &request.proxies)).await {
            Some(Ok(response)) => response,
            Some(Err(error)) => return Err(no_answer::of(&error, &place, sent())),
            None => return Err(no_answer::out_of_time(&place, request.timeout, sent())),
        };
        if request.redirects
            && let Some(next) = redirect::next(&hop, &response)?
        {
            hop = next;
            continue;
        }
        return read(response, time, request, &place, &mut take).await;
    }
    Err(NoAnswer::after_sending(format!("more than {} redirects, the last to {}", redirect::HOPS_MAX, hop.url)))
}

async fn read(
    mut response: reqwest::Response,
    mut time: Allowance,
    request: &Request,
    place: &str,
    take: &mut impl FnMut(&[u8]),
) -> Result<Answer, NoAnswer> {
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut left = request.answer_bytes_max;
    let mut seen: u64 = 0;
    loop {
        let chunk = match time.within(response.chunk()).await {
            Some(Ok(Some(chunk))) => chunk,
            Some(Ok(None)) => return Ok(Answer { status, headers, cut: false }),
            Some(Err(_)) => return Err(no_answer::broke_off(place, status, seen)),
            None => return Err(no_answer::not_all_in_time(place, request.timeout, status, seen)),
        };
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        take(chunk.get(..room).unwrap_or_default());
        (left, seen) = (left - room as u64, seen + chunk.len() as u64);
        if room < chunk.len() {
            return Ok(Answer { status, headers, cut: true });
        }
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// One request on its way: the first, or where a redirect led.
pub(crate) struct Hop {
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn first(request: &Request) -> Result<Hop, NoAnswer> {
    let method = request.method.parse();
    let method = method.map_err(|_| NoAnswer::bad(format!("{:?} is no method", request.method)))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let key = HeaderName::try_from(name.as_str());
        let key = key.map_err(|_| NoAnswer::bad(format!("{name:?} is no name of a header")))?;
        let value = HeaderValue::try_from(value.as_str());
        let value = value.map_err(|_| NoAnswer::bad(format!("header {name} holds a sign that no header may")))?;
        headers.append(key, value);
    }
    Ok(Hop { method, url: address(&request.url)?, headers, body: request.body.clone() })
}

/// Reads an address.
fn address(text: &str) -> Result<Url, NoAnswer> {
    let url = Url::parse(text).map_err(|error| NoAnswer::bad(format!("{text:?} is no address: {error}")))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(NoAnswer::bad(format!("{text:?} is no http or https address"))),
    }
}

impl Hop {
    async fn send(&self, connected: &Connected, proxies: &Proxies) -> Result<reqwest::Response, reqwest::Error> {
        // A second time it is there already, and is the same.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connector_layer(connected.clone())
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT);
        let client = proxies.apply(client)?.build()?;
        let request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        let request = if self.body.is_empty() { request } else { request.body(self.body.clone()) };
        request.send().await
    }
}

#[cfg(test)]
mod tests;
