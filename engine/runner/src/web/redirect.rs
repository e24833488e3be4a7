//! Where a redirect leads, and what goes there: what was meant for one place is not told another.

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION,
    USER_AGENT,
};
use reqwest::{Method, Response, StatusCode, Url};

use super::Hop;
use super::no_answer::{NoAnswer, place};

/// Redirects that are followed one after another.
pub(super) const HOPS_MAX: u32 = 10;
/// Headers that tell no secret, and so go along to another place.
const PLAIN: [HeaderName; 5] = [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT];

/// Where an answer leads; nothing where it is no redirect.
///
/// To another scheme, host or port only the headers go along that tell no secret; a body does not, and is an error.
pub(super) fn next(hop: &Hop, response: &Response) -> Result<Option<Hop>, NoAnswer> {
    let status = response.status();
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let keeps = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            matches!(hop.method, Method::GET | Method::HEAD)
        }
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let from = place(&hop.url);
    let url = location.to_str().ok().and_then(|to| hop.url.join(to).ok());
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
        return Err(NoAnswer::after_sending(format!("{from} redirects to what is no address (status {status})")));
    };
    if hop.url.scheme() == "https" && url.scheme() == "http" {
        return Err(NoAnswer::after_sending(format!("{from} redirects out of TLS, to {}", place(&url))));
    }
    let mut headers = hop.headers.clone();
    if !is_same_place(&hop.url, &url) {
        if keeps && !hop.body.is_empty() {
            let why = format!("{from} redirects a request with a body to another place, {}", place(&url));
            return Err(NoAnswer::after_sending(why));
        }
        headers = plain(&headers);
    }
    if keeps {
        return Ok(Some(Hop { method: hop.method.clone(), url, headers, body: hop.body.clone() }));
    }
    for of_the_body in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH] {
        headers.remove(of_the_body);
    }
    Ok(Some(Hop { method: Method::GET, url, headers, body: Vec::new() }))
}

fn is_same_place(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

fn plain(headers: &HeaderMap) -> HeaderMap {
    headers.iter().filter(|(name, _)| PLAIN.contains(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
