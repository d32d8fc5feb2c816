//! WebSocket frames (RFC 6455, 5.2), by hand: a checker must be able to send wrong ones.

use crate::check::telling::events::show;
use crate::tr;

/// A text message, or its beginning.
pub const TEXT: u8 = 0x1;
/// A binary message, or its beginning.
pub const BINARY: u8 = 0x2;
/// What goes on with a message that has begun.
pub const CONTINUATION: u8 = 0x0;
/// The good-bye.
pub const CLOSE: u8 = 0x8;
/// "Are you there?"
pub const PING: u8 = 0x9;
/// "Yes."
pub const PONG: u8 = 0xA;
/// The bit that marks the last frame of a message.
pub const FIN: u8 = 0x80;

/// The bit that says that the payload is masked.
const MASKED: u8 = 0x80;

/// Any four bytes will do for a mask, but not zeros: these show whether somebody unmasks.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, three reserved bits, and the opcode.
    pub first: u8,
    /// Whether it came masked, as a client's must and a server's mustn't.
    pub masked: bool,
    /// What it carries, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// For the end of a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let Frame { first, masked, payload } = self;
        match (*first, payload.get(..2)) {
            (0x88, Some(&[high, low])) => format!("Close {}", u16::from_be_bytes([high, low])),
            (0x88, _) => tr!(zh "没有状态码的 Close", en "Close without a code"),
            _ => {
                let shown = show(payload);
                if *masked {
                    tr!(zh "一个帧，首字节 {first:#04x}，有掩码，内容是 {shown}",
                        en "a frame that begins with {first:#04x}, has a mask and holds {shown}")
                } else {
                    tr!(zh "一个帧，首字节 {first:#04x}，没有掩码，内容是 {shown}",
                        en "a frame that begins with {first:#04x}, has no mask and holds {shown}")
                }
            }
        }
    }
}

/// A client's frame.
#[must_use]
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, MASKED, payload.len() as u64);
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A server's frame, or a faulty client's.
#[must_use]
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&head(first, 0, payload.len() as u64)[..], payload].concat()
}

/// The head of a client's frame that claims `len` bytes and is followed by none of them.
#[must_use]
pub fn claim(first: u8, len: u64) -> Vec<u8> {
    [&head(first, MASKED, len)[..], &KEY].concat()
}

fn head(first: u8, mask: u8, len: u64) -> Vec<u8> {
    let mut head = vec![first];
    match len {
        0..=125 => head.push(mask | len as u8),
        126..=0xFFFF => {
            head.push(mask | 126);
            head.extend((len as u16).to_be_bytes());
        }
        _ => {
            head.push(mask | 127);
            head.extend(len.to_be_bytes());
        }
    }
    head
}

/// A close frame's payload: a code, without words.
#[must_use]
pub fn code(code: u16) -> [u8; 2] {
    code.to_be_bytes()
}

/// Takes the frame at the beginning of what came, once it is there as a whole.
pub fn take(bytes: &mut Vec<u8>) -> Option<Frame> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let masked = second & MASKED != 0;
    let (size, mut at) = match second & !MASKED {
        126 => (2, 4),
        127 => (8, 10),
        _ => (0, 2),
    };
    let long = bytes.get(2..2 + size)?.iter().fold(0_u64, |len, &byte| len << 8 | u64::from(byte));
    let len = if size == 0 { u64::from(second & !MASKED) } else { long };
    let len = usize::try_from(len).ok()?;
    let key: Vec<u8> = if masked { bytes.get(at..at + 4)?.to_vec() } else { vec![] };
    at += key.len();
    let mut payload = bytes.get(at..at.checked_add(len)?)?.to_vec();
    bytes.drain(..at + len);
    payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Some(Frame { first, masked, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were() {
        for len in [0, 5, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            for (whole, masked) in
                [(masked(FIN | TEXT, &payload), true), (unmasked(FIN | TEXT, &payload), false)]
            {
                let mut bytes = whole[..whole.len() - 1].to_vec();
                assert_eq!(take(&mut bytes), None, "not whole yet");
                let mut bytes = [&whole[..], &[7]].concat();
                assert_eq!(take(&mut bytes), Some(Frame { first: 0x81, masked, payload: payload.clone() }));
                assert_eq!(bytes, [7], "what comes after stays");
            }
        }
    }
}
