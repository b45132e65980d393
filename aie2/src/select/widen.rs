//! Loads that widen what they load, and stores that pack: one instruction for two.

use arch::aie2::op;

use super::forms::{Forms, LOAD_F32, one_slot};
use kernel::ir::{MoveOp, Op, VectorOp};
use kernel::types::{AccLane, Elem, Type};

/// Loads of 256 bits that shift each element up into an accumulator's lane.
struct UpsLoad {
    lane: AccLane,
    elem: Elem,
    /// Whether the elements are signed; otherwise the control register says so.
    signed: bool,
    forms: Forms,
}

const UPS_LOADS: [UpsLoad; 8] = [
    UpsLoad {
        lane: AccLane::I32,
        elem: Elem::I8,
        signed: true,
        forms: one_slot!(
            VLDA_UPS_S32_S8_ag_idx_imm,
            VLDA_UPS_S32_S8_ag_idx,
            VLDA_UPS_S32_S8_ag_pstm_nrm_imm,
            VLDA_UPS_S32_S8_ag_pstm_nrm,
            VLDA_2D_UPS_S32_S8,
            VLDA_3D_UPS_S32_S8
        ),
    },
    UpsLoad {
        lane: AccLane::I32,
        elem: Elem::I16,
        signed: true,
        forms: one_slot!(
            VLDA_UPS_S32_S16_ag_idx_imm,
            VLDA_UPS_S32_S16_ag_idx,
            VLDA_UPS_S32_S16_ag_pstm_nrm_imm,
            VLDA_UPS_S32_S16_ag_pstm_nrm,
            VLDA_2D_UPS_S32_S16,
            VLDA_3D_UPS_S32_S16
        ),
    },
    UpsLoad {
        lane: AccLane::I64,
        elem: Elem::I16,
        signed: true,
        forms: one_slot!(
            VLDA_UPS_S64_S16_ag_idx_imm,
            VLDA_UPS_S64_S16_ag_idx,
            VLDA_UPS_S64_S16_ag_pstm_nrm_imm,
            VLDA_UPS_S64_S16_ag_pstm_nrm,
            VLDA_2D_UPS_S64_S16,
            VLDA_3D_UPS_S64_S16
        ),
    },
    UpsLoad {
        lane: AccLane::I64,
        elem: Elem::I32,
        signed: true,
        forms: one_slot!(
            VLDA_UPS_S64_S32_ag_idx_imm,
            VLDA_UPS_S64_S32_ag_idx,
            VLDA_UPS_S64_S32_ag_pstm_nrm_imm,
            VLDA_UPS_S64_S32_ag_pstm_nrm,
            VLDA_2D_UPS_S64_S32,
            VLDA_3D_UPS_S64_S32
        ),
    },
    UpsLoad {
        lane: AccLane::I32,
        elem: Elem::I8,
        signed: false,
        forms: one_slot!(
            VLDA_UPS_S32_D8_ag_idx_imm,
            VLDA_UPS_S32_D8_ag_idx,
            VLDA_UPS_S32_D8_ag_pstm_nrm_imm,
            VLDA_UPS_S32_D8_ag_pstm_nrm,
            VLDA_2D_UPS_S32_D8,
            VLDA_3D_UPS_S32_D8
        ),
    },
    UpsLoad {
        lane: AccLane::I32,
        elem: Elem::I16,
        signed: false,
        forms: one_slot!(
            VLDA_UPS_S32_D16_ag_idx_imm,
            VLDA_UPS_S32_D16_ag_idx,
            VLDA_UPS_S32_D16_ag_pstm_nrm_imm,
            VLDA_UPS_S32_D16_ag_pstm_nrm,
            VLDA_2D_UPS_S32_D16,
            VLDA_3D_UPS_S32_D16
        ),
    },
    UpsLoad {
        lane: AccLane::I64,
        elem: Elem::I16,
        signed: false,
        forms: one_slot!(
            VLDA_UPS_S64_D16_ag_idx_imm,
            VLDA_UPS_S64_D16_ag_idx,
            VLDA_UPS_S64_D16_ag_pstm_nrm_imm,
            VLDA_UPS_S64_D16_ag_pstm_nrm,
            VLDA_2D_UPS_S64_D16,
            VLDA_3D_UPS_S64_D16
        ),
    },
    UpsLoad {
        lane: AccLane::I64,
        elem: Elem::I32,
        signed: false,
        forms: one_slot!(
            VLDA_UPS_S64_D32_ag_idx_imm,
            VLDA_UPS_S64_D32_ag_idx,
            VLDA_UPS_S64_D32_ag_pstm_nrm_imm,
            VLDA_UPS_S64_D32_ag_pstm_nrm,
            VLDA_2D_UPS_S64_D32,
            VLDA_3D_UPS_S64_D32
        ),
    },
];

/// 8-bit integers into 16 bits; no form has a number for its address.
const UNPACK_SIGNED: Forms = Forms {
    offset: &[],
    offset_reg: &[op::VLDB_UNPACK_S16_S8_ag_idx],
    post: &[],
    post_reg: &[op::VLDB_UNPACK_S16_S8_ag_pstm_nrm],
    walk2: &[op::VLDB_2D_UNPACK_S16_S8],
    walk3: &[op::VLDB_3D_UNPACK_S16_S8],
};

/// The same, whose sign the control register says.
const UNPACK_BY_CONTROL: Forms = Forms {
    offset: &[],
    offset_reg: &[op::VLDB_UNPACK_D16_D8_ag_idx],
    post: &[],
    post_reg: &[op::VLDB_UNPACK_D16_D8_ag_pstm_nrm],
    walk2: &[op::VLDB_2D_UNPACK_D16_D8],
    walk3: &[op::VLDB_3D_UNPACK_D16_D8],
};

/// 16-bit integers as 8 bits.
pub(super) const PACK_SIGNED: Forms = one_slot!(
    VST_PACK_S8_S16_ag_idx_imm,
    VST_PACK_S8_S16_ag_idx,
    VST_PACK_S8_S16_ag_pstm_nrm_imm,
    VST_PACK_S8_S16_ag_pstm_nrm,
    VST_2D_PACK_S8_S16,
    VST_3D_PACK_S8_S16
);

/// The same, whose sign the control register says.
pub(super) const PACK_BY_CONTROL: Forms = one_slot!(
    VST_PACK_D8_D16_ag_idx_imm,
    VST_PACK_D8_D16_ag_idx,
    VST_PACK_D8_D16_ag_pstm_nrm_imm,
    VST_PACK_D8_D16_ag_pstm_nrm,
    VST_2D_PACK_D8_D16,
    VST_3D_PACK_D8_D16
);

/// The loads that do what an operation does with vectors of type `from`.
pub(super) fn widening(op: &Op, from: Type) -> Option<&'static Forms> {
    match (op, from) {
        (Op::Vector(VectorOp::ToF32 { .. }), _) => Some(&LOAD_F32),
        (Op::Vector(VectorOp::Move(MoveOp::Unpack { signed: true, .. })), _) => {
            Some(&UNPACK_SIGNED)
        }
        (Op::Vector(VectorOp::Move(MoveOp::Unpack { signed: false, .. })), _) => {
            Some(&UNPACK_BY_CONTROL)
        }
        (
            Op::Ups {
                ty: Type::Acc { lane: to, .. },
                signed: sign,
                ..
            },
            Type::Vec { elem: of, .. },
        ) => {
            let mut rows = UPS_LOADS.iter();
            let row = rows.find(|r| (r.lane, r.elem, r.signed) == (*to, of, *sign));
            row.map(|row| &row.forms)
        }
        _ => None,
    }
}
