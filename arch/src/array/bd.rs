//! Buffer descriptor layouts.
//!
//! Rules common to the three kinds:
//! - every step counts 32-bit words and is stored less one, so a step is 1 or more;
//! - a wrap of 0 means that the dimension does not end: everything continues in it linearly;
//! - the outermost dimension has no wrap; its size follows from the length;
//! - the iteration offset advances by `iter_step` each time the descriptor is loaded and returns to 0
//!   after `iter_wrap` loads;
//! - an acquire value of -N waits for N or more and subtracts N; a value of N >= 0 waits for exactly
//!   N and leaves it; a release value of 0 releases nothing.
//!
//! Source: mlir-aie `lib/Dialect/AIE/Util/aie_registers_aie2.json`, aie-rt
//! `driver/src/global/xaiemlgbl_reginit.c`.

use super::field::layout;
use crate::TileKind;

layout! {
    /// Buffer descriptor of a core tile's DMA. Base address and length in 32-bit words.
    CoreBd, "core BD", 6 words {
        /// First word of the buffer in the tile's data memory, a word address.
        base_address       = 0 [27:14] uint;
        /// Words of one pass.
        buffer_length      = 0 [13:0]  uint;
        /// Compress (MM2S) or decompress (S2MM) the stream.
        enable_compression = 1 [31:31] flag;
        /// Put a packet header before the data (MM2S).
        enable_packet      = 1 [30:30] flag;
        /// Descriptor the receiver uses in out-of-order mode.
        ooo_bd_id          = 1 [29:24] uint;
        /// Packet id of the header.
        packet_id          = 1 [23:19] uint;
        /// Packet type of the header.
        packet_type        = 1 [18:16] uint;
        /// Step of dimension 1, words.
        d1_step            = 2 [25:13] less1;
        /// Step of dimension 0, words.
        d0_step            = 2 [12:0]  less1;
        /// Size of dimension 1.
        d1_wrap            = 3 [28:21] uint;
        /// Size of dimension 0, words.
        d0_wrap            = 3 [20:13] uint;
        /// Step of dimension 2, words.
        d2_step            = 3 [12:0]  less1;
        /// Loads already done, modulo `iter_wrap`.
        iter_current       = 4 [24:19] uint;
        /// Loads until the iteration offset returns to 0.
        iter_wrap          = 4 [18:13] less1;
        /// Words added to the address at each load.
        iter_step          = 4 [12:0]  less1;
        /// Do not mark the last word of the transfer.
        tlast_suppress     = 5 [31:31] flag;
        /// Descriptor that follows.
        next_bd            = 5 [30:27] uint;
        /// Continue with `next_bd`.
        use_next           = 5 [26:26] flag;
        /// The descriptor may be used.
        valid              = 5 [25:25] flag;
        /// Added to the release lock after the transfer.
        rel_value          = 5 [24:18] sint;
        /// Lock to release.
        rel_id             = 5 [16:13] uint;
        /// Acquire `acq_id` before the transfer.
        acq_enable         = 5 [12:12] flag;
        /// Value to acquire.
        acq_value          = 5 [11:5]  sint;
        /// Lock to acquire.
        acq_id             = 5 [3:0]   uint;
    }
}

layout! {
    /// Buffer descriptor of a memory tile's DMA. Base address and length in 32-bit words; the address
    /// space holds the west neighbour, the own tile and the east neighbour, see
    /// [`memory`](super::memory). Zero padding (MM2S only) is part of the length.
    MemBd, "memory tile BD", 8 words {
        /// Put a packet header before the data (MM2S).
        enable_packet      = 0 [31:31] flag;
        /// Packet type of the header.
        packet_type        = 0 [30:28] uint;
        /// Packet id of the header.
        packet_id          = 0 [27:23] uint;
        /// Descriptor the receiver uses in out-of-order mode.
        ooo_bd_id          = 0 [22:17] uint;
        /// Words of one pass on the stream, padding included.
        buffer_length      = 0 [16:0]  uint;
        /// Zero words before each run of dimension 0.
        d0_zero_before     = 1 [31:26] uint;
        /// Descriptor that follows.
        next_bd            = 1 [25:20] uint;
        /// Continue with `next_bd`.
        use_next           = 1 [19:19] flag;
        /// First word of the buffer, a word address in the three tiles' window.
        base_address       = 1 [18:0]  uint;
        /// Do not mark the last word of the transfer.
        tlast_suppress     = 2 [31:31] flag;
        /// Size of dimension 0, words.
        d0_wrap            = 2 [26:17] uint;
        /// Step of dimension 0, words.
        d0_step            = 2 [16:0]  less1;
        /// Zero rows before each run of dimension 1.
        d1_zero_before     = 3 [31:27] uint;
        /// Size of dimension 1.
        d1_wrap            = 3 [26:17] uint;
        /// Step of dimension 1, words.
        d1_step            = 3 [16:0]  less1;
        /// Compress (MM2S) or decompress (S2MM) the stream.
        enable_compression = 4 [31:31] flag;
        /// Zero planes before each run of dimension 2.
        d2_zero_before     = 4 [30:27] uint;
        /// Size of dimension 2.
        d2_wrap            = 4 [26:17] uint;
        /// Step of dimension 2, words.
        d2_step            = 4 [16:0]  less1;
        /// Zero planes after each run of dimension 2.
        d2_zero_after      = 5 [31:28] uint;
        /// Zero rows after each run of dimension 1.
        d1_zero_after      = 5 [27:23] uint;
        /// Zero words after each run of dimension 0.
        d0_zero_after      = 5 [22:17] uint;
        /// Step of dimension 3, words.
        d3_step            = 5 [16:0]  less1;
        /// Loads already done, modulo `iter_wrap`.
        iter_current       = 6 [28:23] uint;
        /// Loads until the iteration offset returns to 0.
        iter_wrap          = 6 [22:17] less1;
        /// Words added to the address at each load.
        iter_step          = 6 [16:0]  less1;
        /// The descriptor may be used.
        valid              = 7 [31:31] flag;
        /// Added to the release lock after the transfer.
        rel_value          = 7 [30:24] sint;
        /// Lock to release, an id in the three tiles' window.
        rel_id             = 7 [23:16] uint;
        /// Acquire `acq_id` before the transfer.
        acq_enable         = 7 [15:15] flag;
        /// Value to acquire.
        acq_value          = 7 [14:8]  sint;
        /// Lock to acquire, an id in the three tiles' window.
        acq_id             = 7 [7:0]   uint;
    }
}

layout! {
    /// Buffer descriptor of a shim tile's DMA. The length counts 32-bit words; the address is a byte
    /// address of 48 bits in host memory, see [`ShimBd::address`].
    ShimBd, "shim BD", 8 words {
        /// Words of one pass.
        buffer_length      = 0 [31:0]  uint;
        /// Bits 31:2 of the byte address.
        base_address_low   = 1 [31:2]  uint;
        /// Put a packet header before the data (MM2S).
        enable_packet      = 2 [30:30] flag;
        /// Descriptor the receiver uses in out-of-order mode.
        ooo_bd_id          = 2 [29:24] uint;
        /// Packet id of the header.
        packet_id          = 2 [23:19] uint;
        /// Packet type of the header.
        packet_type        = 2 [18:16] uint;
        /// Bits 47:32 of the byte address.
        base_address_high  = 2 [15:0]  uint;
        /// Secure access on the bus.
        secure             = 3 [30:30] flag;
        /// Size of dimension 0, words.
        d0_wrap            = 3 [29:20] uint;
        /// Step of dimension 0, words.
        d0_step            = 3 [19:0]  less1;
        /// Burst of 64, 128 or 256 bytes: 0, 1 or 2.
        burst_length       = 4 [31:30] uint;
        /// Size of dimension 1.
        d1_wrap            = 4 [29:20] uint;
        /// Step of dimension 1, words.
        d1_step            = 4 [19:0]  less1;
        /// Stream id on the bus.
        smid               = 5 [31:28] uint;
        /// Cache attributes on the bus.
        axcache            = 5 [27:24] uint;
        /// Quality of service on the bus.
        axqos              = 5 [23:20] uint;
        /// Step of dimension 2, words.
        d2_step            = 5 [19:0]  less1;
        /// Loads already done, modulo `iter_wrap`.
        iter_current       = 6 [31:26] uint;
        /// Loads until the iteration offset returns to 0.
        iter_wrap          = 6 [25:20] less1;
        /// Words added to the address at each load.
        iter_step          = 6 [19:0]  less1;
        /// Do not mark the last word of the transfer.
        tlast_suppress     = 7 [31:31] flag;
        /// Descriptor that follows.
        next_bd            = 7 [30:27] uint;
        /// Continue with `next_bd`.
        use_next           = 7 [26:26] flag;
        /// The descriptor may be used.
        valid              = 7 [25:25] flag;
        /// Added to the release lock after the transfer.
        rel_value          = 7 [24:18] sint;
        /// Lock to release.
        rel_id             = 7 [16:13] uint;
        /// Acquire `acq_id` before the transfer.
        acq_enable         = 7 [12:12] flag;
        /// Value to acquire.
        acq_value          = 7 [11:5]  sint;
        /// Lock to acquire.
        acq_id             = 7 [3:0]   uint;
    }
}

impl ShimBd {
    /// The byte address in host memory; always a multiple of 4.
    pub const fn address(&self) -> u64 {
        (self.base_address_high as u64) << 32 | (self.base_address_low as u64) << 2
    }
}

/// Index of the word of a shim descriptor that an address patch names (the low address).
pub const SHIM_BD_ADDRESS_WORD: u32 = 1;

/// Offset of the first word of descriptor `id`.
pub const fn bd_offset(kind: TileKind, id: u8) -> u32 {
    bd_base(kind) + 32 * id as u32
}

/// Offset of descriptor 0.
pub const fn bd_base(kind: TileKind) -> u32 {
    match kind {
        TileKind::Mem => 0xa0000,
        TileKind::Core | TileKind::Shim => 0x1d000,
    }
}

/// Words of a descriptor.
pub const fn bd_words(kind: TileKind) -> u32 {
    match kind {
        TileKind::Core => 6,
        TileKind::Mem | TileKind::Shim => 8,
    }
}

/// Whether DMA channel `channel` (either direction) can use descriptor `id`: on memory tiles even
/// channels use 0..23, odd channels 24..47.
pub const fn bd_usable(kind: TileKind, channel: u8, id: u8) -> bool {
    id < kind.bds()
        && match kind {
            TileKind::Mem => (id >= kind.bds() / 2) == (channel % 2 == 1),
            TileKind::Core | TileKind::Shim => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits the fields of a layout cover, and that no two fields overlap.
    fn coverage(fields: &[super::super::field::Field], words: usize) -> Vec<u32> {
        let mut seen = vec![0u32; words];
        for field in fields {
            assert_eq!(
                seen[field.word] & field.mask(),
                0,
                "{} overlaps",
                field.name
            );
            seen[field.word] |= field.mask();
        }
        seen
    }

    #[test]
    fn fields_do_not_overlap_and_round_trip() {
        let core = coverage(CoreBd::FIELDS, 6);
        let mem = coverage(MemBd::FIELDS, 8);
        let shim = coverage(ShimBd::FIELDS, 8);
        let mut state = 0x1234_5678u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        for _ in 0..200 {
            let words: [u32; 6] = std::array::from_fn(|_| next());
            let back = CoreBd::decode(words).encode().unwrap();
            assert!((0..6).all(|i| back[i] == words[i] & core[i]));
            let words: [u32; 8] = std::array::from_fn(|_| next());
            let back = MemBd::decode(words).encode().unwrap();
            assert!((0..8).all(|i| back[i] == words[i] & mem[i]));
            let back = ShimBd::decode(words).encode().unwrap();
            assert!((0..8).all(|i| back[i] == words[i] & shim[i]));
        }
    }

    // The expected words are those of mlir-aie's CDO for own designs.
    #[test]
    fn core_words_of_a_fifo_end() {
        let bd = CoreBd {
            buffer_length: 16,
            valid: true,
            use_next: true,
            next_bd: 0,
            acq_enable: true,
            acq_id: 0,
            acq_value: -1,
            rel_id: 1,
            rel_value: 1,
            ..CoreBd::default()
        };
        assert_eq!(bd.encode().unwrap(), [0x10, 0, 0, 0, 0, 0x0604_3fe0]);
        let bd = CoreBd {
            enable_packet: true,
            packet_id: 3,
            next_bd: 1,
            acq_id: 1,
            rel_id: 0,
            ..bd
        };
        assert_eq!(
            bd.encode().unwrap(),
            [0x10, 0x4018_0000, 0, 0, 0, 0x0e04_1fe1]
        );
    }

    #[test]
    fn core_words_of_a_transposing_walk() {
        // <32,8><2,256><8,1> on i16
        let bd = CoreBd {
            d0_wrap: 4,
            d1_wrap: 2,
            d1_step: 128,
            d2_step: 4,
            ..CoreBd::default()
        };
        assert_eq!(bd.encode().unwrap()[2..4], [0x000f_e000, 0x0040_8003]);
    }

    #[test]
    fn memory_tile_words_of_a_blocking_walk() {
        // <8,64><2,8><4,16><8,1> on i16
        let bd = MemBd {
            d0_wrap: 4,
            d1_wrap: 4,
            d1_step: 8,
            d2_wrap: 2,
            d2_step: 4,
            d3_step: 32,
            ..MemBd::default()
        };
        assert_eq!(
            bd.encode().unwrap()[2..6],
            [0x0008_0000, 0x0008_0007, 0x0004_0003, 0x0000_001f]
        );
    }

    #[test]
    fn shim_words_of_a_linear_transfer() {
        let bd = ShimBd {
            buffer_length: 256,
            burst_length: 2,
            axcache: 2,
            valid: true,
            ..ShimBd::default()
        };
        assert_eq!(
            bd.encode().unwrap(),
            [0x100, 0, 0, 0, 0x8000_0000, 0x0200_0000, 0, 0x0200_0000]
        );
        let bd = ShimBd {
            base_address_low: 0x40 >> 2,
            base_address_high: 3,
            ..bd
        };
        assert_eq!(bd.address(), 0x3_0000_0040);
    }

    #[test]
    fn limits_are_named() {
        let err = CoreBd {
            d0_step: 8193,
            ..CoreBd::default()
        }
        .encode()
        .unwrap_err();
        assert_eq!(
            (err.layout, err.field, err.max),
            ("core BD", "d0_step", 8192)
        );
        let err = MemBd {
            iter_wrap: 65,
            ..MemBd::default()
        }
        .encode()
        .unwrap_err();
        assert_eq!((err.field, err.min, err.max), ("iter_wrap", 1, 64));
    }

    #[test]
    fn memory_tile_channels_share_descriptors_by_parity() {
        assert!(bd_usable(TileKind::Mem, 0, 23) && !bd_usable(TileKind::Mem, 0, 24));
        assert!(bd_usable(TileKind::Mem, 5, 24) && !bd_usable(TileKind::Mem, 5, 48));
        assert!(bd_usable(TileKind::Core, 1, 0) && !bd_usable(TileKind::Core, 1, 16));
        assert_eq!(bd_offset(TileKind::Shim, 15), 0x1d1e0);
        assert_eq!(bd_offset(TileKind::Mem, 47), 0xa05e0);
    }
}
