//! The cascade and the streams.
//!
//! Both ends of the cascade are enabled when a core starts: `crMCDEn` and `crSCDEn` are left as they are.

use arch::aie2::op;

use super::lower::Lower;
use crate::vcode::{Arg, RegClass, VInst};
use kernel::ir::{PortOp, Value};

/// Units of a word of the cascade.
const WORD: usize = 2;

impl Lower<'_> {
    pub(super) fn lower_port(&mut self, results: &[Value], op: &PortOp) {
        match op {
            PortOp::CascadePut { value } => {
                let units = self.class_of(self.func.ty(*value)).units();
                let (value, first) = self.place(*value);
                for k in (0..units).step_by(WORD) {
                    let part = first + k as u8;
                    let word = Arg::Value { value, part };
                    self.emit(VInst::new(op::VMOV_mv_mcd, vec![word]));
                }
            }
            PortOp::CascadeGet { ty } => {
                let class = self.class_of(*ty);
                let value = self.out.value(class);
                for k in (0..class.units()).step_by(WORD) {
                    let part = k as u8;
                    let word = Arg::Value { value, part };
                    self.emit(VInst::new(op::VMOV_mv_scd, vec![word]));
                }
                self.define(results[0], value);
            }
            PortOp::StreamPut { value, last } => {
                let form = match last {
                    false => op::MOV_mv_scl2ms,
                    true => op::MOV_TLAST_mv_scl2ms,
                };
                let value = self.scalar(*value);
                self.emit(VInst::new(form, vec![Arg::value(value)]));
            }
            PortOp::StreamGet => {
                let value = self.out.value(RegClass::R);
                self.emit(VInst::new(op::MOV_mv_ss2scl, vec![Arg::value(value)]));
                self.define(results[0], value);
            }
        }
    }
}
