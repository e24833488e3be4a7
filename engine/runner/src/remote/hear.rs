//! What comes back over a connection: lines that begin with a random word, and behind some of them counted bytes. What
//! a login shell shouts before is passed over.

use runbook_core::run::record::Stream;

/// Bytes of a line; one that is longer is none of ours.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is there and waits for the word; the boot it is of, where it knows.
    Hello(String),
    /// Nothing was started, and nothing will be.
    No(String),
    /// It was started now.
    Began,
    /// It was started before.
    There,
    /// It was never started, and from now on cannot be; the boot, as in `Hello`.
    Void(String),
    /// Who kept it is gone without an end; its process, where that still is.
    Gone(Option<String>),
    /// It cannot be looked at.
    Lost(String),
    /// How it ended.
    End(String),
    /// It goes on.
    Goes,
}

/// Takes what comes apart.
#[derive(Debug)]
pub(super) struct Ear {
    mark: Vec<u8>,
    pending: Vec<u8>,
    data: Option<(Stream, u64)>,
}

impl Ear {
    pub(super) fn new(mark: &str) -> Self {
        Self { mark: format!("{mark} ").into_bytes(), pending: Vec::new(), data: None }
    }

    /// Takes the next piece; what the command printed is given away, the rest is told.
    pub(super) fn push(&mut self, bytes: &[u8], printed: &mut impl FnMut(Stream, &[u8])) -> Vec<Heard> {
        self.pending.extend_from_slice(bytes);
        let mut heard = Vec::new();
        let mut rest = self.pending.as_slice();
        loop {
            if let Some((stream, left)) = self.data {
                let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (now, later) = rest.split_at(count);
                printed(stream, now);
                rest = later;
                let left = left - count as u64;
                self.data = (left > 0).then_some((stream, left));
                if left > 0 {
                    break;
                }
            }
            let Some(at) = rest.windows(self.mark.len()).position(|part| part == self.mark) else {
                // Noise, but for an end that may be the beginning of the word.
                rest = rest.get(rest.len().saturating_sub(self.mark.len() - 1)..).unwrap_or_default();
                break;
            };
            rest = rest.get(at..).unwrap_or_default();
            let after = rest.get(self.mark.len()..).unwrap_or_default();
            let Some(end) = after.iter().position(|byte| *byte == b'\n') else {
                if after.len() > LINE_BYTES_MAX {
                    rest = after;
                    continue;
                }
                break;
            };
            let line = String::from_utf8_lossy(after.get(..end).unwrap_or_default()).into_owned();
            rest = after.get(end + 1..).unwrap_or_default();
            match said(&line) {
                Some(Said::Data(stream, count)) => self.data = (count > 0).then_some((stream, count)),
                Some(Said::Word(word)) => heard.push(word),
                None => {}
            }
        }
        let left = rest.len();
        self.pending.drain(..self.pending.len() - left);
        heard
    }
}

enum Said {
    Word(Heard),
    Data(Stream, u64),
}

fn said(line: &str) -> Option<Said> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    let text = || rest.to_owned();
    Some(match word {
        "o" => Said::Data(Stream::Stdout, rest.parse().ok()?),
        "e" => Said::Data(Stream::Stderr, rest.parse().ok()?),
        "hello" => Said::Word(Heard::Hello(text())),
        "no" => Said::Word(Heard::No(text())),
        "began" => Said::Word(Heard::Began),
        "there" => Said::Word(Heard::There),
        "void" => Said::Word(Heard::Void(text())),
        "gone" => Said::Word(Heard::Gone((!rest.is_empty()).then(text))),
        "lost" => Said::Word(Heard::Lost(text())),
        "end" => Said::Word(Heard::End(text())),
        "." => Said::Word(Heard::Goes),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_told_from_noise_and_output_however_it_is_cut() {
        let stream = b"Welcome!\n7f3a\n7f3a hello b-1\nnoise 7f3a began\n7f3a o 9\n7f3a end\n7f3a e 2\nx\n7f3a .\n7f3a end code 255\n";
        for size in 1..=stream.len() {
            let mut ear = Ear::new("7f3a");
            let (mut out, mut err, mut heard) = (Vec::new(), Vec::new(), Vec::new());
            for piece in stream.chunks(size) {
                heard.extend(ear.push(piece, &mut |stream, bytes| match stream {
                    Stream::Stdout => out.extend_from_slice(bytes),
                    Stream::Stderr => err.extend_from_slice(bytes),
                    Stream::Body => unreachable!("nothing there answers a request"),
                }));
            }
            let wanted = [Heard::Hello("b-1".to_owned()), Heard::Began, Heard::Goes, Heard::End("code 255".to_owned())];
            assert_eq!(heard, wanted, "in pieces of {size}");
            assert_eq!((out.as_slice(), err.as_slice()), (&b"7f3a end\n"[..], &b"x\n"[..]));
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut ear = Ear::new("7f3a");
        for _ in 0..100 {
            assert_eq!(ear.push(&[b'x'; 4096], &mut |_, _| {}), []);
        }
        assert!(ear.pending.len() < 10);
    }
}
