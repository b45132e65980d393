//! The streams of the array: switch registers turned into links and packet switches.
//!
//! Writing a switch register only marks the network; before the next cycle the links are made anew.
//! Links whose ends did not change keep their words.

use arch::array::shim::dma_port;
use arch::array::switch::{master_count, master_port, slave_count, slave_index, slave_port};
use arch::array::{Direction, Port};
use arch::{Tile, TileKind};

use crate::control::ControlPorts;
use crate::error::{ChannelId, EmuError, TILES, tile_index};
use crate::link::{Link, Way};
use crate::packet::{Input, Node, Output};
use crate::switch::{Branch, Sink, Switches};
use crate::token;
use crate::wake::Wakes;

/// Who sends on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A slave port that something in the tile drives.
    Slave(Tile, u8),
    /// A master port that an arbiter feeds.
    Arbiter(Tile, u8),
}

impl Source {
    /// The core (`None`) or MM2S channel that drives the source; none for control ports and arbiters.
    pub(crate) fn sender(self) -> Option<(Tile, Option<u8>)> {
        let Source::Slave(tile, slave) = self else {
            return None;
        };
        match slave_port(tile.kind(), slave)? {
            Port::Core => Some((tile, None)),
            Port::Dma(number) => Some((tile, Some(number))),
            port => {
                let number = arch::array::shim::port_dma(Direction::Mm2s, port)?;
                Some((tile, Some(number)))
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (tile, port) = match *self {
            Source::Slave(tile, i) => (tile, slave_port(tile.kind(), i)),
            Source::Arbiter(tile, i) => (tile, master_port(tile.kind(), i)),
        };
        match port {
            Some(port) => write!(f, "{port} of {} {tile}", tile.kind()),
            None => write!(f, "{} {tile}", tile.kind()),
        }
    }
}

#[derive(Debug)]
struct Ends {
    source: Source,
    branches: Vec<Branch>,
}

/// Link and receiver that reach a sink.
type Reader = (usize, usize);

/// DMA channels of the whole array, in the order of their indices.
pub(crate) fn channel_ids() -> impl Iterator<Item = ChannelId> {
    Tile::all().flat_map(|tile| {
        Direction::ALL.into_iter().flat_map(move |dir| {
            (0..tile.kind().dma_channels()).map(move |number| ChannelId { tile, dir, number })
        })
    })
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) switches: Switches,
    pub(crate) dirty: bool,
    pub(crate) links: Vec<Link>,
    ends: Vec<Ends>,
    pub(crate) nodes: Vec<Node>,
    /// By channel index, whether it sends.
    sends: Vec<bool>,
    /// By channel index: link for MM2S, link and receiver for S2MM.
    channels: Vec<Option<Reader>>,
    /// By tile index.
    core_out: [Option<usize>; TILES],
    core_in: [Option<Reader>; TILES],
    control_out: [Option<usize>; TILES],
    /// By link, the channels that receive from it; empty if others do as well.
    dma_readers: Vec<Vec<usize>>,
    host: Vec<Reader>,
    control_in: Vec<(Tile, Reader)>,
    pub(crate) control: ControlPorts,
}

impl Network {
    pub(crate) fn new() -> Self {
        Network {
            switches: Switches::new(),
            dirty: true,
            links: Vec::new(),
            ends: Vec::new(),
            nodes: Vec::new(),
            sends: channel_ids().map(|c| c.dir == Direction::Mm2s).collect(),
            channels: Vec::new(),
            core_out: [None; TILES],
            core_in: [None; TILES],
            control_out: [None; TILES],
            dma_readers: Vec::new(),
            host: Vec::new(),
            control_in: Vec::new(),
            control: ControlPorts::new(),
        }
    }

    #[inline]
    pub(crate) fn channel(&self, index: usize) -> Option<Reader> {
        self.channels[index]
    }

    /// The link that an MM2S channel sends on.
    #[inline]
    pub(crate) fn sender(&self, index: usize) -> Option<Reader> {
        self.channels[index].filter(|_| self.sends[index])
    }

    /// The channels that receive from a link, by receiver; empty if others do as well.
    #[inline]
    pub(crate) fn dma_readers(&self, link: usize) -> &[usize] {
        &self.dma_readers[link]
    }

    /// Whether no word is on its way to a packet switch, the host or a control port.
    pub(crate) fn is_quiet(&self) -> bool {
        let inputs = self.nodes.iter().flat_map(|n| &n.inputs);
        let inputs = inputs.map(|i| (i.link, i.reader));
        let control = self.control_in.iter().map(|(_, reader)| *reader);
        let mut all = inputs.chain(self.host.iter().copied()).chain(control);
        self.control.is_quiet() && all.all(|(link, reader)| self.links[link].nothing_for(reader))
    }

    #[inline]
    pub(crate) fn control_out(&self, tile: Tile) -> Option<usize> {
        self.control_out[tile_index(tile)]
    }

    #[inline]
    pub(crate) fn core_out(&self, tile: Tile) -> Option<usize> {
        self.core_out[tile_index(tile)]
    }

    #[inline]
    pub(crate) fn core_in(&self, tile: Tile) -> Option<Reader> {
        self.core_in[tile_index(tile)]
    }

    /// Makes links and packet switches from the registers.
    ///
    /// # Errors
    /// Illegal connections, and changes to a stream that words are on.
    pub(crate) fn rebuild(&mut self) -> Result<(), EmuError> {
        self.switches.check()?;
        let ends = self.find_ends();
        let mut links = Vec::with_capacity(ends.len());
        for end in &ends {
            links.push(self.keep_or_make(end)?);
        }
        for old in &self.ends {
            let gone = !ends.iter().any(|e| e.source == old.source);
            if gone
                && let Some(link) = self.link_of(old.source)
                && !link.is_empty()
            {
                return Err(changed(old.source));
            }
        }
        let nodes = self.make_nodes(&ends)?;
        self.links = links;
        self.ends = ends;
        self.nodes = nodes;
        self.index_ends();
        self.dirty = false;
        Ok(())
    }

    fn find_ends(&self) -> Vec<Ends> {
        let mut ends = Vec::new();
        for tile in Tile::all() {
            let kind = tile.kind();
            for slave in 0..slave_count(kind) {
                if self.is_local_source(tile, slave) && self.switches.slave_enabled(tile, slave) {
                    ends.push(Ends {
                        source: Source::Slave(tile, slave),
                        branches: self.switches.follow_slave(tile, slave),
                    });
                }
            }
            for index in 0..master_count(kind) {
                let config = self.switches.get(tile).master(index);
                if config.enable
                    && config.packet
                    && let Some(port) = master_port(kind, index)
                {
                    ends.push(Ends {
                        source: Source::Arbiter(tile, index),
                        branches: self.switches.follow_master(tile, port),
                    });
                }
            }
        }
        ends
    }

    /// Whether something inside the tile drives the slave port.
    fn is_local_source(&self, tile: Tile, slave: u8) -> bool {
        match slave_port(tile.kind(), slave) {
            Some(Port::Core | Port::Dma(_) | Port::TileCtrl) => true,
            Some(port @ Port::South(_)) if tile.kind() == TileKind::Shim => {
                arch::array::shim::port_dma(Direction::Mm2s, port).is_some_and(|number| {
                    self.switches.mux_connects(ChannelId {
                        tile,
                        dir: Direction::Mm2s,
                        number,
                    })
                })
            }
            _ => false,
        }
    }

    fn position(&self, source: Source) -> Option<usize> {
        self.ends.iter().position(|e| e.source == source)
    }

    fn link_of(&self, source: Source) -> Option<&Link> {
        self.position(source).map(|i| &self.links[i])
    }

    fn keep_or_make(&self, end: &Ends) -> Result<Link, EmuError> {
        if let Some(at) = self.position(end.source) {
            if self.ends[at].branches == end.branches {
                return Ok(self.links[at].clone());
            }
            if !self.links[at].is_empty() {
                return Err(changed(end.source));
            }
        }
        let ways: Vec<Way> = end.branches.iter().map(|b| b.way).collect();
        Ok(Link::new(&ways))
    }

    fn make_nodes(&self, ends: &[Ends]) -> Result<Vec<Node>, EmuError> {
        let mut nodes = Vec::new();
        for tile in Tile::all() {
            let mut inputs = Vec::new();
            let mut outputs = Vec::new();
            for (link, end) in ends.iter().enumerate() {
                for (reader, branch) in end.branches.iter().enumerate() {
                    if let Sink::Packet(at, slave) = branch.sink
                        && at == tile
                    {
                        inputs.push(Input {
                            slave,
                            link,
                            reader,
                            slots: self.switches.get(tile).slots(slave).collect(),
                            grant: None,
                        });
                    }
                }
                if let Source::Arbiter(at, index) = end.source
                    && at == tile
                    && let Some(port) = master_port(tile.kind(), index)
                {
                    let config = self.switches.get(tile).master(index);
                    outputs.push(Output {
                        port,
                        link,
                        arbiter: config.arbiter(),
                        msel_mask: config.msel_mask(),
                        drop_header: config.drop_header,
                    });
                }
            }
            if inputs.is_empty() {
                continue;
            }
            inputs.sort_by_key(|i| i.slave);
            let mut node = Node {
                tile,
                inputs,
                outputs,
                busy: 0,
                first: 0,
            };
            if let Some(old) = self.nodes.iter().find(|n| n.tile == tile) {
                carry_over(old, &mut node)?;
            }
            nodes.push(node);
        }
        Ok(nodes)
    }

    fn index_ends(&mut self) {
        self.core_out = [None; TILES];
        self.core_in = [None; TILES];
        self.control_out = [None; TILES];
        self.host.clear();
        self.control_in.clear();
        let mut readers = Vec::new();
        for (link, end) in self.ends.iter().enumerate() {
            if let Source::Slave(tile, slave) = end.source {
                match slave_port(tile.kind(), slave) {
                    Some(Port::Core) => self.core_out[tile_index(tile)] = Some(link),
                    Some(Port::TileCtrl) => self.control_out[tile_index(tile)] = Some(link),
                    _ => {}
                }
            }
            for (reader, branch) in end.branches.iter().enumerate() {
                match branch.sink {
                    Sink::Dma(channel) => readers.push((channel, (link, reader))),
                    Sink::Host(..) => self.host.push((link, reader)),
                    Sink::Control(tile) => self.control_in.push((tile, (link, reader))),
                    Sink::Core(tile) => self.core_in[tile_index(tile)] = Some((link, reader)),
                    Sink::Packet(..) | Sink::Nowhere(..) => {}
                }
            }
        }
        let index = |channel: &ChannelId| channel_ids().position(|c| c == *channel);
        self.dma_readers = self
            .ends
            .iter()
            .map(|end| {
                let readers = end.branches.iter().map(|branch| match &branch.sink {
                    Sink::Dma(channel) => index(channel),
                    _ => None,
                });
                readers.collect::<Option<Vec<_>>>().unwrap_or_default()
            })
            .collect();
        self.channels = channel_ids()
            .map(|channel| match channel.dir {
                Direction::Mm2s => {
                    let port = sender_port(channel)?;
                    let slave = slave_index(channel.tile.kind(), port)?;
                    let link = self.position(Source::Slave(channel.tile, slave))?;
                    Some((link, 0))
                }
                Direction::S2mm => readers
                    .iter()
                    .find(|(c, _)| *c == channel)
                    .map(|(_, reader)| *reader),
            })
            .collect();
    }

    /// One cycle of the packet switches and of the ends that are neither DMA nor core. Tokens that
    /// reach the host are handed to `token`. Returns whether anything moved.
    ///
    /// # Errors
    /// Packets without a way, words at ports that take none.
    pub(crate) fn step(
        &mut self,
        now: u64,
        wakes: &mut Wakes,
        mut token: impl FnMut(ChannelId),
    ) -> Result<bool, EmuError> {
        let mut moved = false;
        for node in &mut self.nodes {
            moved |= node.step(now, &mut self.links, wakes)?;
        }
        for &(link, reader) in &self.host {
            let Some(word) = self.links[link].peek(reader, now) else {
                continue;
            };
            self.links[link].take(reader, wakes);
            moved = true;
            match token::decode(word) {
                Some(channel) => token(channel),
                None => return Err(self.stray(link, reader, word.data)),
            }
        }
        for &(tile, (link, reader)) in &self.control_in {
            if self.control.takes(tile)
                && let Some(word) = self.links[link].peek(reader, now)
            {
                self.links[link].take(reader, wakes);
                self.control.take(tile, word)?;
                moved = true;
            }
        }
        Ok(moved)
    }

    fn stray(&self, link: usize, reader: usize, word: u32) -> EmuError {
        let (tile, port) = match self.ends[link].branches[reader].sink {
            Sink::Host(tile, port) => (tile, port),
            _ => (Tile::new(0, 0), Port::TileCtrl),
        };
        EmuError::Switch {
            tile,
            port,
            why: format!(
                "word {word:#010x} from {} reaches the host's controller, which takes task-complete tokens only\n\
                 help: lead replies of control ports to a DMA channel",
                self.ends[link].source
            ),
        }
    }

    /// Where the words of an S2MM channel come from: through packet switches back to those who send.
    pub(crate) fn feeding(&self, index: usize) -> Vec<Source> {
        let mut open: Vec<usize> = self.channels[index].iter().map(|(link, _)| *link).collect();
        let mut seen = Vec::new();
        let mut out = Vec::new();
        while let Some(link) = open.pop() {
            if seen.contains(&link) {
                continue;
            }
            seen.push(link);
            match self.ends[link].source {
                Source::Arbiter(tile, _) => {
                    let nodes = self.nodes.iter().filter(|n| n.tile == tile);
                    open.extend(nodes.flat_map(|n| n.feeding(link)));
                }
                source => out.push(source),
            }
        }
        out
    }

    /// The end that keeps an MM2S channel from sending.
    pub(crate) fn held_up_by(&self, index: usize) -> Option<Sink> {
        let (mut link, _) = self.channels[index]?;
        for _ in 0..=self.links.len() {
            let sink = self.ends[link]
                .branches
                .get(self.links[link].blocked_by()?)?
                .sink;
            let Sink::Packet(tile, slave) = sink else {
                return Some(sink);
            };
            let node = self.nodes.iter().find(|n| n.tile == tile);
            match node.and_then(|n| n.held_up_link(slave, &self.links)) {
                Some(next) => link = next,
                None => return Some(sink),
            }
        }
        None
    }

    /// Words sent so far on the link that leads to an S2MM channel.
    pub(crate) fn sent_to(&self, index: usize) -> u64 {
        self.channels[index].map_or(0, |(link, _)| self.links[link].sent())
    }

    /// The other ends of a channel's stream, in words.
    pub(crate) fn other_end(&self, index: usize, channel: ChannelId) -> String {
        let Some((link, _)) = self.channels.get(index).copied().flatten() else {
            return match channel.dir {
                Direction::Mm2s => "(no route leaves it)".into(),
                Direction::S2mm => "(no route leads to it)".into(),
            };
        };
        let end = &self.ends[link];
        match channel.dir {
            Direction::S2mm => format!(
                "(from {}, {} words sent so far)",
                end.source,
                self.links[link].sent()
            ),
            Direction::Mm2s => {
                let blocked = self.links[link].blocked_by();
                let branch = blocked.and_then(|b| end.branches.get(b));
                match branch {
                    Some(branch) => format!("(held up by {})", branch.sink),
                    None => "(its stream has room)".into(),
                }
            }
        }
    }

    /// Every waiting packet and reply, in words.
    pub(crate) fn wait_texts(&self, now: u64) -> Vec<String> {
        let nodes = self.nodes.iter();
        let packets = nodes.flat_map(|node| node.wait_texts(now, &self.links));
        let replies = self
            .control
            .wait_texts(|tile| self.control_out(tile).is_some());
        packets.chain(replies).collect()
    }
}

/// The slave port an MM2S channel drives.
fn sender_port(channel: ChannelId) -> Option<Port> {
    match channel.tile.kind() {
        TileKind::Shim => dma_port(channel.dir, channel.number),
        _ => Some(Port::Dma(channel.number)),
    }
}

fn carry_over(old: &Node, new: &mut Node) -> Result<(), EmuError> {
    new.first = if old.inputs.len() == new.inputs.len() {
        old.first
    } else {
        0
    };
    for input in &old.inputs {
        let Some(grant) = input.grant else { continue };
        let same_outputs = old.outputs.len() == new.outputs.len()
            && old
                .outputs
                .iter()
                .zip(&new.outputs)
                .all(|(a, b)| a.port == b.port);
        match new.inputs.iter_mut().find(|i| i.slave == input.slave) {
            Some(kept) if same_outputs => {
                kept.grant = Some(grant);
                new.busy |= 1 << grant.arbiter;
            }
            _ => return Err(changed(Source::Slave(old.tile, input.slave))),
        }
    }
    Ok(())
}

fn changed(source: Source) -> EmuError {
    let (tile, port) = match source {
        Source::Slave(tile, i) => (tile, slave_port(tile.kind(), i)),
        Source::Arbiter(tile, i) => (tile, master_port(tile.kind(), i)),
    };
    EmuError::Switch {
        tile,
        port: port.unwrap_or(Port::Fifo),
        why: "its route is changed while words are on it\n\
              help: let the transfers finish before switches are written"
            .into(),
    }
}
