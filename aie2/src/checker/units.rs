//! Registers in units: the order of their parts, and which of them the program's description leaves out.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use arch::aie2::{Opcode, Reg, RegFile, reg};

/// A register's unit, see [`Reg::units`].
pub(super) type Unit = u16;

/// The units of `reg`, low part first, each with its distance from the first. The second modifier of a
/// 3-D tuple is left out: nothing reads it.
pub(super) fn units(reg: Reg) -> &'static [(u8, Unit)] {
    static UNITS: LazyLock<Vec<Vec<(u8, Unit)>>> = LazyLock::new(|| {
        let units = Reg::all().map(|reg| {
            let mut flat = Vec::new();
            flatten(reg, &mut flat);
            let each = flat
                .into_iter()
                .enumerate()
                .map(|(k, unit)| (k as u8, unit));
            each.filter(|(k, _)| reg.file() != RegFile::D3 || *k != SECOND_MODIFIER)
                .collect()
        });
        units.collect()
    });
    &UNITS[reg.number()]
}

const SECOND_MODIFIER: u8 = 4;

fn flatten(reg: Reg, into: &mut Vec<Unit>) {
    if reg.parts().is_empty() {
        into.extend(reg.units());
    }
    for (_, part) in reg.parts() {
        flatten(*part, into);
    }
}

/// Whether the unit is one that forms read or write without naming it, a loop register or a modifier:
/// what such a register holds follows from program order, if the program does not name a value.
pub(super) fn is_special(unit: Unit) -> bool {
    SPECIAL.contains(&unit)
}

/// All units of which [`is_special`] holds.
pub(super) fn special() -> impl Iterator<Item = Unit> {
    SPECIAL.iter().copied()
}

static SPECIAL: LazyLock<BTreeSet<Unit>> = LazyLock::new(|| {
    let forms = Opcode::all().map(Opcode::desc);
    let implied = forms.flat_map(|d| d.implicit_defs.iter().chain(d.implicit_uses));
    let loops = [reg::LS, reg::LE, reg::LC];
    let modifiers = [RegFile::M, RegFile::Dn, RegFile::Dj, RegFile::Dc];
    let modifiers = Reg::all().filter(|r| modifiers.contains(&r.file()));
    implied
        .map(|i| i.reg)
        .chain(loops)
        .chain(modifiers)
        .flat_map(|r| r.units().iter().copied())
        .collect()
});

/// A register that consists of just `unit`.
pub(super) fn name_of(unit: Unit) -> Reg {
    static NAMES: LazyLock<Vec<Option<Reg>>> = LazyLock::new(|| {
        let mut names = vec![None; Reg::UNITS];
        for reg in Reg::all().filter(|r| r.units().len() == 1) {
            let name = &mut names[usize::from(reg.units()[0])];
            *name = name.or(Some(reg));
        }
        names
    });
    NAMES[usize::from(unit)].expect("every unit is a register of its own")
}

/// Whether a called function hands the unit back as it was.
pub(super) fn is_callee_saved(unit: Unit) -> bool {
    static KEPT: LazyLock<BTreeSet<Unit>> = LazyLock::new(|| {
        let r = |reg: &Reg| reg.file() == RegFile::R && (16..=23).contains(&reg.index());
        let p = |reg: &Reg| [reg::P6, reg::P7, reg::SP].contains(reg);
        Reg::all()
            .filter(|x| r(x) || p(x))
            .flat_map(|x| x.units().iter().copied())
            .collect()
    });
    KEPT.contains(&unit)
}
