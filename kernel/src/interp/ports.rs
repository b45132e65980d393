//! Ports and tables.

use super::lanes::{WIDEST, get};
use super::{Datum, End, Frame, Locks, Run, Stop, TrapKind};
use crate::ir::{Inst, PortOp, TableOp};
use crate::types::Type;

/// Bytes of a word of the cascade.
const WORD: usize = 64;

impl<'m, L: Locks> Run<'_, 'm, L> {
    pub(super) fn port(&mut self, frame: &Frame<'m>, op: &PortOp) -> Result<Vec<Datum>, Stop> {
        let port = op.port();
        let wait = || Stop::Waiting(End::Blocked { port });
        let ports = self.interp.locks.ports().ok_or_else(wait)?;
        Ok(match op {
            PortOp::CascadePut { value } => {
                let (bits, bytes) = (frame.wide(*value), frame.func.ty(*value).bytes() as usize);
                ports
                    .cascade_out
                    .extend(bits[..bytes].as_chunks::<WORD>().0);
                vec![]
            }
            PortOp::CascadeGet { ty } => {
                let mut bits = [0; WIDEST];
                for word in bits[..ty.bytes() as usize].chunks_exact_mut(WORD) {
                    word.copy_from_slice(&ports.cascade_in.pop_front().ok_or_else(wait)?);
                }
                vec![Datum::Wide(bits)]
            }
            PortOp::StreamPut { value, last } => {
                ports.stream_out.push((frame.i32(*value) as u32, *last));
                vec![]
            }
            PortOp::StreamGet => {
                let word = ports.stream_in.pop_front().ok_or_else(wait)?;
                vec![Datum::I32(word as i32)]
            }
        })
    }

    pub(super) fn table(
        &mut self,
        frame: &Frame<'m>,
        inst: &Inst,
        op: &TableOp,
    ) -> Result<Vec<Datum>, Stop> {
        let mut bits = [0; WIDEST];
        match op {
            TableOp::Bases { ab, cd } => {
                let base = |name| frame.constants.get(name).copied().unwrap_or(0);
                for (lane, to) in bits[..64].chunks_exact_mut(4).enumerate() {
                    let base = if lane % 4 < 2 { base(ab) } else { base(cd) };
                    to.copy_from_slice(&base.to_le_bytes());
                }
            }
            TableOp::Lookup { ty, at } => {
                let from = frame.func.ty(*at);
                let Type::Vec { lanes, .. } = from else {
                    return Ok(vec![]);
                };
                // The verifier has seen to it that the core has such a look-up.
                let bytes = TableOp::entry_bytes(*ty, from).unwrap_or(2);
                let addresses = frame.wide(*at);
                for lane in 0..usize::from(lanes) {
                    let address = get(&addresses, 4, lane, false) as u32;
                    let addr = TableOp::place(address, bytes, lane);
                    let to = &mut bits[lane * bytes as usize..][..bytes as usize];
                    if !self.interp.memory.look_up(addr, to) {
                        return Err(frame.trap(inst, TrapKind::Lookup { lane, addr }));
                    }
                }
            }
        }
        Ok(vec![Datum::Wide(bits)])
    }
}
