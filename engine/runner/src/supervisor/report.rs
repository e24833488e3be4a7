//! What a supervisor tells the engine while it works. None of it is needed: the engine may be gone, or may not listen.
//!
//! A frame is a letter, a length of four bytes, and that many bytes.

use std::io;
use std::os::fd::OwnedFd;

use runbook_core::run::record::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};

/// Bytes of a frame that a pipe takes whole or not at all (`PIPE_BUF` of Linux).
const ATOMIC_BYTES: usize = 4_096;
const HEADER_BYTES: usize = 5;
/// Bytes of a frame that is believed: an end with its excerpts is far shorter.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// Time an engine has to listen to what can be told in no other way.
const LISTEN_SECONDS: i64 = 10;

/// Something told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// The byte was read: the act starts now.
    LetGo,
    /// The act printed something, its secrets masked.
    Printed(Stream, Vec<u8>),
    /// How the act ended, where that could not be written to its file.
    Unwritten(Vec<u8>),
}

/// The supervisor's end.
pub(super) struct Teller {
    pipe: OwnedFd,
}

impl Teller {
    /// Tells through this pipe, without ever waiting for it.
    pub(super) fn new(pipe: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        Ok(Self { pipe })
    }

    pub(super) fn let_go(&self) {
        self.offer(b'g', &[]);
    }

    /// Shows what was printed. What an engine that does not listen has no room for is passed over: all of it is kept.
    pub(super) fn printed(&self, stream: Stream, bytes: &[u8]) {
        let letter = match stream {
            Stream::Stdout | Stream::Body => b'o',
            Stream::Stderr => b'e',
        };
        for piece in bytes.chunks(ATOMIC_BYTES - HEADER_BYTES) {
            if !self.offer(letter, piece) {
                return;
            }
        }
    }

    /// Tells an end that stands nowhere else, and waits for a while that it is heard.
    pub(super) fn unwritten(&self, exit: &[u8]) {
        let frame = frame(b'x', exit);
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(&self.pipe, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let limit = Timespec { tv_sec: LISTEN_SECONDS, tv_nsec: 0 };
                    let mut room = [PollFd::new(&self.pipe, PollFlags::OUT)];
                    if !matches!(poll(&mut room, Some(&limit)), Ok(1) | Err(Errno::INTR)) {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Writes a frame that goes whole or not at all; says whether it went.
    fn offer(&self, letter: u8, bytes: &[u8]) -> bool {
        let frame = frame(letter, bytes);
        loop {
            match rustix::io::write(&self.pipe, &frame) {
                Ok(_) => return true,
                Err(Errno::INTR) => {}
                // Full, or nobody is there any more.
                Err(_) => return false,
            }
        }
    }
}

fn frame(letter: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER_BYTES + bytes.len());
    frame.push(letter);
    frame.extend(length.to_le_bytes());
    frame.extend(bytes);
    frame
}

/// The engine's end: bytes in as they come, cut anywhere, frames out.
#[derive(Debug, Default)]
pub(super) struct Listener {
    pending: Vec<u8>,
    is_lost: bool,
}

impl Listener {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.is_lost {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// The next frame that came whole. What is no frame ends the listening: the end is read from its file all the same.
    pub(super) fn next(&mut self) -> Option<Told> {
        let (header, rest) = self.pending.split_at_checked(HEADER_BYTES)?;
        let (letter, length) = header.split_first()?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        if length > FRAME_BYTES_MAX {
            self.is_lost = true;
            self.pending.clear();
            return None;
        }
        let body = rest.get(..length)?.to_vec();
        let told = match letter {
            b'g' => Told::LetGo,
            b'o' => Told::Printed(Stream::Stdout, body),
            b'e' => Told::Printed(Stream::Stderr, body),
            b'x' => Told::Unwritten(body),
            _ => {
                self.is_lost = true;
                self.pending.clear();
                return None;
            }
        };
        self.pending.drain(..HEADER_BYTES + length);
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_told_is_heard_however_it_is_cut() {
        let (mut reader, writer) = io::pipe().unwrap();
        let teller = Teller::new(writer.into()).unwrap();
        teller.let_go();
        teller.printed(Stream::Stdout, &vec![b'x'; 5_000]);
        teller.printed(Stream::Stderr, b"!");
        teller.unwritten(b"{}");
        drop(teller);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        for size in [1, 3, 4_096, bytes.len()] {
            let mut listener = Listener::default();
            let mut told = Vec::new();
            for piece in bytes.chunks(size) {
                listener.push(piece);
                while let Some(one) = listener.next() {
                    told.push(one);
                }
            }
            let printed: usize =
                told.iter().map(|one| if let Told::Printed(Stream::Stdout, text) = one { text.len() } else { 0 }).sum();
            assert_eq!(printed, 5_000);
            assert_eq!(told.first(), Some(&Told::LetGo));
            assert_eq!(told.last(), Some(&Told::Unwritten(b"{}".to_vec())));
            assert!(told.contains(&Told::Printed(Stream::Stderr, b"!".to_vec())));
        }
    }

    #[test]
    fn one_who_does_not_listen_is_not_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        let teller = Teller::new(writer.into()).unwrap();
        let piece = vec![b'x'; 64 << 10];
        // Far more than a pipe holds.
        (0..64).for_each(|_| teller.printed(Stream::Stdout, &piece));
        drop(reader);
        teller.printed(Stream::Stdout, &piece);
        teller.unwritten(b"{}");
    }

    #[test]
    fn nonsense_is_not_listened_to() {
        let mut listener = Listener::default();
        listener.push(b"?\0\0\0\0g\0\0\0\0");
        assert_eq!(listener.next(), None);
        listener.push(b"g\0\0\0\0");
        assert_eq!(listener.next(), None);
    }
}
