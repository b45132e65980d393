//! Program memory and the bundles decoded from it.

use super::decode::decode;
use super::fault::{FaultKind, Outcome};
use super::op::Op;
use arch::aie2::{Bundle, decode_bundle};
use arch::limits::PROGRAM_BYTES;

/// A decoded bundle: its operations and its size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded {
    first: u32,
    count: u8,
    pub(crate) bytes: u8,
}

/// Program memory, with every bundle decoded when it is first reached.
#[derive(Clone)]
pub(crate) struct Program {
    memory: Vec<u8>,
    /// For every second address, whether something was loaded there.
    loaded: Vec<bool>,
    /// For every second address, one more than the number of its bundle.
    index: Vec<u16>,
    bundles: Vec<Decoded>,
    ops: Vec<Op>,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self {
            memory: vec![0; PROGRAM_BYTES as usize],
            loaded: vec![false; PROGRAM_BYTES as usize / 2],
            index: vec![0; PROGRAM_BYTES as usize / 2],
            bundles: Vec::new(),
            ops: Vec::new(),
        }
    }

    pub(crate) fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Overwrites part of the memory; `false` if it does not fit.
    pub(crate) fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let offset = offset as usize;
        let end = offset.checked_add(bytes.len());
        let Some(range) = end.and_then(|end| self.memory.get_mut(offset..end)) else {
            return false;
        };
        range.copy_from_slice(bytes);
        self.loaded[offset / 2..(offset + bytes.len()).div_ceil(2)].fill(true);
        self.index.fill(0);
        self.bundles.clear();
        self.ops.clear();
        true
    }

    /// The bundle at `pc`, without the cache.
    pub(crate) fn bundle(&self, pc: u32) -> Outcome<(Bundle, usize)> {
        if self.loaded.get(pc as usize / 2) == Some(&false) {
            return FaultKind::NoProgram.fail();
        }
        let bytes = self.memory.get(pc as usize..).filter(|b| !b.is_empty());
        let bytes = bytes.ok_or(FaultKind::ProgramEnd)?;
        Ok(decode_bundle(bytes).map_err(|e| FaultKind::Undecodable {
            reason: e.to_string(),
        })?)
    }

    /// The decoded bundle at `pc`.
    #[inline]
    pub(crate) fn fetch(&mut self, pc: u32) -> Outcome<Decoded> {
        if pc.is_multiple_of(2)
            && let Some(n) = self.index.get(pc as usize / 2)
            && *n != 0
        {
            return Ok(self.bundles[usize::from(*n) - 1]);
        }
        self.decode(pc)
    }

    #[cold]
    fn decode(&mut self, pc: u32) -> Outcome<Decoded> {
        if !pc.is_multiple_of(2) {
            let reason = "a bundle begins at an even address".to_string();
            return FaultKind::Undecodable { reason }.fail();
        }
        let (bundle, bytes) = self.bundle(pc)?;
        let first = self.ops.len() as u32;
        let busy = bundle.insts().iter().filter(|i| !i.op().is_nop());
        self.ops.extend(busy.map(decode));
        let count = (self.ops.len() - first as usize) as u8;
        let decoded = Decoded {
            first,
            count,
            bytes: bytes as u8,
        };
        self.bundles.push(decoded);
        self.index[pc as usize / 2] = self.bundles.len() as u16;
        Ok(decoded)
    }

    /// The operations of a bundle.
    #[inline]
    pub(crate) fn ops(&self, bundle: Decoded) -> &[Op] {
        let first = bundle.first as usize;
        &self.ops[first..first + usize::from(bundle.count)]
    }

    /// The address `bundles` bundles after `pc`.
    pub(crate) fn skip(&mut self, pc: u32, bundles: u32) -> Outcome<u32> {
        (0..bundles).try_fold(pc, |pc, _| Ok(pc + u32::from(self.fetch(pc)?.bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_stay_inside_and_forget_what_was_decoded() {
        let mut program = Program::new();
        let nop = Bundle::new(&[], None).unwrap().encode();
        assert!(program.write(0, &nop));
        assert_eq!(program.fetch(0).unwrap().bytes, 2);
        assert!(!program.write(PROGRAM_BYTES - 1, &nop));
        assert!(!program.write(u32::MAX, &nop));
        let wide = arch::aie2::parse_bundle("movxm r0, #1", None)
            .unwrap()
            .encode();
        assert!(program.write(0, &wide));
        assert_eq!(usize::from(program.fetch(0).unwrap().bytes), wide.len());
        let fault = |pc| *program.clone().fetch(pc).unwrap_err();
        assert!(matches!(fault(1), FaultKind::Undecodable { .. }));
        assert_eq!(fault(PROGRAM_BYTES), FaultKind::ProgramEnd);
    }
}
