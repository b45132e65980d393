//! Why nothing moves: the chain of waits from the instruction stream to its culprit.
//!
//! Every waiter waits for a lock, a word, room, a token or a cascade, and each of these is somebody
//! else's to give. The chain is followed until it ends at somebody who will never give it, or comes
//! back to where it was.

use arch::Tile;
use arch::array::Direction;
use arch::array::lock::core_lock_target;

use crate::core::Wait;
use crate::dma::Blocked;
use crate::error::tile_index;
use crate::lock::LockRef;
use crate::network::Source;
use crate::npu::Npu;
use crate::switch::Sink;

/// Somebody who waits, or is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Core(Tile),
    /// By channel index.
    Dma(usize),
}

/// A place in the array that acquires or releases a lock.
struct Use {
    who: Who,
    lock: LockRef,
    releases: bool,
}

/// Where a chain ends.
enum End {
    /// What is wrong, and what to do about it.
    Culprit(String, String),
    /// The chain comes back to this position.
    Circle(usize),
    /// Somebody on the chain could go on.
    Runs,
}

impl Npu {
    /// The chain of waits in words, ending in help, for the channels whose tokens are awaited.
    pub(crate) fn diagnosis(&self, awaited: &[usize]) -> String {
        let mut search = Search {
            npu: self,
            uses: self.lock_uses(),
            chain: Vec::new(),
        };
        let mut roots: Vec<Who> = awaited.iter().map(|at| Who::Dma(*at)).collect();
        if roots.is_empty() {
            let waiting = self.live_cores().map(|(tile, ..)| Who::Core(tile));
            let channels = (0..self.channels.len()).map(Who::Dma);
            roots.extend(waiting.chain(channels).filter(|who| search.blocked(*who)));
        }
        let Some(&root) = roots.first() else {
            return String::new();
        };
        let first = match awaited.is_empty() {
            true => format!("{} waits", search.name(root)),
            false => format!(
                "the instruction stream waits for the token of {}",
                search.name(root)
            ),
        };
        let end = search.follow(root);
        let mut text = format!("what waits for what:\n  {first}");
        for (_, line) in &search.chain {
            text += &format!(",\n  {line}");
        }
        match end {
            End::Culprit(what, help) => text + &format!(":\n  {what}\nhelp: {help}"),
            End::Circle(at) => {
                let names: Vec<_> = search.chain[at..]
                    .iter()
                    .map(|(who, _)| search.name(*who))
                    .collect();
                text + &format!(
                    ":\n  a circle of {}\n\
                     help: the buffers between them are too few for what is held at once; \
                     give a fifo more depth, release before acquiring more, or mend the locks' first values",
                    names.join(" and ")
                )
            }
            End::Runs => text + ":\n  this one can go on; a larger budget may end the run",
        }
    }

    /// Who acquires or releases which lock, by running descriptor chains and the programs of cores
    /// that have not ended.
    fn lock_uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (tile, core, _) in self.live_cores() {
            for (id, releases) in core.lock_uses() {
                let target = core_lock_target(tile, id);
                if let Some(lock) = target.and_then(|(owner, id)| self.locks.find(owner, id)) {
                    uses.push(Use {
                        who: Who::Core(tile),
                        lock,
                        releases,
                    });
                }
            }
        }
        for (at, channel) in self.channels.iter().enumerate() {
            let bds = &self.bds[tile_index(channel.id.tile)];
            for (lock, releases) in channel.lock_uses(bds, &self.locks) {
                uses.push(Use {
                    who: Who::Dma(at),
                    lock,
                    releases,
                });
            }
        }
        uses
    }
}

struct Search<'a> {
    npu: &'a Npu,
    uses: Vec<Use>,
    /// Who was passed, and the line about what it waits for.
    chain: Vec<(Who, String)>,
}

impl Search<'_> {
    fn name(&self, who: Who) -> String {
        match who {
            Who::Core(tile) => format!("core {tile}"),
            Who::Dma(at) => format!("DMA {}", self.npu.channels[at].id),
        }
    }

    fn names(&self, list: &[Who]) -> String {
        let names: Vec<_> = list.iter().map(|who| self.name(*who)).collect();
        names.join(" and ")
    }

    /// What a core waits for; the outer `None` is one that is not enabled or has ended.
    fn wait(&self, tile: Tile) -> Option<Option<Wait>> {
        let mut cores = self.npu.live_cores();
        cores.find(|(t, ..)| *t == tile).map(|(.., wait)| wait)
    }

    fn blocked(&self, who: Who) -> bool {
        match who {
            Who::Core(tile) => matches!(self.wait(tile), Some(Some(_))),
            Who::Dma(at) => self.npu.channels[at].blocked().is_some(),
        }
    }

    /// Who uses a lock in one way, each once.
    fn users(&self, lock: LockRef, releases: bool) -> Vec<Who> {
        let mut out = Vec::new();
        for u in &self.uses {
            if u.lock == lock && u.releases == releases && !out.contains(&u.who) {
                out.push(u.who);
            }
        }
        out
    }

    fn follow(&mut self, who: Who) -> End {
        if let Some(at) = self.chain.iter().position(|(w, _)| *w == who) {
            return End::Circle(at);
        }
        match who {
            Who::Core(tile) => self.core(tile),
            Who::Dma(at) => self.channel(at),
        }
    }

    /// Follows each of those who could help, until one leads to a culprit.
    fn any(&mut self, next: &[Who]) -> End {
        let length = self.chain.len();
        let mut best = None;
        for who in next {
            self.chain.truncate(length);
            match self.follow(*who) {
                end @ End::Culprit(..) => return end,
                end => best = best.or(Some((end, self.chain.clone()))),
            }
        }
        match best {
            Some((end, chain)) => {
                self.chain = chain;
                end
            }
            None => End::Runs,
        }
    }

    fn core(&mut self, tile: Tile) -> End {
        let who = Who::Core(tile);
        let wait = match self.wait(tile) {
            Some(Some(wait)) => wait,
            Some(None) => return End::Runs,
            None => {
                return End::Culprit(
                    format!("core {tile} has ended or was never enabled"),
                    "let its loop run as often as there are objects".into(),
                );
            }
        };
        let other = |what: &str, help: &str| {
            End::Culprit(format!("core {tile} waits for {what}"), help.to_string())
        };
        match wait {
            Wait::Lock { lock, value } => {
                let found = core_lock_target(tile, lock)
                    .and_then(|(owner, id)| self.npu.locks.find(owner, id));
                match found {
                    Some(lock) => self.lock(who, lock, value),
                    None => other("a lock that no tile has", "correct the lock's number"),
                }
            }
            Wait::Memory => End::Runs,
            Wait::CascadeInput => other(
                "a word on its cascade",
                "let the core before it send as many words as this one reads",
            ),
            Wait::CascadeOutput => other(
                "room on its cascade",
                "let the core after it read as many words as this one sends",
            ),
            Wait::StreamInput => other(
                "a word on its input stream",
                "let its sender send as many words as the core reads",
            ),
            Wait::StreamOutput => other(
                "room on its output stream",
                "let its receiver take as many words as the core sends",
            ),
        }
    }

    fn lock(&mut self, who: Who, lock: LockRef, value: i32) -> End {
        let locks = &self.npu.locks;
        let (tile, id) = locks.name(lock);
        let wait = locks.wait_text(lock, value);
        let releasers = self.users(lock, true);
        if !releasers.is_empty() {
            let by = self.names(&releasers);
            self.chain.push((
                who,
                format!("{} {wait}, which {by} releases", self.name(who)),
            ));
            return self.any(&releasers);
        }
        self.chain.push((who, format!("{} {wait}", self.name(who))));
        let place = format!("lock {id} of {} {tile}", tile.kind());
        let mut what = format!("nothing releases {place}");
        // Locks of the same tile that are released and never acquired.
        let unused = self.uses.iter().find(|u| {
            u.releases && locks.name(u.lock).0 == tile && self.users(u.lock, false).is_empty()
        });
        let help = match unused {
            Some(u) => {
                let (_, other) = locks.name(u.lock);
                let takers = self.names(&self.users(lock, false));
                let givers = self.names(&self.users(u.lock, true));
                what += &format!(
                    ", and nothing acquires lock {other}, which {givers} release: \
                     {takers} acquire lock {id}"
                );
                format!("locks {id} and {other} look swapped in one of them")
            }
            None => "whoever is done with the buffer has to release it; \
                     look for a missing release, or a loop that ends too early"
                .to_string(),
        };
        End::Culprit(what, help)
    }

    fn channel(&mut self, at: usize) -> End {
        let npu = self.npu;
        let channel = &npu.channels[at];
        let (who, name) = (Who::Dma(at), self.name(Who::Dma(at)));
        let Some(blocked) = channel.blocked() else {
            if !channel.is_idle() {
                return End::Runs;
            }
            return End::Culprit(
                format!("{name} has no task"),
                "queue its transfer, and ask for a token".into(),
            );
        };
        let (done, length) = channel.progress();
        match blocked {
            Blocked::Lock(lock, value) => self.lock(who, lock, value),
            Blocked::Token => {
                self.chain
                    .push((who, format!("{name} waits to send its token")));
                End::Culprit(
                    "the tile's control port is not connected to the host".into(),
                    "route the tile's control port to the shim's South0".into(),
                )
            }
            Blocked::Words => {
                let sources = npu.network.feeding(at);
                let senders: Vec<Who> = sources.iter().filter_map(|s| self.sender(*s)).collect();
                let line = format!("{name} waits for words, {done} of {length} are there");
                if senders.is_empty() {
                    self.chain.push((who, line));
                    return End::Culprit(format!("no route leads to {name}"), self.route_help());
                }
                let from = self.names(&senders);
                self.chain
                    .push((who, format!("{line}, the others come from {from}")));
                match senders.iter().find(|s| self.idle(**s)) {
                    Some(sender) if senders.len() == 1 => self.sent_too_little(at, *sender),
                    _ => self.any(&senders),
                }
            }
            Blocked::Room => {
                let line = format!("{name} waits for room after {done} of {length} words");
                let sink = npu.network.held_up_by(at);
                let (next, place) = match &sink {
                    None => (None, "no route leaves it".to_string()),
                    Some(Sink::Dma(id)) => {
                        let at = npu.channel_index(id.tile, id.dir, id.number);
                        (Some(Who::Dma(at)), format!("DMA {id} takes none"))
                    }
                    Some(Sink::Core(tile)) => {
                        (Some(Who::Core(*tile)), format!("core {tile} takes none"))
                    }
                    Some(other) => (None, format!("its stream is held up by {other}")),
                };
                self.chain.push((who, format!("{line}, {place}")));
                match next {
                    None => End::Culprit(
                        format!("the stream of {name} ends nowhere"),
                        self.route_help(),
                    ),
                    Some(next) if self.idle(next) => End::Culprit(
                        format!("{} has nothing left to do", self.name(next)),
                        "let both ends of the stream move the same number of bytes".into(),
                    ),
                    Some(next) => self.any(&[next]),
                }
            }
        }
    }

    fn idle(&self, who: Who) -> bool {
        match who {
            Who::Dma(at) => self.npu.channels[at].is_idle(),
            Who::Core(tile) => self.wait(tile).is_none(),
        }
    }

    /// Who sends on a link.
    fn sender(&self, source: Source) -> Option<Who> {
        match source.sender()? {
            (tile, None) => Some(Who::Core(tile)),
            (tile, Some(number)) => Some(Who::Dma(self.npu.channel_index(
                tile,
                Direction::Mm2s,
                number,
            ))),
        }
    }

    fn sent_too_little(&self, receiver: usize, sender: Who) -> End {
        let (done, length) = self.npu.channels[receiver].progress();
        let name = self.name(sender);
        let sent = self.npu.network.sent_to(receiver);
        if sent == 0 {
            return End::Culprit(
                format!("{name} has no task and never sent a word"),
                "a transfer is missing: queue one on it".into(),
            );
        }
        End::Culprit(
            format!(
                "{name} has sent {sent} words in all and has no task left; \
                 the receiver's buffer of {length} words lacks {}",
                length - done
            ),
            "let both ends of the stream move the same number of bytes".into(),
        )
    }

    /// Help for a missing route, with the stream that ends nowhere, if there is one.
    fn route_help(&self) -> String {
        let mut ends = (0..self.npu.channels.len()).filter_map(|at| {
            let sink = self.npu.network.held_up_by(at)?;
            matches!(sink, Sink::Nowhere(..)).then(|| (at, sink))
        });
        match ends.next() {
            Some((at, sink)) => format!(
                "connect the flow: the stream of {} gets as far as {sink}",
                self.name(Who::Dma(at))
            ),
            None => "connect the flow on every switch of its way".into(),
        }
    }
}
