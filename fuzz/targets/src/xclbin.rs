//! XCLBINs: what is read is written again, and the array takes or refuses it.

use emulator::Npu;
use formats::xclbin::{Contents, Xclbin};

/// Byte of the header that holds the file's length.
const LENGTH_AT: usize = 304;

/// Reads an XCLBIN of these bytes, with its length mended.
pub fn run(data: &[u8]) {
    let mut bytes = data.to_vec();
    if let Some(length) = bytes.get_mut(LENGTH_AT..LENGTH_AT + 8) {
        length.copy_from_slice(&(data.len() as u64).to_le_bytes());
    }
    let Ok(file) = Xclbin::parse(&bytes) else {
        return;
    };
    let again = Xclbin::parse(&file.to_bytes()).expect("what is written can be read");
    assert!(
        file.sections == again.sections,
        "an XCLBIN changes as it is written"
    );
    let _ = file.dump();
    let Ok(contents) = Contents::of(&file) else {
        return;
    };
    contents.dump();
    let _ = contents.units();
    if let Ok(built) = contents.to_xclbin() {
        Contents::of(&built).expect("what is written can be read");
    }
    let _ = Npu::new().load_xclbin(&bytes);
}
