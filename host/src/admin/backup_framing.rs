//! The framing of a backup: each part is preceded by its length.

use crate::journal::Part;

/// More than any part has: a commit's largest value, and what is around it.
const LONGEST: usize = 64 << 20;

/// Why bytes are no parts.
#[derive(Debug, thiserror::Error)]
#[error("the data received is not part of a backup; the host may have another version")]
pub struct NoFrame;

/// A part as bytes.
pub(super) fn encode(part: &Part) -> Vec<u8> {
    // Into memory, what is plain data always fits.
    let body = postcard::to_stdvec(part).unwrap_or_default();
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// Puts parts together from what is received.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// What was received next.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next part, when it is whole.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn next(&mut self) -> Result<Option<Part>, NoFrame> {
        let Some((length, rest)) = self.bytes.split_first_chunk() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| NoFrame)?;
        if length > LONGEST {
            return Err(NoFrame);
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let part = postcard::from_bytes(body).map_err(|_| NoFrame)?;
        self.bytes.drain(..4 + length);
        Ok(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_through_in_any_pieces() {
        let parts = [
            Part::Context {
                name: "room".into(),
                commits: 7,
            },
            Part::Keys(vec![
                (b"key".to_vec(), Some(vec![1; 300])),
                (b"gone".to_vec(), None),
            ]),
            Part::End,
        ];
        let bytes: Vec<u8> = parts.iter().flat_map(encode).collect();
        for step in [1, 3, 100, 1_000] {
            let mut frames = Frames::default();
            let mut received = Vec::new();
            for chunk in bytes.chunks(step) {
                frames.add(chunk);
                while let Some(part) = frames.next().unwrap() {
                    received.push(part);
                }
            }
            assert_eq!(format!("{received:?}"), format!("{parts:?}"));
        }
        let mut frames = Frames::default();
        frames.add(&[0xff; 20]);
        assert!(frames.next().is_err());
    }
}
