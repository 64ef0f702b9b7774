//! Where the frames of a WebSocket stream begin and end (RFC 6455 §5.2).
//!
//! Only lengths are read: a frame of ours can be put between two frames of the upstream's, and
//! nowhere else. Payloads are never looked at.

/// The longest head: 2 bytes, a length of 8, a mask of 4.
const LONGEST_HEAD: usize = 14;

/// A reader that is told every byte and knows whether it stands between two frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frames {
    head: [u8; LONGEST_HEAD],
    head_len: usize,
    /// Bytes of the payload still to come, once the head is complete.
    payload: Option<u64>,
}

impl Frames {
    /// Whether the next byte begins a frame.
    pub(super) fn at_boundary(&self) -> bool {
        self.head_len == 0
    }

    /// Reads all of these bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.pass_frame(bytes);
            bytes = bytes.get(count..).unwrap_or_default();
        }
    }

    /// Reads up to the end of the frame that these bytes begin in, and says how many that were.
    pub(super) fn pass_frame(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        while self.payload.is_none() {
            let (Some(byte), Some(slot)) = (bytes.get(used), self.head.get_mut(self.head_len))
            else {
                return used;
            };
            *slot = *byte;
            self.head_len += 1;
            used += 1;
            self.payload = self.payload_length();
        }
        let left = self.payload.unwrap_or_default();
        let available = (bytes.len() - used) as u64;
        let taken = left.min(available);
        self.payload = Some(left - taken);
        if left == taken {
            *self = Self::default();
        }
        used + usize::try_from(taken).unwrap_or(bytes.len() - used)
    }

    /// The payload's length, once the head is complete.
    fn payload_length(&self) -> Option<u64> {
        let [_, second, rest @ ..] = self.head;
        let [a, b, c, d, e, f, g, h, ..] = rest;
        let (extended, length) = match second & 0x7f {
            126 => (2, u64::from(u16::from_be_bytes([a, b]))),
            127 => (8, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            length => (0, u64::from(length)),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        (self.head_len >= 2 && self.head_len == 2 + extended + mask).then_some(length)
    }
}

/// A Close frame with this status and no reason (RFC 6455 §5.5.1), as a server sends it: unmasked.
pub(super) fn close(status: u16) -> [u8; 4] {
    let [high, low] = status.to_be_bytes();
    [0x88, 2, high, low]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as RFC 6455 §5.2 draws it.
    fn frame(payload: usize, masked: bool) -> Vec<u8> {
        let mask_bit = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match payload {
            0..126 => frame.push(mask_bit | u8::try_from(payload).unwrap()),
            126..65_536 => {
                frame.push(mask_bit | 126);
                frame.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask_bit | 127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        // Bytes that would read as heads of huge frames.
        frame.extend(std::iter::repeat_n(0xff, payload));
        frame
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn boundaries_are_found_however_the_bytes_are_cut(
            frames in prop::collection::vec(
                (prop_oneof![0..4_usize, 120..130_usize, 65_530..65_540_usize], any::<bool>()),
                1..6,
            ),
            pieces in prop::collection::vec(1..5_000_usize, 1..50),
        ) {
            let mut stream = Vec::new();
            let mut boundaries = vec![0];
            for (payload, masked) in frames {
                stream.extend(frame(payload, masked));
                boundaries.push(stream.len());
            }
            let mut reader = Frames::default();
            let mut at = 0;
            for piece in pieces.iter().cycle() {
                prop_assert_eq!(reader.at_boundary(), boundaries.contains(&at), "at {}", at);
                if at == stream.len() {
                    break;
                }
                let end = (at + piece).min(stream.len());
                reader.pass(&stream[at..end]);
                at = end;
            }
        }

        #[test]
        fn a_frame_is_passed_to_its_end_and_no_further(payload in 0..300_usize, cut in 1..10_usize) {
            let mut stream = frame(payload, false);
            let length = stream.len();
            stream.extend(frame(5, false));
            let mut reader = Frames::default();
            let cut = cut.min(length - 1);
            prop_assert_eq!(reader.pass_frame(&stream[..cut]), cut);
            prop_assert_eq!(reader.pass_frame(&stream[cut..]), length - cut);
            prop_assert!(reader.at_boundary());
        }
    }

    #[test]
    fn a_length_beyond_all_bounds_is_only_a_long_frame() {
        let mut reader = Frames::default();
        reader.pass(&[0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        reader.pass(&[0; 1_000]);
        assert!(!reader.at_boundary());
    }
}
