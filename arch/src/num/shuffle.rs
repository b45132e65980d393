//! VSHUFFLE: byte permutations of two 64-byte operands.
//!
//! Sources: Xilinx/llvm-aie: clang/lib/Headers/aiev2/aiev2_enums.h (names and numbers);
//! FIM43-Redeye/xdna-emu: crates/xdna-archspec/src/aie2/permute.rs (permutations).

/// One shuffle mode. A mode `Tw_RxC` reads its input as an R x C row-major matrix of w-bit elements
/// and delivers it column by column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShuffleMode {
    number: u8,
    name: &'static str,
    element: usize,
    rows: usize,
    columns: usize,
    half: Half,
}

/// Which bytes a mode reads and which part of the permuted bytes it delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Half {
    /// Both operands in, low 64 bytes out.
    Low,
    /// Both operands in, high 64 bytes out.
    High,
    /// Every block of the first operand on its own.
    Blocks,
    /// The two elements of every pair of the first operand change places.
    Flip,
}

const fn mode(
    number: u8,
    name: &'static str,
    bits: usize,
    rows: usize,
    columns: usize,
    half: Half,
) -> ShuffleMode {
    ShuffleMode {
        number,
        name,
        element: bits / 8,
        rows,
        columns,
        half,
    }
}

#[rustfmt::skip]
const MODES: [ShuffleMode; 48] = [
    mode(0,  "T8_64x2_lo",    8,  64, 2,  Half::Low),
    mode(1,  "T8_64x2_hi",    8,  64, 2,  Half::High),
    mode(2,  "T16_32x2_lo",   16, 32, 2,  Half::Low),
    mode(3,  "T16_32x2_hi",   16, 32, 2,  Half::High),
    mode(4,  "T32_16x2_lo",   32, 16, 2,  Half::Low),
    mode(5,  "T32_16x2_hi",   32, 16, 2,  Half::High),
    mode(6,  "T64_8x2_lo",    64, 8,  2,  Half::Low),
    mode(7,  "T64_8x2_hi",    64, 8,  2,  Half::High),
    mode(8,  "T128_4x2_lo",   128, 4, 2,  Half::Low),
    mode(9,  "T128_4x2_hi",   128, 4, 2,  Half::High),
    mode(10, "T256_2x2_lo",   256, 2, 2,  Half::Low),
    mode(11, "T256_2x2_hi",   256, 2, 2,  Half::High),
    mode(12, "T128_2x4_lo",   128, 2, 4,  Half::Low),
    mode(13, "T128_2x4_hi",   128, 2, 4,  Half::High),
    mode(14, "T64_2x8_lo",    64, 2,  8,  Half::Low),
    mode(15, "T64_2x8_hi",    64, 2,  8,  Half::High),
    mode(16, "T32_2x16_lo",   32, 2,  16, Half::Low),
    mode(17, "T32_2x16_hi",   32, 2,  16, Half::High),
    mode(18, "T16_2x32_lo",   16, 2,  32, Half::Low),
    mode(19, "T16_2x32_hi",   16, 2,  32, Half::High),
    mode(20, "T8_2x64_lo",    8,  2,  64, Half::Low),
    mode(21, "T8_2x64_hi",    8,  2,  64, Half::High),
    mode(22, "T512_1x2_lo",   512, 1, 2,  Half::Low),
    mode(23, "T512_1x2_hi",   512, 1, 2,  Half::High),
    mode(24, "T16_16x4_lo",   16, 16, 4,  Half::Low),
    mode(25, "T16_16x4_hi",   16, 16, 4,  Half::High),
    mode(26, "T16_4x16_lo",   16, 4,  16, Half::Low),
    mode(27, "T16_4x16_hi",   16, 4,  16, Half::High),
    mode(28, "T16_8x4",       16, 8,  4,  Half::Blocks),
    mode(29, "T16_4x8",       16, 4,  8,  Half::Blocks),
    mode(30, "T32_8x4_lo",    32, 8,  4,  Half::Low),
    mode(31, "T32_8x4_hi",    32, 8,  4,  Half::High),
    mode(32, "T32_4x8_lo",    32, 4,  8,  Half::Low),
    mode(33, "T32_4x8_hi",    32, 4,  8,  Half::High),
    mode(34, "T32_4x4",       32, 4,  4,  Half::Blocks),
    mode(35, "T8_8x8",        8,  8,  8,  Half::Blocks),
    mode(36, "T8_16x4",       8,  16, 4,  Half::Blocks),
    mode(37, "T8_4x16",       8,  4,  16, Half::Blocks),
    mode(38, "T16_1x2_flip",  16, 1,  2,  Half::Flip),
    mode(39, "T16_4x4",       16, 4,  4,  Half::Blocks),
    mode(40, "T16_4x2",       16, 4,  2,  Half::Blocks),
    mode(41, "T16_2x4",       16, 2,  4,  Half::Blocks),
    mode(42, "T16_8x2",       16, 8,  2,  Half::Blocks),
    mode(43, "T16_2x8",       16, 2,  8,  Half::Blocks),
    mode(44, "T16_16x2",      16, 16, 2,  Half::Blocks),
    mode(45, "T16_2x16",      16, 2,  16, Half::Blocks),
    mode(46, "T8_8x4",        8,  8,  4,  Half::Blocks),
    mode(47, "T8_4x8",        8,  4,  8,  Half::Blocks),
];

/// `TABLE[mode][i]`: which of the 128 input bytes appears at output byte `i`.
static TABLE: [[u8; 64]; 48] = {
    let mut table = [[0; 64]; 48];
    let mut n = 0;
    while n < 48 {
        let mut i = 0;
        while i < 64 {
            table[n][i] = MODES[n].source(i) as u8;
            i += 1;
        }
        n += 1;
    }
    table
};

impl ShuffleMode {
    /// All 48 modes, in the order of their numbers.
    pub fn all() -> &'static [ShuffleMode] {
        &MODES
    }

    /// The mode with this number (the value in VSHUFFLE's `r` operand); `None` from 48 on.
    pub fn from_number(number: u32) -> Option<Self> {
        MODES.get(number as usize).copied()
    }

    /// The mode with this name, such as `T16_8x4`.
    pub fn from_name(name: &str) -> Option<Self> {
        MODES.into_iter().find(|m| m.name == name)
    }

    /// The mode's number.
    pub const fn number(self) -> u32 {
        self.number as u32
    }

    /// The mode's name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// For every output byte, the input byte it shows: 0..=63 of the first operand, 64..=127 of
    /// the second.
    pub fn permutation(self) -> &'static [u8; 64] {
        &TABLE[self.number as usize]
    }

    const fn source(self, out: usize) -> usize {
        let (element, byte) = (out / self.element, out % self.element);
        let block = self.rows * self.columns;
        let (skipped, index) = match self.half {
            Half::Low => (0, element),
            Half::High => (0, element + 64 / self.element),
            Half::Blocks => (element / block * block, element % block),
            Half::Flip => return (element ^ 1) * self.element + byte,
        };
        let (column, row) = (index / self.rows, index % self.rows);
        (skipped + row * self.columns + column) * self.element + byte
    }
}

/// VSHUFFLE of `a` (first operand) and `b` (second operand).
#[inline]
pub fn shuffle(mode: ShuffleMode, a: &[u8; 64], b: &[u8; 64]) -> [u8; 64] {
    let mut input = [0; 128];
    input[..64].copy_from_slice(a);
    input[64..].copy_from_slice(b);
    let permutation = mode.permutation();
    std::array::from_fn(|i| input[usize::from(permutation[i] & 127)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_reproduces_the_measured_permutations() {
        let facts: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/shuffle.json")).unwrap();
        let table = facts["table"].as_array().unwrap();
        assert_eq!(table.len(), ShuffleMode::all().len());
        for mode in ShuffleMode::all() {
            assert_eq!(facts["names"][mode.name()], mode.number());
            let want: Vec<u8> = table[mode.number() as usize]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_u64().unwrap() as u8)
                .collect();
            assert_eq!(mode.permutation().as_slice(), want, "{}", mode.name());
        }
    }

    #[test]
    fn an_8x8_transpose_is_its_own_inverse() {
        let mode = ShuffleMode::from_name("T8_8x8").unwrap();
        let a = std::array::from_fn(|i| i as u8);
        let once = shuffle(mode, &a, &[0; 64]);
        assert_eq!(once[1], 8);
        assert_eq!(shuffle(mode, &once, &[0; 64]), a);
        assert!(ShuffleMode::from_number(48).is_none());
    }
}
