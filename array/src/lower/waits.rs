//! What must get through before the receivers of fifos have room.
//!
//! A receiver's DMA stands still until an object that it has received is used up: by a worker, which may
//! first wait for its other fifos; by the fifos that a link sends on; by the host, which may wait for a
//! token before it asks for more. This follows those who wait for each other from one to the next and
//! keeps the fifos whose words must get through on the way, and the shims whose tokens must. It does not
//! look at steps, depths and amounts: a worker may wait for any of its fifos before it goes on with another.
//! But what a fifo brings never waits for what the same fifo brings later, or the design would stop on wires of
//! its own as well: words of one fifo stay in order.
//!
//! The host is the exception, because every sequence ends with waits: a wait is held against a fifo only if
//! the host has by then moved a larger part of what a fifo connected to it moves in the sequence than of
//! what the fifo itself does. Where the host keeps its fifos in step, nothing of this one is under way.

use std::collections::{BTreeMap, BTreeSet};

use arch::array::Direction;
use arch::{Tile, TileKind};

use super::stores::link_tile;
use crate::design::{Design, Link, Port, SeqOp, Sequence};
use crate::lowered::{Flow, FlowKind};
use crate::route::holds::Waits;
use crate::worker::core_ends;

/// Whose words use the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A fifo, by its index.
    Fifo(usize),
    /// The task-complete tokens of a shim.
    Tokens(Tile),
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Words get through.
    Through(Party),
    /// The producer has an object of the fifo.
    Ready(usize),
    /// An object of the fifo is there for its consumer of this number.
    Arrives(usize, usize),
    /// The consumer with this number has room for one more.
    Room(usize, usize),
    /// The producer has got rid of an object.
    Sent(usize),
    /// The worker of a core goes on.
    Runs(Tile),
    /// The host moves more of the fifo.
    Moved(usize),
}

/// For each fifo and each of its consumers who must get through before there is room. Only packets ask for
/// it: nobody where a design has none.
pub type Rooms = Vec<Vec<BTreeSet<Party>>>;

/// A design with what its host waits for.
struct Context<'a> {
    design: &'a Design,
    /// For each fifo the events that the host waits for before it moves more.
    host: BTreeMap<usize, BTreeSet<Event>>,
}

impl Context<'_> {
    fn position(&self, fifo: usize, tile: Tile) -> Option<usize> {
        let consumers = &self.design.fifos[fifo].consumers;
        consumers.iter().position(|c| c.tile == tile)
    }

    /// The fifos of a side of a link.
    fn indices(&self, names: &[String]) -> Vec<usize> {
        let known = names.iter().filter_map(|n| self.design.fifo(n));
        known.map(|(index, _)| index).collect()
    }

    /// The link in `tile` that takes or gives the fifo.
    fn link(&self, fifo: usize, tile: Tile, input: bool) -> Option<&Link> {
        let name = &self.design.fifos[fifo].name;
        self.design.links.iter().find(|l| {
            let side = if input { &l.inputs } else { &l.outputs };
            side.contains(name) && link_tile(self.design, l) == Some(tile)
        })
    }

    /// What the worker of `tile` may wait for, apart from one of its fifo ends.
    fn worker(&self, tile: Tile, but: Option<(usize, Port)>) -> Vec<Event> {
        if self.design.worker(tile).is_none() {
            return Vec::new();
        }
        let ends = core_ends(self.design, tile).into_iter();
        let ends = ends.filter(|end| Some(*end) != but);
        let mut events: Vec<Event> = ends
            .filter_map(|(fifo, port)| match port {
                Port::Produce => Some(Event::Sent(fifo)),
                Port::Consume => Some(Event::Arrives(fifo, self.position(fifo, tile)?)),
            })
            .collect();
        for cascade in &self.design.cascades {
            if cascade.from == tile {
                events.push(Event::Runs(cascade.to));
            } else if cascade.to == tile {
                events.push(Event::Runs(cascade.from));
            }
        }
        events
    }

    fn arrive(&self, fifos: &[usize], tile: Tile) -> Vec<Event> {
        let at = |&f: &usize| Some(Event::Arrives(f, self.position(f, tile)?));
        fifos.iter().filter_map(at).collect()
    }

    /// All that must have happened before an event, as far as it is not the event's own doing.
    fn before(&self, event: Event) -> Vec<Event> {
        let rooms = |fifo: usize| {
            (0..self.design.fifos[fifo].consumers.len()).map(move |c| Event::Room(fifo, c))
        };
        let host = |fifo: usize| self.host.get(&fifo).into_iter().flatten().copied();
        match event {
            Event::Through(_) => Vec::new(),
            Event::Moved(fifo) => host(fifo).collect(),
            Event::Runs(tile) => self.worker(tile, None),
            Event::Sent(fifo) => {
                let through = Event::Through(Party::Fifo(fifo));
                rooms(fifo).chain([through]).collect()
            }
            // There is room at a consumer that waits for an object, but not always at the others.
            Event::Arrives(fifo, consumer) => {
                let through = Event::Through(Party::Fifo(fifo));
                let others = rooms(fifo).filter(|r| *r != Event::Room(fifo, consumer));
                others.chain([through, Event::Ready(fifo)]).collect()
            }
            Event::Ready(fifo) => {
                let tile = self.design.fifos[fifo].producer;
                if tile.kind() == TileKind::Shim {
                    return vec![Event::Moved(fifo)];
                }
                let Some(link) = self.link(fifo, tile, false) else {
                    return self.worker(tile, Some((fifo, Port::Produce)));
                };
                let outputs = self.indices(&link.outputs).into_iter();
                let others = outputs.filter(|&o| o != fifo).map(Event::Sent);
                let inputs = self.arrive(&self.indices(&link.inputs), tile);
                others.chain(inputs).collect()
            }
            Event::Room(fifo, consumer) => {
                let tile = self.design.fifos[fifo].consumers[consumer].tile;
                if tile.kind() == TileKind::Shim {
                    return vec![Event::Moved(fifo)];
                }
                let Some(link) = self.link(fifo, tile, true) else {
                    return self.worker(tile, Some((fifo, Port::Consume)));
                };
                let mut inputs = self.indices(&link.inputs);
                inputs.retain(|&i| i != fifo);
                let outputs = self.indices(&link.outputs).into_iter();
                let outputs = outputs.map(Event::Sent);
                outputs.chain(self.arrive(&inputs, tile)).collect()
            }
        }
    }

    /// Who must get through before an event.
    fn through(&self, event: Event) -> BTreeSet<Party> {
        let mut seen = BTreeSet::from([event]);
        let mut open = vec![event];
        let mut parties = BTreeSet::new();
        while let Some(event) = open.pop() {
            if let Event::Through(party) = event {
                parties.insert(party);
            }
            let new = self.before(event).into_iter().filter(|e| seen.insert(*e));
            open.extend(new);
        }
        parties
    }
}

/// For each fifo a number that fifos have in common which are connected by workers and links.
fn components(design: &Design) -> Vec<usize> {
    let mut component: Vec<usize> = (0..design.fifos.len()).collect();
    let mut join = |fifos: &[usize]| {
        for pair in fifos.windows(2) {
            let (a, b) = (component[pair[0]], component[pair[1]]);
            component
                .iter_mut()
                .filter(|c| **c == b)
                .for_each(|c| *c = a);
        }
    };
    for link in &design.links {
        let names = link.inputs.iter().chain(&link.outputs);
        let fifos: Vec<usize> = names.filter_map(|n| Some(design.fifo(n)?.0)).collect();
        join(&fifos);
    }
    let ends = |tile| core_ends(design, tile).into_iter().map(|(fifo, _)| fifo);
    for worker in &design.workers {
        join(&ends(worker.tile).collect::<Vec<_>>());
    }
    for cascade in &design.cascades {
        join(
            &ends(cascade.from)
                .chain(ends(cascade.to))
                .collect::<Vec<_>>(),
        );
    }
    component
}

/// The fifo that an operation moves, and how many elements.
fn moved(design: &Design, sequence: &Sequence, op: &SeqOp) -> Option<(usize, u128)> {
    let (fifo, elements) = match op {
        SeqOp::Transfer(transfer) => (&transfer.fifo, transfer.len().into()),
        SeqOp::Start { task } => {
            let task = sequence.task(task)?;
            let parts = task
                .parts
                .iter()
                .map(|p| u128::from(task.transfer(p).len()));
            (&task.fifo, parts.sum::<u128>())
        }
        _ => return None,
    };
    Some((design.fifo(fifo)?.0, elements))
}

/// The end of a fifo at a shim, seen from the host: what it waits for when it waits for a transfer.
fn done(design: &Design, fifo: usize) -> Vec<Event> {
    let is_shim = |tile: Tile| tile.kind() == TileKind::Shim;
    let consumers = design.fifos[fifo].consumers.iter();
    let to_host = consumers.enumerate().filter(|(_, c)| is_shim(c.tile));
    let arrive = to_host.map(|(i, c)| (Event::Arrives(fifo, i), c.tile));
    let producer = design.fifos[fifo].producer;
    let sent = is_shim(producer).then_some((Event::Sent(fifo), producer));
    let events = arrive.chain(sent);
    events
        .flat_map(|(event, shim)| [event, Event::Through(Party::Tokens(shim))])
        .collect()
}

/// What an operation waits for.
fn waited(design: &Design, sequence: &Sequence, op: &SeqOp) -> Vec<Event> {
    let of = |name: &str| {
        design
            .fifo(name)
            .map_or_else(Vec::new, |(i, _)| done(design, i))
    };
    match op {
        SeqOp::Wait { fifo } => of(fifo),
        SeqOp::Await { task } => sequence.task(task).map_or_else(Vec::new, |t| of(&t.fifo)),
        SeqOp::Token(wait) => {
            let columns = wait.tile.col..wait.tile.col.saturating_add(wait.columns);
            let here = |tile: Tile| tile.kind() == TileKind::Shim && columns.contains(&tile.col);
            let fifos = design
                .fifos
                .iter()
                .enumerate()
                .filter(|(_, f)| match wait.direction {
                    Direction::Mm2s => here(f.producer),
                    Direction::S2mm => f.consumers.iter().any(|c| here(c.tile)),
                });
            fifos.flat_map(|(i, _)| done(design, i)).collect()
        }
        _ => Vec::new(),
    }
}

/// What the host waits for before it moves more of each fifo.
fn host_waits(design: &Design) -> BTreeMap<usize, BTreeSet<Event>> {
    let component = components(design);
    let mut host: BTreeMap<usize, BTreeSet<Event>> = BTreeMap::new();
    for sequence in &design.sequences {
        let mut total: BTreeMap<usize, u128> = BTreeMap::new();
        for (fifo, elements) in sequence
            .ops
            .iter()
            .filter_map(|op| moved(design, sequence, op))
        {
            *total.entry(fifo).or_default() += elements;
        }
        let mut so_far: BTreeMap<usize, u128> = BTreeMap::new();
        for op in &sequence.ops {
            if let Some((fifo, elements)) = moved(design, sequence, op) {
                *so_far.entry(fifo).or_default() += elements;
            }
            let events = waited(design, sequence, op);
            if events.is_empty() {
                continue;
            }
            let of = |fifo: usize| so_far.get(&fifo).copied().unwrap_or(0);
            for (&fifo, &all) in total.iter().filter(|(f, all)| of(**f) < **all) {
                let ahead = |(other, sum): (&usize, &u128)| {
                    component[*other] == component[fifo]
                        && of(*other).saturating_mul(all) > of(fifo).saturating_mul(*sum)
                };
                if total.iter().any(ahead) {
                    host.entry(fifo).or_default().extend(&events);
                }
            }
        }
    }
    host
}

/// Finds out who must get through before each consumer of each fifo has room.
pub fn rooms(design: &Design) -> Rooms {
    if design.fifos.iter().all(|f| f.packet.is_none()) {
        let consumers = design.fifos.iter().map(|f| f.consumers.len());
        return consumers.map(|n| vec![BTreeSet::new(); n]).collect();
    }
    let context = Context {
        design,
        host: host_waits(design),
    };
    let through = |fifo: usize, consumer: usize| {
        let mut parties = context.through(Event::Room(fifo, consumer));
        parties.remove(&Party::Fifo(fifo));
        parties
    };
    let fifos = design.fifos.iter().enumerate();
    fifos
        .map(|(i, fifo)| (0..fifo.consumers.len()).map(|c| through(i, c)).collect())
        .collect()
}

/// What the flows of a design wait for: those of packets, by the index of the flow.
pub fn of_flows(design: &Design, rooms: &Rooms, flows: &[Flow]) -> Waits {
    let party = |flow: &Flow| match flow.kind {
        FlowKind::Circuit => None,
        FlowKind::Control { .. } => Some(Party::Tokens(flow.source.tile)),
        FlowKind::Packet(packet) => {
            let fifo = design.fifos.iter().position(|f| f.packet == Some(packet));
            fifo.map(Party::Fifo)
        }
    };
    let parties: Vec<Option<Party>> = flows.iter().map(party).collect();
    let index = |p: &Party| parties.iter().position(|q| *q == Some(*p));
    let of = |party: &Option<Party>| match party {
        Some(Party::Fifo(fifo)) => {
            let consumers = rooms[*fifo].iter();
            consumers
                .map(|all| all.iter().filter_map(index).collect())
                .collect()
        }
        _ => Vec::new(),
    };
    let name = |party: &Option<Party>| match party {
        Some(Party::Fifo(fifo)) => format!("fifo `{}`", design.fifos[*fifo].name),
        Some(Party::Tokens(shim)) => format!("the tokens of shim {shim}"),
        None => String::new(),
    };
    Waits {
        names: parties.iter().map(name).collect(),
        room: parties.iter().map(of).collect(),
    }
}
