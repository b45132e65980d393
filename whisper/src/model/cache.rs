//! Keys and values of the tokens so far, for every row and layer of the decoder.

/// Positions of the smallest cache.
const START: usize = 32;

/// The cache of one layer: `rows` histories of up to `capacity` positions of `width` values.
#[derive(Debug, Default)]
struct Layer {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// The cache of all layers.
#[derive(Debug)]
pub(super) struct Cache {
    layers: Vec<Layer>,
    spare: Vec<f32>,
    width: usize,
    rows: usize,
    length: usize,
    capacity: usize,
}

impl Cache {
    pub(super) fn new(layers: usize, width: usize) -> Self {
        Cache {
            layers: (0..layers).map(|_| Layer::default()).collect(),
            spare: Vec::new(),
            width,
            rows: 0,
            length: 0,
            capacity: START,
        }
    }

    /// Empties the cache for `rows` rows.
    pub(super) fn clear(&mut self, rows: usize) {
        self.rows = rows;
        self.length = 0;
        self.fit();
    }

    /// Positions filled.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    fn fit(&mut self) {
        let size = self.rows * self.capacity * self.width;
        for layer in &mut self.layers {
            layer.keys.resize(size, 0.0);
            layer.values.resize(size, 0.0);
        }
    }

    /// Makes room for `more` positions.
    pub(super) fn reserve(&mut self, more: usize) {
        let needed = self.length + more;
        if needed <= self.capacity {
            return;
        }
        let sources: Vec<usize> = (0..self.rows).collect();
        self.relocate(&sources, needed.next_power_of_two());
    }

    /// Stores keys and values of `count` new positions of every row: `fused` holds rows x count
    /// lines of query, key and value.
    pub(super) fn store(&mut self, layer: usize, fused: &[f32], count: usize) {
        let (width, capacity, length) = (self.width, self.capacity, self.length);
        let layer = &mut self.layers[layer];
        for (i, line) in fused.chunks_exact(3 * width).enumerate() {
            let at = ((i / count) * capacity + length + i % count) * width;
            layer.keys[at..at + width].copy_from_slice(&line[width..2 * width]);
            layer.values[at..at + width].copy_from_slice(&line[2 * width..]);
        }
    }

    /// Counts stored positions as filled.
    pub(super) fn advance(&mut self, count: usize) {
        self.length += count;
    }

    /// Keys and values of one row, from its first position on.
    pub(super) fn row(&self, layer: usize, row: usize) -> (&[f32], &[f32]) {
        let at = row * self.capacity * self.width;
        let end = at + self.capacity * self.width;
        let layer = &self.layers[layer];
        (&layer.keys[at..end], &layer.values[at..end])
    }

    /// Makes row `i` what row `sources[i]` was.
    pub(super) fn reorder(&mut self, sources: &[usize]) {
        let unmoved = sources.iter().enumerate().all(|(i, &s)| i == s);
        if unmoved && sources.len() <= self.rows {
            self.rows = sources.len();
        } else {
            self.relocate(sources, self.capacity);
        }
    }

    /// Copies what is filled of the `sources` to a layout of `capacity` positions.
    fn relocate(&mut self, sources: &[usize], capacity: usize) {
        let (width, old, filled) = (self.width, self.capacity, self.length * self.width);
        for layer in &mut self.layers {
            for data in [&mut layer.keys, &mut layer.values] {
                self.spare.resize(sources.len() * capacity * width, 0.0);
                for (to, &from) in self.spare.chunks_exact_mut(capacity * width).zip(sources) {
                    let at = from * old * width;
                    to[..filled].copy_from_slice(&data[at..at + filled]);
                }
                std::mem::swap(data, &mut self.spare);
            }
        }
        self.rows = sources.len();
        self.capacity = capacity;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_history_when_moved_and_grown() {
        let mut cache = Cache::new(1, 1);
        cache.clear(2);
        for step in 0..40 {
            cache.reserve(1);
            let line = |row: usize| [0.0, (100 * row + step) as f32, -((100 * row + step) as f32)];
            let fused: Vec<f32> = (0..2).flat_map(line).collect();
            cache.store(0, &fused, 1);
            cache.advance(1);
        }
        cache.reorder(&[1, 1, 0]);
        for (row, source) in [(0, 1), (1, 1), (2, 0)] {
            let (keys, values) = cache.row(0, row);
            for step in 0..40 {
                assert_eq!(keys[step], (100 * source + step) as f32);
                assert_eq!(values[step], -keys[step]);
            }
        }
        cache.reorder(&[0]);
        assert_eq!((cache.length(), cache.row(0, 0).0[39]), (40, 139.0));
    }
}
