//! Which locks a program uses, read from its bytes.

use std::collections::BTreeSet;

use arch::aie2::decode_bundle;

/// Locks that acquire and release instructions of a program name as constants, and whether they
/// release. Bytes that are no bundle are passed over.
pub(super) fn lock_uses(program: &[u8]) -> BTreeSet<(u8, bool)> {
    let mut uses = BTreeSet::new();
    let mut at = 0;
    while at < program.len() {
        let Ok((bundle, bytes)) = decode_bundle(&program[at..]) else {
            at += 2;
            continue;
        };
        for inst in bundle.insts() {
            let releases = match inst.desc().mnemonic {
                "acq" | "acq.cond" => false,
                "rel" | "rel.cond" => true,
                _ => continue,
            };
            if let Some(id) = inst.imm(0).and_then(|id| u8::try_from(id).ok()) {
                uses.insert((id, releases));
            }
        }
        at += bytes;
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::aie2::parse_bundle;

    #[test]
    fn constants_are_found() {
        let lines = ["nop", "acq #49, r0", "nop", "rel #48, r1", "acq r2, r0"];
        let bytes: Vec<u8> = lines
            .iter()
            .flat_map(|l| parse_bundle(l, None).unwrap().encode().to_vec())
            .collect();
        let uses: Vec<_> = lock_uses(&bytes).into_iter().collect();
        assert_eq!(uses, [(48, true), (49, false)]);
    }
}
