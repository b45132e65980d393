//! A configuration as the registers it leaves behind, and what its switches connect.

use std::collections::{BTreeMap, BTreeSet};

use arch::Tile;
use arch::array::switch::{self, MasterConfig, SwitchRegister};
use arch::array::{Port, master_port, slave_index, slave_port, wire};
use formats::cdo::{Cdo, Command};

/// Last value of every register written.
pub(super) type Registers = BTreeMap<u32, u32>;

/// The registers that a configuration leaves behind.
pub(super) fn apply(cdo: &Cdo) -> Registers {
    let mut registers = Registers::new();
    for command in cdo.effects() {
        match command {
            Command::Write { addr, value } => {
                registers.insert(*addr, *value);
            }
            Command::MaskWrite { addr, mask, value } => {
                let word = registers.entry(*addr).or_default();
                *word = *word & !mask | value & mask;
            }
            Command::DmaWrite { addr, data } => {
                for (at, word) in (*addr..).step_by(4).zip(data) {
                    registers.insert(at, *word);
                }
            }
            other => panic!("unexpected command {other}"),
        }
    }
    registers
}

/// Whether an address is a register of a stream switch.
pub(super) fn is_switch(addr: u32) -> bool {
    let (tile, offset) = Tile::from_addr(addr);
    switch::switch_register(tile.kind(), offset).is_some()
}

/// The circuit connections of each tile: slave to masters.
fn connections(registers: &Registers) -> BTreeMap<(Tile, Port), Vec<Port>> {
    let mut connected: BTreeMap<(Tile, Port), Vec<Port>> = BTreeMap::new();
    for (&addr, &word) in registers {
        let (tile, offset) = Tile::from_addr(addr);
        let kind = tile.kind();
        let Some(SwitchRegister::Master(index)) = switch::switch_register(kind, offset) else {
            continue;
        };
        let config = MasterConfig::from_word(word);
        if !config.enable || config.packet {
            continue;
        }
        let slave = slave_port(kind, config.configuration as u8).expect("a slave of the tile");
        let master = master_port(kind, index).expect("a master of the tile");
        let enable = tile.base() + switch::slave_offset(kind, config.configuration as u8);
        assert_eq!(registers.get(&enable), Some(&switch::SLAVE_CIRCUIT));
        connected.entry((tile, slave)).or_default().push(master);
    }
    connected
}

/// For every port at which words enter the switches, the ports at which they leave them.
pub(super) fn flows(registers: &Registers) -> BTreeMap<(Tile, Port), BTreeSet<(Tile, Port)>> {
    let connected = connections(registers);
    let mut flows = BTreeMap::new();
    let mut used = BTreeSet::new();
    for &(tile, port) in connected.keys() {
        assert!(slave_index(tile.kind(), port).is_some());
        if arch::array::switch::wire_source(tile, port).is_some() {
            continue;
        }
        let mut ends = BTreeSet::new();
        let mut open = vec![(tile, port)];
        while let Some((tile, slave)) = open.pop() {
            let masters = connected
                .get(&(tile, slave))
                .unwrap_or_else(|| panic!("words are lost at {tile} {slave}"));
            assert!(
                used.insert((tile, slave)),
                "{tile} {slave} is reached twice"
            );
            for &master in masters {
                match wire(tile, master) {
                    Some(next) => open.push(next),
                    None => {
                        ends.insert((tile, master));
                    }
                }
            }
        }
        flows.insert((tile, port), ends);
    }
    let idle = connected.keys().find(|slave| !used.contains(slave));
    assert_eq!(idle, None, "a connection that nothing drives");
    flows
}
