//! Words in bytes: lengths and checksums are mended, so that inputs get behind the headers.

/// The bytes up to the last whole word.
pub(crate) fn whole(data: &[u8]) -> Vec<u8> {
    data[..data.len() & !3].to_vec()
}

/// Sets a little-endian word, if the bytes reach that far.
pub(crate) fn set(bytes: &mut [u8], word: usize, value: u32) {
    if let Some(place) = bytes.get_mut(word * 4..word * 4 + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// The words of some bytes; what is left over at the end is dropped.
pub(crate) fn of(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|w| u32::from_le_bytes(*w)).collect()
}
