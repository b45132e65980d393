//! Checked reading of little-endian fields from one part of an xclbin.

use super::XclbinError;

/// A part of the file with its name, for errors.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    part: &'static str,
    data: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(super) fn new(part: &'static str, data: &'a [u8]) -> Self {
        Bytes { part, data }
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    pub(super) fn part(&self) -> &'static str {
        self.part
    }

    /// `len` bytes at `offset`.
    pub(super) fn slice(
        &self,
        what: &'static str,
        offset: usize,
        len: usize,
    ) -> Result<&'a [u8], XclbinError> {
        offset
            .checked_add(len)
            .and_then(|end| self.data.get(offset..end))
            .ok_or(XclbinError::Range {
                part: self.part,
                what,
                offset: offset as u64,
                len: len as u64,
                size: self.data.len(),
            })
    }

    pub(super) fn array<const N: usize>(&self, offset: usize) -> Result<[u8; N], XclbinError> {
        let mut out = [0; N];
        out.copy_from_slice(self.slice("a field", offset, N)?);
        Ok(out)
    }

    pub(super) fn u8(&self, offset: usize) -> Result<u8, XclbinError> {
        self.array::<1>(offset).map(|[byte]| byte)
    }

    pub(super) fn u16(&self, offset: usize) -> Result<u16, XclbinError> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, offset: usize) -> Result<u32, XclbinError> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn i32(&self, offset: usize) -> Result<i32, XclbinError> {
        self.array(offset).map(i32::from_le_bytes)
    }

    pub(super) fn u64(&self, offset: usize) -> Result<u64, XclbinError> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// The text in a field of `len` bytes, up to its first zero.
    pub(super) fn text(
        &self,
        what: &'static str,
        offset: usize,
        len: usize,
    ) -> Result<String, XclbinError> {
        let field = self.slice(what, offset, len)?;
        let end = field.iter().position(|b| *b == 0).unwrap_or(len);
        match str::from_utf8(&field[..end]) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(XclbinError::Text {
                part: self.part,
                what,
                offset,
            }),
        }
    }

    /// The entries of a table: a count, then at `first` so many entries of `entry` bytes, which
    /// fill the part.
    pub(super) fn entries(
        &self,
        first: usize,
        entry: usize,
    ) -> Result<impl Iterator<Item = Bytes<'a>>, XclbinError> {
        let count = self.u32(0)?;
        let body = self.data.get(first..).unwrap_or_default();
        if (count as usize).checked_mul(entry) != Some(body.len()) {
            return Err(XclbinError::Count {
                part: self.part,
                count,
                entry,
                size: self.data.len(),
            });
        }
        let part = self.part;
        Ok(body
            .chunks_exact(entry)
            .map(move |data| Bytes { part, data }))
    }
}

/// A text as a zero-padded field, cut to its length.
pub(super) fn fixed<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    let len = text.len().min(N);
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
    field
}

/// Refuses names that do not fit a field of `limit` bytes or would not come back.
pub(super) fn check_name(what: &'static str, name: &str, limit: usize) -> Result<(), XclbinError> {
    if name.len() <= limit && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(XclbinError::LongName {
        what,
        name: name.to_string(),
        limit,
    })
}
