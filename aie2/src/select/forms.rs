//! The forms of loads and stores, by what they move and how their address is made.

use arch::aie2::{Opcode, op};

/// The forms of an access by how the address is made.
pub(super) struct Forms {
    /// At pointer plus number.
    pub(super) offset: &'static [Opcode],
    /// At pointer plus `dj`.
    pub(super) offset_reg: &'static [Opcode],
    /// At the pointer, which moves by a number.
    pub(super) post: &'static [Opcode],
    /// At the pointer, which moves by `m`.
    pub(super) post_reg: &'static [Opcode],
    /// At the pointer, which walks through two dimensions.
    pub(super) walk2: &'static [Opcode],
    /// At the pointer, which walks through three dimensions.
    pub(super) walk3: &'static [Opcode],
}

/// Forms of one slot, by how the address is made.
macro_rules! one_slot {
    ($offset:ident, $offset_reg:ident, $post:ident, $post_reg:ident, $walk2:ident, $walk3:ident) => {
        Forms {
            offset: &[op::$offset],
            offset_reg: &[op::$offset_reg],
            post: &[op::$post],
            post_reg: &[op::$post_reg],
            walk2: &[op::$walk2],
            walk3: &[op::$walk3],
        }
    };
}

pub(super) use one_slot;

pub(super) const LOAD_SCALAR: Forms = Forms {
    offset: &[op::LDA_dms_lda_idx_imm],
    offset_reg: &[op::LDA_dms_lda_idx],
    post: &[op::LDA_dms_lda_pstm_nrm_imm],
    post_reg: &[op::LDA_dms_lda_pstm_nrm],
    walk2: &[op::LDA_2D_dms_lda],
    walk3: &[op::LDA_3D_dms_lda],
};

pub(super) const LOAD_VECTOR: Forms = Forms {
    offset: &[op::VLDB_dmw_ldb_ag_idx_imm, op::VLDA_dmw_lda_w_ag_idx_imm],
    offset_reg: &[op::VLDB_dmw_ldb_ag_idx, op::VLDA_dmw_lda_w_ag_idx],
    post: &[
        op::VLDB_dmw_ldb_ag_pstm_nrm_imm,
        op::VLDA_dmw_lda_w_ag_pstm_nrm_imm,
    ],
    post_reg: &[op::VLDB_dmw_ldb_ag_pstm_nrm, op::VLDA_dmw_lda_w_ag_pstm_nrm],
    walk2: &[op::VLDB_2D, op::VLDA_2D_dmw_lda_w],
    walk3: &[op::VLDB_3D, op::VLDA_3D_dmw_lda_w],
};

pub(super) const LOAD_ACC: Forms = Forms {
    offset: &[op::VLDA_dmw_lda_am_ag_idx_imm],
    offset_reg: &[op::VLDA_dmw_lda_am_ag_idx],
    post: &[op::VLDA_dmw_lda_am_ag_pstm_nrm_imm],
    post_reg: &[op::VLDA_dmw_lda_am_ag_pstm_nrm],
    walk2: &[op::VLDA_2D_dmw_lda_am],
    walk3: &[op::VLDA_3D_dmw_lda_am],
};

pub(super) const STORE_SCALAR: Forms = Forms {
    offset: &[op::ST_dms_sts_idx_imm],
    offset_reg: &[op::ST_dms_sts_idx],
    post: &[op::ST_dms_sts_pstm_nrm_imm],
    post_reg: &[op::ST_dms_sts_pstm_nrm],
    walk2: &[op::ST_2D_dms_sts],
    walk3: &[op::ST_3D_dms_sts],
};

pub(super) const STORE_VECTOR: Forms = Forms {
    offset: &[op::VST_dmw_sts_w_ag_idx_imm],
    offset_reg: &[op::VST_dmw_sts_w_ag_idx],
    post: &[op::VST_dmw_sts_w_ag_pstm_nrm_imm],
    post_reg: &[op::VST_dmw_sts_w_ag_pstm_nrm],
    walk2: &[op::VST_2D_dmw_sts_w],
    walk3: &[op::VST_3D_dmw_sts_w],
};

pub(super) const STORE_ACC: Forms = Forms {
    offset: &[op::VST_dmw_sts_am_ag_idx_imm],
    offset_reg: &[op::VST_dmw_sts_am_ag_idx],
    post: &[op::VST_dmw_sts_am_ag_pstm_nrm_imm],
    post_reg: &[op::VST_dmw_sts_am_ag_pstm_nrm],
    walk2: &[op::VST_2D_dmw_sts_am],
    walk3: &[op::VST_3D_dmw_sts_am],
};

pub(super) const LOAD_S8: Forms = Forms {
    offset: &[op::LDA_S8_ag_idx_imm],
    offset_reg: &[op::LDA_S8_ag_idx],
    post: &[op::LDA_S8_ag_pstm_nrm_imm],
    post_reg: &[op::LDA_S8_ag_pstm_nrm],
    walk2: &[op::LDA_2D_S8_dmhb_lda],
    walk3: &[op::LDA_3D_S8_dmhb_lda],
};

pub(super) const LOAD_U8: Forms = Forms {
    offset: &[op::LDA_U8_ag_idx_imm],
    offset_reg: &[op::LDA_U8_ag_idx],
    post: &[op::LDA_U8_ag_pstm_nrm_imm],
    post_reg: &[op::LDA_U8_ag_pstm_nrm],
    walk2: &[op::LDA_2D_U8_dmhb_lda],
    walk3: &[op::LDA_3D_U8_dmhb_lda],
};

pub(super) const LOAD_S16: Forms = Forms {
    offset: &[op::LDA_S16_ag_idx_imm],
    offset_reg: &[op::LDA_S16_ag_idx],
    post: &[op::LDA_S16_ag_pstm_nrm_imm],
    post_reg: &[op::LDA_S16_ag_pstm_nrm],
    walk2: &[op::LDA_2D_S16_dmhb_lda],
    walk3: &[op::LDA_3D_S16_dmhb_lda],
};

pub(super) const LOAD_U16: Forms = Forms {
    offset: &[op::LDA_U16_ag_idx_imm],
    offset_reg: &[op::LDA_U16_ag_idx],
    post: &[op::LDA_U16_ag_pstm_nrm_imm],
    post_reg: &[op::LDA_U16_ag_pstm_nrm],
    walk2: &[op::LDA_2D_U16_dmhb_lda],
    walk3: &[op::LDA_3D_U16_dmhb_lda],
};

pub(super) const STORE_BYTE: Forms = Forms {
    offset: &[op::ST_S8_ag_idx_imm],
    offset_reg: &[op::ST_S8_ag_idx],
    post: &[op::ST_S8_ag_pstm_nrm_imm],
    post_reg: &[op::ST_S8_ag_pstm_nrm],
    walk2: &[op::ST_2D_S8],
    walk3: &[op::ST_3D_S8],
};

pub(super) const STORE_HALF: Forms = Forms {
    offset: &[op::ST_S16_ag_idx_imm],
    offset_reg: &[op::ST_S16_ag_idx],
    post: &[op::ST_S16_ag_pstm_nrm_imm],
    post_reg: &[op::ST_S16_ag_pstm_nrm],
    walk2: &[op::ST_2D_S16],
    walk3: &[op::ST_3D_S16],
};

/// bf16 into f32 lanes.
pub(super) const LOAD_F32: Forms = Forms {
    offset: &[op::VLDA_CONV_FP32_BF16_ag_idx_imm],
    offset_reg: &[op::VLDA_CONV_FP32_BF16_ag_idx],
    post: &[op::VLDA_CONV_FP32_BF16_pstm_nrm_imm],
    post_reg: &[op::VLDA_CONV_FP32_BF16_pstm_nrm],
    walk2: &[op::VLDA_2D_CONV_FP32_BF16],
    walk3: &[op::VLDA_3D_CONV_FP32_BF16],
};

/// f32 lanes as bf16.
pub(super) const STORE_BF16: Forms = Forms {
    offset: &[op::VST_CONV_BF16_FP32_ag_idx_imm],
    offset_reg: &[op::VST_CONV_BF16_FP32_ag_idx],
    post: &[op::VST_CONV_BF16_FP32_ag_pstm_nrm_imm],
    post_reg: &[op::VST_CONV_BF16_FP32_ag_pstm_nrm],
    walk2: &[op::VST_CONV_2D_BF16_FP32],
    walk3: &[op::VST_CONV_3D_BF16_FP32],
};
