//! Attributes of MLIR-AIE: walks, zeros around them, packets.

use melior::ir::Attribute;
use npuc::array::design::{Dim, Pad};

use crate::aie::Invalid;
use crate::aie::builder::Maker;

/// `[<size = 8, stride = 1>]`
pub(super) fn dims(dims: &[Dim]) -> String {
    let dims = dims
        .iter()
        .map(|d| format!("<size = {}, stride = {}>", d.size, d.stride));
    format!("[{}]", dims.collect::<Vec<_>>().join(", "))
}

/// The order in which a DMA walks, outermost first.
pub(super) fn dims_attribute<'c>(maker: Maker<'c>, walk: &[Dim]) -> Result<Attribute<'c>, Invalid> {
    maker.parsed(&format!("#aie<bd_dim_layout_array{}>", dims(walk)))
}

/// Zeros around a walk, outermost first.
pub(super) fn pads<'c>(maker: Maker<'c>, pads: &[Pad]) -> Result<Attribute<'c>, Invalid> {
    let pads = pads.iter().map(|p| {
        format!(
            "<const_pad_before = {}, const_pad_after = {}>",
            p.before, p.after
        )
    });
    let pads = pads.collect::<Vec<_>>().join(", ");
    maker.parsed(&format!("#aie<bd_pad_layout_array[{pads}]>"))
}

/// Header of the packets that a descriptor sends.
pub(super) fn packet_info<'c>(maker: Maker<'c>, id: u32) -> Result<Attribute<'c>, Invalid> {
    maker.parsed(&format!("#aie.packet_info<pkt_type = 0, pkt_id = {id}>"))
}
