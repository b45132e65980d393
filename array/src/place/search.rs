//! Placements of low price, one after the other.
//!
//! Every start puts the open tiles anywhere and changes one at a time, or two cores against each other.
//! What makes the placement dearer is taken back, but at first only where it is dearer by much
//! (threshold accepting): so a start leaves poor corners, and nothing depends on how a machine rounds.
//!
//! Source: G. Dueck, T. Scheuer, "Threshold accepting", Journal of Computational Physics 90, 1990.

use arch::{Tile, TileKind};

use super::problem::{Problem, UNIT};

/// Starts from which one proposal is chosen.
const STARTS: usize = 4;
/// How often so many starts are made before it is believed that there is nothing new.
const ROUNDS: usize = 3;
/// Changes that a start tries for each open tile.
const CHANGES: u64 = 200;
/// What a change may cost at first.
const FIRST_THRESHOLD: u64 = 60 * UNIT;

/// Numbers that look random and are the same every time (splitmix64).
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ x >> 31) % n as u64) as usize
    }
}

/// A placement of a problem: one tile for each open one.
pub type Tiles = Vec<Tile>;

/// Placements, no two of them alike.
pub struct Search<'a> {
    problem: &'a Problem,
    rng: Rng,
    /// Choices of every open tile.
    choices: Vec<Vec<Tile>>,
    proposed: Vec<Tiles>,
}

impl<'a> Search<'a> {
    /// Placements of a problem.
    pub fn new(problem: &'a Problem) -> Self {
        let choices = problem.kinds().iter().map(|kind| problem.choices(*kind));
        Search {
            problem,
            rng: Rng(0),
            choices: choices.collect(),
            proposed: Vec::new(),
        }
    }

    /// Every open tile anywhere, no two cores in one place.
    fn anywhere(&mut self) -> Option<Tiles> {
        let mut tiles = Tiles::new();
        for n in 0..self.choices.len() {
            let core = self.problem.kinds()[n] == TileKind::Core;
            let free = |t: &&Tile| !core || !tiles.contains(*t);
            let free: Vec<Tile> = self.choices[n].iter().filter(free).copied().collect();
            if free.is_empty() {
                return None;
            }
            tiles.push(free[self.rng.below(free.len())]);
        }
        Some(tiles)
    }

    /// Puts open tile `n` on `tile`; a core that is there changes places with it.
    fn change(tiles: &mut Tiles, n: usize, tile: Tile) {
        if tile.kind() == TileKind::Core
            && let Some(other) = tiles.iter().position(|t| *t == tile)
        {
            tiles[other] = tiles[n];
        }
        tiles[n] = tile;
    }

    fn start(&mut self) -> Option<(u64, Tiles)> {
        let mut tiles = self.anywhere()?;
        let mut price = self.problem.price(&tiles);
        let mut best = (price, tiles.clone());
        let steps = CHANGES * tiles.len() as u64;
        for step in 0..steps {
            let n = self.rng.below(tiles.len());
            let to = self.choices[n][self.rng.below(self.choices[n].len())];
            let from = tiles[n];
            Self::change(&mut tiles, n, to);
            let changed = self.problem.price(&tiles);
            if changed <= price + FIRST_THRESHOLD * (steps - step) / steps {
                price = changed;
                if price < best.0 && !self.proposed.contains(&tiles) {
                    best = (price, tiles.clone());
                }
            } else {
                Self::change(&mut tiles, n, from);
            }
        }
        let (price, tiles) = self.descend(best.clone());
        let new = !self.proposed.contains(&tiles);
        Some(if new { (price, tiles) } else { best })
    }

    /// Takes every change that makes a placement cheaper, until there is none.
    fn descend(&self, (mut price, mut tiles): (u64, Tiles)) -> (u64, Tiles) {
        loop {
            let before = price;
            for n in 0..tiles.len() {
                for &to in &self.choices[n] {
                    let from = tiles[n];
                    Self::change(&mut tiles, n, to);
                    let changed = self.problem.price(&tiles);
                    if changed < price {
                        price = changed;
                    } else {
                        Self::change(&mut tiles, n, from);
                    }
                }
            }
            if price == before {
                return (price, tiles);
            }
        }
    }
}

impl Iterator for Search<'_> {
    type Item = Tiles;

    /// The cheapest of some more starts that was not proposed before.
    fn next(&mut self) -> Option<Tiles> {
        for _ in 0..ROUNDS {
            let starts: Vec<(u64, Tiles)> = (0..STARTS).filter_map(|_| self.start()).collect();
            let new = starts.into_iter().filter(|s| !self.proposed.contains(&s.1));
            if let Some((_, tiles)) = new.min() {
                self.proposed.push(tiles.clone());
                return Some(tiles);
            }
        }
        None
    }
}
