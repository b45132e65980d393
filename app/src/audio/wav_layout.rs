//! Where the samples of a WAV begin.
//!
//! The demultiplexer reads packets of up to 1152 frames and gives up on a shorter last one when the
//! file ends before its header says so, or the header says nothing (a recorder that writes to a pipe).
//! With the position of the samples that last packet is found again.

/// The position and size of what a WAV's data chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WavLayout {
    /// Position of the first sample in the file.
    pub(super) data_start: u64,
    /// Bytes of one frame: a sample of each channel.
    pub(super) frame: u64,
}

impl WavLayout {
    /// Reads the chunks at the head of a file; `None` unless it is a WAV with samples of whole
    /// bytes (PCM or IEEE float).
    pub(super) fn find(head: &[u8]) -> Option<Self> {
        const PCM: u16 = 1;
        const FLOAT: u16 = 3;
        const EXTENSIBLE: u16 = 0xfffe;
        if head.get(..4)? != b"RIFF" || head.get(8..12)? != b"WAVE" {
            return None;
        }
        let mut at = 12usize;
        let mut frame = None;
        loop {
            let tag = head.get(at..at + 4)?;
            let length = u32::from_le_bytes(head.get(at + 4..at + 8)?.try_into().ok()?) as usize;
            let body = at + 8;
            match tag {
                b"fmt " => {
                    let field = |offset: usize| -> Option<u16> {
                        let bytes = head.get(body + offset..body + offset + 2)?;
                        Some(u16::from_le_bytes(bytes.try_into().ok()?))
                    };
                    if !matches!(field(0)?, PCM | FLOAT | EXTENSIBLE) {
                        return None;
                    }
                    frame = Some(u64::from(field(12)?)).filter(|&bytes| bytes > 0);
                }
                b"data" => {
                    return Some(Self {
                        data_start: body as u64,
                        frame: frame?,
                    });
                }
                _ => {}
            }
            at = body.checked_add(length)?.checked_add(length & 1)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chunks_before_the_data_are_passed_over() {
        let mut head = b"RIFF\xff\xff\xff\xffWAVEjunk\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        head.extend([1, 0, 2, 0, 0x44, 0xac, 0, 0, 0, 0, 0, 0, 4, 0, 16, 0]);
        head.extend(b"data\xff\xff\xff\xff");
        assert_eq!(
            WavLayout::find(&head),
            Some(WavLayout {
                data_start: head.len() as u64,
                frame: 4
            })
        );
        assert_eq!(WavLayout::find(&head[..head.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut head = b"RIFF\0\0\0\0WAVE".to_vec();
            head.extend(tail);
            WavLayout::find(&head);
        }
    }
}
