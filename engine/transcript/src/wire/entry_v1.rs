//! Version 1 of an entry: its line, and back.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use runbook_core::run::record::{Actor, Auth};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::canonical::{self, NotCanonical};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::run_id::RunId;

/// The version this module writes and reads.
pub const VERSION: u64 = 1;

const FIELDS: &[&str] = &["actor", "attempt", "bt", "d", "kind", "n", "prev", "run", "step", "ts", "v"];
const ACTOR_FIELDS: &[&str] = &["auth", "id", "origin", "uid"];

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAnEntry {
    /// It is no JSON, or not of the form of an entry.
    Form(String),
    /// It holds something that has no canonical form.
    Value(NotCanonical),
    /// It says the same in other bytes than it should; they differ first at this byte of the line.
    Bytes(usize),
}

impl fmt::Display for NotAnEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(why) => write!(f, "not an entry: {why}"),
            Self::Value(why) => write!(f, "not an entry: {why}"),
            Self::Bytes(at) => write!(f, "not in canonical form, from byte {at} of the line on"),
        }
    }
}

impl std::error::Error for NotAnEntry {}

/// Writes an entry's line with its LF.
///
/// # Errors
/// [`NotCanonical`] when `d` holds what has no canonical form, or a number is 2^53 or more.
pub fn encode(entry: &Entry, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    // In the order of their names.
    out.extend_from_slice(b"{\"actor\":");
    encode_actor(&entry.actor, out)?;
    if let Some(attempt) = entry.attempt {
        out.extend_from_slice(b",\"attempt\":");
        canonical::encode_integer(u64::from(attempt), out)?;
    }
    out.extend_from_slice(b",\"bt\":");
    canonical::encode_integer(entry.bt, out).map_err(|error| error.inside_key("bt"))?;
    out.extend_from_slice(b",\"d\":");
    canonical::encode_map(&entry.d, out).map_err(|error| error.inside_key("d"))?;
    out.extend_from_slice(b",\"kind\":");
    canonical::encode_text(&entry.kind, out);
    out.extend_from_slice(b",\"n\":");
    canonical::encode_integer(entry.n, out).map_err(|error| error.inside_key("n"))?;
    out.extend_from_slice(b",\"prev\":\"");
    entry.prev.push_hex(out);
    out.extend_from_slice(b"\",\"run\":");
    canonical::encode_text(entry.run.as_str(), out);
    if let Some(step) = &entry.step {
        out.extend_from_slice(b",\"step\":");
        canonical::encode_text(step, out);
    }
    out.extend_from_slice(b",\"ts\":");
    encode_time(entry.ts, out);
    out.extend_from_slice(b",\"v\":1}\n");
    Ok(())
}

fn encode_actor(actor: &Actor, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    out.extend_from_slice(b"{\"auth\":");
    canonical::encode_text(auth_word(actor.auth), out);
    out.extend_from_slice(b",\"id\":");
    canonical::encode_text(&actor.id, out);
    out.extend_from_slice(b",\"origin\":");
    canonical::encode_text(&actor.origin, out);
    out.extend_from_slice(b",\"uid\":");
    canonical::encode_integer(u64::from(actor.uid), out)?;
    out.push(b'}');
    Ok(())
}

/// How it is known who somebody is, as it is written.
#[must_use]
pub fn auth_word(auth: Auth) -> &'static str {
    match auth {
        Auth::Tty => "tty",
        Auth::Ssh => "ssh",
        Auth::Token => "token",
        Auth::Oidc => "oidc",
        Auth::System => "system",
    }
}

/// Writes a time as RFC 3339 in UTC with three digits of the second, in quotes.
fn encode_time(time: Timestamp, out: &mut Vec<u8>) {
    canonical::encode_text(&time_text(time), out);
}

/// A time as RFC 3339 in UTC with three digits of the second.
#[must_use]
pub fn time_text(time: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&time)
}

/// The time, cut to whole milliseconds, as an entry holds it.
#[must_use]
pub fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// Reads a line with its LF, and compares it with what [`encode`] makes of it: there is one way to write an entry.
///
/// `again` is room to write it into, so that a reader of many lines allocates once.
///
/// # Errors
/// [`NotAnEntry`] when it is none, or not in canonical form.
pub fn decode(line: &[u8], again: &mut Vec<u8>) -> Result<Entry, NotAnEntry> {
    let WireEntry(entry) = serde_json::from_slice(line).map_err(|error| NotAnEntry::Form(error.to_string()))?;
    again.clear();
    encode(&entry, again).map_err(NotAnEntry::Value)?;
    if line == again.as_slice() {
        Ok(entry)
    } else {
        let same = line.iter().zip(again.iter()).take_while(|(one, other)| one == other).count();
        Err(NotAnEntry::Bytes(same))
    }
}

struct WireEntry(Entry);

impl<'de> Deserialize<'de> for WireEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = WireEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of a transcript entry, version 1")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireEntry, A::Error> {
        let (mut actor, mut attempt, mut bt, mut d, mut kind, mut n) = (None, None, None, None, None, None);
        let (mut prev, mut run, mut step, mut ts, mut version) = (None, None, None, None, None);
        let mut unknown = None;
        while let Some(name) = map.next_key::<Name>()? {
            match name.0 {
                "actor" => once(&mut actor, map.next_value::<WireActor>()?.0, "actor")?,
                "attempt" => once(&mut attempt, map.next_value::<u32>()?, "attempt")?,
                "bt" => once(&mut bt, map.next_value::<u64>()?, "bt")?,
                "d" => once(&mut d, map.next_value::<Map<String, Value>>()?, "d")?,
                "kind" => once(&mut kind, map.next_value::<String>()?, "kind")?,
                "n" => once(&mut n, map.next_value::<u64>()?, "n")?,
                "prev" => once(&mut prev, map.next_value::<Parsed<Digest>>()?.0, "prev")?,
                "run" => once(&mut run, map.next_value::<Parsed<RunId>>()?.0, "run")?,
                "step" => once(&mut step, map.next_value::<String>()?, "step")?,
                "ts" => once(&mut ts, map.next_value::<Parsed<Timestamp>>()?.0, "ts")?,
                "v" => once(&mut version, map.next_value::<u64>()?, "v")?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    unknown = Some(de::Error::custom("a field that version 1 does not have"));
                }
            }
        }
        // First: another version may have other fields.
        let version = needed(version, "v")?;
        if version != VERSION {
            return Err(de::Error::custom(format_args!(
                "it is of version {version} of the format, this program reads version {VERSION}"
            )));
        }
        if let Some(error) = unknown {
            return Err(error);
        }
        Ok(WireEntry(Entry {
            run: needed(run, "run")?,
            n: needed(n, "n")?,
            prev: needed(prev, "prev")?,
            ts: needed(ts, "ts")?,
            bt: needed(bt, "bt")?,
            actor: needed(actor, "actor")?,
            kind: needed(kind, "kind")?,
            step,
            attempt,
            d: needed(d, "d")?,
        }))
    }
}

struct WireActor(Actor);

impl<'de> Deserialize<'de> for WireActor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ActorVisitor)
    }
}

struct ActorVisitor;

impl<'de> Visitor<'de> for ActorVisitor {
    type Value = WireActor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an actor: an object with `id`, `auth`, `uid` and `origin`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireActor, A::Error> {
        let (mut id, mut auth, mut uid, mut origin) = (None, None, None, None);
        while let Some(name) = map.next_key::<Name>()? {
            match name.0 {
                "id" => once(&mut id, map.next_value::<String>()?, "id")?,
                "auth" => once(&mut auth, map.next_value::<Parsed<Auth>>()?.0, "auth")?,
                "uid" => once(&mut uid, map.next_value::<u32>()?, "uid")?,
                "origin" => once(&mut origin, map.next_value::<String>()?, "origin")?,
                _ => return Err(de::Error::custom("an actor has a field that version 1 does not have")),
            }
        }
        Ok(WireActor(Actor {
            id: needed(id, "id")?,
            auth: needed(auth, "auth")?,
            uid: needed(uid, "uid")?,
            origin: needed(origin, "origin")?,
        }))
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

fn needed<T, E: de::Error>(slot: Option<T>, name: &'static str) -> Result<T, E> {
    slot.ok_or_else(|| E::missing_field(name))
}

/// The name of a field, one of those known or "".
struct Name(&'static str);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
        Ok(Name(FIELDS.iter().chain(ACTOR_FIELDS).find(|name| **name == text).copied().unwrap_or("")))
    }
}

/// What a text of a field is read into.
trait FromField: Sized {
    const WANTED: &'static str;
    fn from_field(text: &str) -> Option<Self>;
}

impl FromField for Digest {
    const WANTED: &'static str = "a sha256 of 64 lowercase hexadecimal digits";
    fn from_field(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl FromField for RunId {
    const WANTED: &'static str = "a run id such as 20261122-0915-dns-failover-k7q2";
    fn from_field(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

impl FromField for Auth {
    const WANTED: &'static str = "tty, ssh, token, oidc or system";
    fn from_field(text: &str) -> Option<Self> {
        [Self::Tty, Self::Ssh, Self::Token, Self::Oidc, Self::System].into_iter().find(|auth| auth_word(*auth) == text)
    }
}

impl FromField for Timestamp {
    const WANTED: &'static str = "a time such as 2026-11-22T09:15:00.000Z";
    fn from_field(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

struct Parsed<T>(T);

impl<'de, T: FromField> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ParsedVisitor(std::marker::PhantomData))
    }
}

struct ParsedVisitor<T>(std::marker::PhantomData<T>);

impl<T: FromField> Visitor<'_> for ParsedVisitor<T> {
    type Value = Parsed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WANTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Parsed<T>, E> {
        T::from_field(text).map(Parsed).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
