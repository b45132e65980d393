//! Packet switching: arbiters that lead whole packets from slave ports to master ports.

use arch::Tile;
use arch::array::packet::Header;
use arch::array::switch::{ARBITERS, Slot, slave_port};
use arch::array::{Port, connect_legal};

use crate::error::EmuError;
use crate::link::Link;
use crate::wake::Wakes;

/// A packet on its way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) arbiter: u8,
    /// Positions in the node's outputs, one bit each.
    pub(crate) outputs: u32,
    /// The header was not passed on yet.
    pub(crate) header: bool,
}

#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) slave: u8,
    pub(crate) link: usize,
    pub(crate) reader: usize,
    pub(crate) slots: Vec<Slot>,
    pub(crate) grant: Option<Grant>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) port: Port,
    pub(crate) link: usize,
    pub(crate) arbiter: u8,
    pub(crate) msel_mask: u8,
    pub(crate) drop_header: bool,
}

/// The packet-switched ports of one switch.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) tile: Tile,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<Output>,
    /// Arbiters that a packet holds, one bit each.
    pub(crate) busy: u8,
    /// Input that is asked first, for fairness.
    pub(crate) first: usize,
}

impl Node {
    /// One cycle: at most one word per input and per output. Returns whether anything moved.
    ///
    /// # Errors
    /// A packet that matches no slot, or that no master port takes.
    pub(crate) fn step(
        &mut self,
        now: u64,
        links: &mut [Link],
        wakes: &mut Wakes,
    ) -> Result<bool, EmuError> {
        let mut moved = false;
        let count = self.inputs.len();
        for turn in 0..count {
            let at = (self.first + turn) % count;
            let input = &self.inputs[at];
            let Some(word) = links[input.link].peek(input.reader, now) else {
                continue;
            };
            let grant = match input.grant {
                Some(grant) => grant,
                None => {
                    let grant = self.route(at, word.data)?;
                    if self.busy & 1 << grant.arbiter != 0 {
                        continue;
                    }
                    self.busy |= 1 << grant.arbiter;
                    self.first = (at + 1) % count;
                    grant
                }
            };
            moved |= self.forward(at, grant, now, links, wakes);
        }
        Ok(moved)
    }

    /// Chooses arbiter and outputs by the packet's header.
    fn route(&self, at: usize, word: u32) -> Result<Grant, EmuError> {
        let input = &self.inputs[at];
        let port = slave_port(self.tile.kind(), input.slave).unwrap_or(Port::Fifo);
        let id = Header::from_word(word).id;
        let refuse = |why| {
            Err(EmuError::Switch {
                tile: self.tile,
                port,
                why,
            })
        };
        let Some(slot) = input.slots.iter().find(|slot| slot.matches(id)) else {
            return refuse(format!(
                "a packet with id {id} (header {word:#010x}) matches no slot\n\
                 help: add a slot for the id, or set the right packet id or controller id at the source"
            ));
        };
        if slot.arbiter >= u32::from(ARBITERS) {
            return refuse(format!("a slot names arbiter {}", slot.arbiter));
        }
        let arbiter = slot.arbiter as u8;
        let mut outputs = 0;
        for (i, output) in self.outputs.iter().enumerate() {
            if output.arbiter == arbiter && output.msel_mask & 1 << slot.msel != 0 {
                if !connect_legal(self.tile.kind(), port, output.port) {
                    return Err(EmuError::Connection {
                        tile: self.tile,
                        slave: port,
                        master: output.port,
                    });
                }
                outputs |= 1 << i;
            }
        }
        if outputs == 0 {
            return refuse(format!(
                "packets with id {id} go to arbiter {arbiter}, msel {}, which no master port takes from",
                slot.msel
            ));
        }
        Ok(Grant {
            arbiter,
            outputs,
            header: true,
        })
    }

    fn forward(
        &mut self,
        at: usize,
        grant: Grant,
        now: u64,
        links: &mut [Link],
        wakes: &mut Wakes,
    ) -> bool {
        let chosen = |i: usize| grant.outputs & 1 << i != 0;
        let takes = |o: &Output| !(grant.header && o.drop_header);
        let input = &mut self.inputs[at];
        input.grant = Some(grant);
        let ready = self
            .outputs
            .iter()
            .enumerate()
            .all(|(i, o)| !chosen(i) || !takes(o) || links[o.link].can_send());
        let Some(word) = links[input.link].peek(input.reader, now) else {
            return false;
        };
        if !ready {
            return false;
        }
        links[input.link].take(input.reader, wakes);
        for (i, output) in self.outputs.iter().enumerate() {
            if chosen(i) && takes(output) {
                links[output.link].send(now, word, wakes);
            }
        }
        if word.last {
            input.grant = None;
            self.busy &= !(1 << grant.arbiter);
        } else {
            input.grant = Some(Grant {
                header: false,
                ..grant
            });
        }
        true
    }

    /// Links of the inputs whose packets can go out on a link.
    pub(crate) fn feeding(&self, link: usize) -> impl Iterator<Item = usize> {
        let output = self.outputs.iter().find(|o| o.link == link);
        let leads = move |slot: &Slot| {
            output.is_some_and(|o| {
                slot.enable
                    && slot.arbiter == u32::from(o.arbiter)
                    && o.msel_mask & 1 << slot.msel != 0
            })
        };
        let inputs = self.inputs.iter();
        inputs
            .filter(move |i| i.slots.iter().any(leads))
            .map(|i| i.link)
    }

    /// The link on which the packet at a slave port finds no room.
    pub(crate) fn held_up_link(&self, slave: u8, links: &[Link]) -> Option<usize> {
        let input = self.inputs.iter().find(|i| i.slave == slave)?;
        let grant = input.grant?;
        let full =
            |(i, o): &(usize, &Output)| grant.outputs & 1 << i != 0 && !links[o.link].can_send();
        let (_, output) = self.outputs.iter().enumerate().find(full)?;
        Some(output.link)
    }

    /// Inputs at which a packet waits, in words.
    pub(crate) fn wait_texts(&self, now: u64, links: &[Link]) -> Vec<String> {
        let mut out = Vec::new();
        for input in &self.inputs {
            if links[input.link].peek(input.reader, now).is_none() {
                continue;
            }
            let port = slave_port(self.tile.kind(), input.slave).unwrap_or(Port::Fifo);
            let place = format!("packet at {port} of {} {}", self.tile.kind(), self.tile);
            out.push(match input.grant {
                None => format!("{place} waits for its arbiter, which another packet holds"),
                Some(grant) => {
                    let full =
                        self.outputs.iter().enumerate().find(|(i, o)| {
                            grant.outputs & 1 << i != 0 && !links[o.link].can_send()
                        });
                    match full {
                        Some((_, o)) => format!("{place} waits for room at {}", o.port),
                        None => format!("{place} moves"),
                    }
                }
            });
        }
        out
    }
}
