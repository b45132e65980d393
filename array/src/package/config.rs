//! The register writes of a lowered design, in the order of the reference.
//!
//! Sources: mlir-aie `lib/Targets/AIERT.cpp`, `lib/Targets/AIETargetCDODirect.cpp`.

use std::collections::BTreeMap;

use arch::array::field::FieldError;
use arch::array::memory::{CORE_OWN, DATA_OFFSET};
use arch::array::switch::{self, MasterConfig, Slot};
use arch::array::{Direction, Port, bd, core_regs, dma, lock, master_index, shim, slave_index};
use arch::limits::CORE_DATA_BYTES;
use arch::{Tile, TileKind};
use formats::cdo::{Cdo, Command};
use formats::elf::CoreElf;

use super::error::PackageError;
use crate::lowered::{
    CascadeSettings, Chain, DmaProgram, Lowered, PacketMaster, PacketRule, SwitchSettings,
};
use crate::worker::CorePlan;

/// The three configuration files of a design.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Stops the cores and loads their programs.
    pub elfs: Cdo,
    /// Locks, buffers, descriptors, switches.
    pub init: Cdo,
    /// Starts the cores.
    pub enable: Cdo,
}

fn write(tile: Tile, offset: u32, value: u32) -> Command {
    Command::Write {
        addr: tile.base() + offset,
        value,
    }
}

fn mask_write(tile: Tile, offset: u32, mask: u32, value: u32) -> Command {
    Command::MaskWrite {
        addr: tile.base() + offset,
        mask,
        value,
    }
}

fn dma_write(tile: Tile, offset: u32, data: Vec<u32>) -> Command {
    Command::DmaWrite {
        addr: tile.base() + offset,
        data,
    }
}

fn field(tile: Tile) -> impl Fn(FieldError) -> PackageError {
    move |source| PackageError::Field { tile, source }
}

/// Holds the DMA channels of a core tile in reset, or lets them go.
fn channel_resets(tile: Tile, value: u32) -> impl Iterator<Item = Command> {
    [Direction::Mm2s, Direction::S2mm]
        .into_iter()
        .flat_map(move |direction| {
            (0..TileKind::Core.dma_channels()).map(move |channel| {
                let offset = dma::ctrl_offset(TileKind::Core, direction, channel);
                mask_write(tile, offset, dma::CTRL_RESET, value)
            })
        })
}

/// Refuses static data where the stack or a buffer is.
fn check_data(lowered: &Lowered, core: &CorePlan, elf: &CoreElf) -> Result<(), PackageError> {
    let stack = (0, core.stack_bytes, "the stack".to_string());
    let buffers = lowered
        .buffers
        .iter()
        .filter(|b| b.tile == core.tile)
        .map(|b| {
            let owner = format!("buffer `{}`", b.name);
            (b.address, b.address + b.bytes, owner)
        });
    let owned: Vec<(u32, u32, String)> = std::iter::once(stack).chain(buffers).collect();
    let own = CORE_OWN..CORE_OWN + CORE_DATA_BYTES;
    for segment in elf.segments.iter().filter(|s| own.contains(&s.addr)) {
        let start = segment.addr - CORE_OWN;
        let end = start.saturating_add(segment.size() as u32);
        if let Some((.., owner)) = owned.iter().find(|(a, b, _)| start < *b && *a < end) {
            return Err(PackageError::Overlap {
                tile: core.tile,
                start,
                end,
                owner: owner.clone(),
                free: core.data_base,
            });
        }
    }
    Ok(())
}

fn load_programs(lowered: &Lowered, elfs: &BTreeMap<Tile, CoreElf>) -> Result<Cdo, PackageError> {
    if let Some(&tile) = elfs.keys().find(|t| lowered.core(**t).is_none()) {
        return Err(PackageError::StrayProgram { tile });
    }
    let mut commands = Vec::new();
    for core in &lowered.cores {
        let tile = core.tile;
        let elf = elfs.get(&tile).ok_or(PackageError::NoProgram { tile })?;
        check_data(lowered, core, elf)?;
        let disable = mask_write(tile, core_regs::CONTROL, core_regs::CONTROL_ENABLE, 0);
        commands.push(disable);
        commands.extend(channel_resets(tile, dma::CTRL_RESET));
        let load = elf.load_commands(tile);
        commands.extend(load.map_err(|source| PackageError::Elf { tile, source })?);
        commands.extend(channel_resets(tile, 0));
    }
    Ok(Cdo::new(commands))
}

fn reset_core(tile: Tile) -> impl Iterator<Item = Command> {
    let pulse = [core_regs::CONTROL_RESET, 0]
        .into_iter()
        .map(move |value| mask_write(tile, core_regs::CONTROL, core_regs::CONTROL_RESET, value));
    let locks = (0..TileKind::Core.locks())
        .map(move |id| write(tile, lock::value_offset(TileKind::Core, id), 0));
    pulse.chain(locks)
}

/// Starts a channel on its chain.
fn start_channel(tile: Tile, chain: &Chain) -> Result<Vec<Command>, PackageError> {
    let kind = tile.kind();
    let Some(first) = chain.bds.first() else {
        return Ok(Vec::new());
    };
    let start_bd = u32::from(first.id);
    let queue = match kind {
        TileKind::Mem => dma::MemQueue {
            start_bd,
            repeat: chain.repeat,
            ..dma::MemQueue::default()
        }
        .to_word(),
        TileKind::Core | TileKind::Shim => dma::Queue {
            start_bd,
            repeat: chain.repeat,
            ..dma::Queue::default()
        }
        .to_word(),
    }
    .map_err(field(tile))?;
    let (direction, channel) = (chain.direction, chain.channel);
    let queue_offset = dma::queue_offset(kind, direction, channel);
    let ctrl_offset = dma::ctrl_offset(kind, direction, channel);
    // There is no bit to set for a start; the reference writes none of them, and so do we.
    Ok(vec![
        write(tile, queue_offset, queue),
        mask_write(tile, ctrl_offset, 0, 1),
    ])
}

fn dma_program(program: &DmaProgram) -> Result<Vec<Command>, PackageError> {
    let tile = program.tile;
    let mut commands = Vec::new();
    for descriptor in program.bds_in_write_order() {
        let words = descriptor.encode(tile).map_err(field(tile))?;
        let offset = bd::bd_offset(tile.kind(), descriptor.id);
        commands.push(dma_write(tile, offset, words));
    }
    for chain in &program.chains {
        commands.extend(start_channel(tile, chain)?);
    }
    Ok(commands)
}

fn port_index(
    tile: Tile,
    port: Port,
    index: fn(TileKind, Port) -> Option<u8>,
) -> Result<u8, PackageError> {
    index(tile.kind(), port).ok_or_else(|| PackageError::Port {
        tile,
        port: port.to_string(),
    })
}

fn packet_master(tile: Tile, packets: &PacketMaster) -> Result<Command, PackageError> {
    let master = port_index(tile, packets.master, master_index)?;
    let config = MasterConfig::packet(packets.arbiter, packets.msels, packets.drop_header);
    Ok(write(
        tile,
        switch::master_offset(tile.kind(), master),
        config.to_word().map_err(field(tile))?,
    ))
}

fn packet_slave(tile: Tile, rule: &PacketRule) -> Result<[Command; 2], PackageError> {
    let kind = tile.kind();
    let slave = port_index(tile, rule.slave, slave_index)?;
    let slot = Slot {
        id: u32::from(rule.id),
        mask: u32::from(rule.mask),
        enable: true,
        msel: u32::from(rule.msel),
        arbiter: u32::from(rule.arbiter),
    };
    Ok([
        write(
            tile,
            switch::slave_offset(kind, slave),
            switch::SLAVE_PACKET,
        ),
        write(
            tile,
            switch::slot_offset(kind, slave, rule.slot),
            slot.to_word().map_err(field(tile))?,
        ),
    ])
}

fn switch_writes(settings: &SwitchSettings) -> Result<Vec<Command>, PackageError> {
    let tile = settings.tile;
    let mut commands = Vec::new();
    for circuit in &settings.circuits {
        let slave = port_index(tile, circuit.slave, slave_index)?;
        let master = port_index(tile, circuit.master, master_index)?;
        let writes = switch::circuit_writes(tile.kind(), slave, master).map_err(field(tile))?;
        commands.extend(writes.map(|(offset, value)| write(tile, offset, value)));
    }
    for master in &settings.packet_masters {
        commands.push(packet_master(tile, master)?);
    }
    for rule in &settings.packet_rules {
        commands.extend(packet_slave(tile, rule)?);
    }
    Ok(commands)
}

fn shim_multiplexers(settings: &SwitchSettings) -> impl Iterator<Item = Command> {
    let tile = settings.tile;
    settings
        .shim_dmas
        .iter()
        .filter_map(|(direction, channel)| shim::dma_connect(*direction, *channel))
        .map(move |(offset, mask, value)| mask_write(tile, offset, mask, value))
}

fn cascade_directions(cascade: &CascadeSettings) -> Result<Command, PackageError> {
    let tile = cascade.tile;
    let directions = core_regs::AccumulatorControl {
        out_east: cascade.out_east,
        in_west: cascade.in_west,
    };
    let word = directions.to_word().map_err(field(tile))?;
    Ok(write(tile, core_regs::ACCUMULATOR_CONTROL, word))
}

fn initialise(lowered: &Lowered) -> Result<Cdo, PackageError> {
    let mut commands: Vec<Command> = Vec::new();
    for core in &lowered.cores {
        commands.extend(reset_core(core.tile));
    }
    for lock in &lowered.locks {
        let offset = lock::value_offset(lock.tile.kind(), lock.id);
        commands.push(write(lock.tile, offset, u32::from(lock.init)));
    }
    for buffer in &lowered.buffers {
        if let Some(words) = &buffer.init {
            let offset = DATA_OFFSET + buffer.address;
            commands.push(dma_write(buffer.tile, offset, words.clone()));
        }
    }
    for kind in [TileKind::Core, TileKind::Mem] {
        for program in lowered.dmas.iter().filter(|p| p.tile.kind() == kind) {
            commands.extend(dma_program(program)?);
        }
    }
    for settings in &lowered.switches {
        commands.extend(switch_writes(settings)?);
    }
    for settings in &lowered.switches {
        commands.extend(shim_multiplexers(settings));
    }
    for cascade in &lowered.cascades {
        commands.push(cascade_directions(cascade)?);
    }
    Ok(Cdo::new(commands))
}

fn start_cores(lowered: &Lowered) -> Cdo {
    let enable = core_regs::CONTROL_ENABLE;
    let start = |core: &CorePlan| mask_write(core.tile, core_regs::CONTROL, enable, enable);
    Cdo::new(lowered.cores.iter().map(start).collect())
}

impl Configuration {
    /// The register writes of a lowered design and the programs of its cores.
    ///
    /// # Errors
    /// [`PackageError`] when a core has no program, a program cannot be loaded, or a program and
    /// the design claim the same memory.
    pub fn new(lowered: &Lowered, elfs: &BTreeMap<Tile, CoreElf>) -> Result<Self, PackageError> {
        Ok(Configuration {
            elfs: load_programs(lowered, elfs)?,
            init: initialise(lowered)?,
            enable: start_cores(lowered),
        })
    }

    /// The register writes of a lowered design without its programs: locks, buffers, descriptors,
    /// switches.
    ///
    /// # Errors
    /// [`PackageError`] when a value does not fit its register.
    pub fn registers(lowered: &Lowered) -> Result<Cdo, PackageError> {
        initialise(lowered)
    }

    /// The files in the order in which they are applied.
    pub fn parts(&self) -> [&Cdo; 3] {
        [&self.elfs, &self.init, &self.enable]
    }
}
