//! The vector adder: addition, comparison, selection on lanes of 8, 16 and 32 bits and bf16.

use crate::core::fault::Outcome;
use crate::core::machine::Machine;
use crate::core::op::{LaneType, Lanes, ScalarDst};
use crate::core::regs::Scalar;
use arch::num::{self, LaneFn, LaneKind};

impl LaneType {
    const fn bits(self) -> u8 {
        match self {
            Self::I8(_) => 8,
            Self::I16(_) | Self::Bf16 => 16,
            Self::I32(_) => 32,
        }
    }
}

impl Machine {
    pub(super) fn lanes(&mut self, op: &Lanes) -> Outcome<()> {
        let (b, b_defined) = self.read::<64>(op.b);
        let (a, a_defined) = op.a.map_or((b, b_defined), |a| self.read::<64>(a));
        let mut defined = a_defined & b_defined;
        let mut select = 0;
        if let Some(reg) = op.select {
            select = u64::from(self.regs.get(reg));
            let mut known = self.regs.defined(reg);
            if op.lane.bits() == 8 {
                select |= u64::from(self.regs.get(reg.odd())) << 32;
                known &= self.regs.defined(reg.odd());
            }
            if op.f == LaneFn::Select && known {
                defined = chosen(
                    a_defined,
                    b_defined,
                    select,
                    256 / u32::from(op.lane.bits()),
                );
            }
            defined = if known { defined } else { 0 };
        }
        let kind = match op.lane {
            LaneType::I8(sign) if self.signed(sign)? => LaneKind::I8,
            LaneType::I8(_) => LaneKind::U8,
            LaneType::I16(sign) if self.signed(sign)? => LaneKind::I16,
            LaneType::I16(_) => LaneKind::U16,
            LaneType::I32(sign) if self.signed(sign)? => LaneKind::I32,
            LaneType::I32(_) => LaneKind::U32,
            LaneType::Bf16 => LaneKind::Bf16,
        };
        let (out, compare) = num::lanes(op.f, kind, &a, &b, select);
        if let Some(to) = op.to {
            self.pipe
                .stage(to.stage)
                .vector(to.to, to.path, &out, defined);
        }
        if let Some(to) = op.compare {
            self.write_mask(to, compare, op.lane.bits() == 8, defined == 0b11);
        }
        Ok(())
    }

    fn write_mask(&mut self, to: ScalarDst, mask: u64, pair: bool, defined: bool) {
        let slot = self.pipe.stage(to.stage);
        slot.scalar(to.to, mask as u32, defined);
        if pair {
            slot.scalar(Scalar::odd(to.to), (mask >> 32) as u32, defined);
        }
    }
}

/// Definedness of a selection: of each half, that of the operands it takes lanes from.
fn chosen(a: u8, b: u8, select: u64, lanes: u32) -> u8 {
    let half = |k: u32| {
        let bits = (select >> (k * lanes)) & ((1u64 << lanes) - 1);
        let ok_a = a >> k & 1 != 0 || bits == (1u64 << lanes) - 1;
        let ok_b = b >> k & 1 != 0 || bits == 0;
        u8::from(ok_a && ok_b) << k
    };
    half(0) | half(1)
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn a_selection_is_as_defined_as_what_it_takes() {
        assert_eq!(chosen(0b11, 0b00, 0, 8), 0b11);
        assert_eq!(chosen(0b11, 0b00, 0x8000, 8), 0b01);
    }
}
