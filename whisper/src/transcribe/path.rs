//! The cheapest way through a matrix of tokens and frames, and the filters before it.

/// Frames of the median filter.
pub(super) const MEDIAN_WIDTH: usize = 7;

/// The median of [`MEDIAN_WIDTH`] neighbours of every value, mirrored at the ends; rows of half
/// that width or less stay as they are.
pub(super) fn median(row: &[f32]) -> Vec<f32> {
    let half = MEDIAN_WIDTH / 2;
    let count = row.len();
    if count <= half {
        return row.to_vec();
    }
    let at = |i: isize| {
        let last = count as isize - 1;
        let i = i.abs();
        row[(if i > last { 2 * last - i } else { i }) as usize]
    };
    (0..count as isize)
        .map(|centre| {
            let mut near: [f32; MEDIAN_WIDTH] =
                std::array::from_fn(|i| at(centre + i as isize - half as isize));
            near.sort_by(f32::total_cmp);
            near[half]
        })
        .collect()
}

/// Steps back from a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Back {
    Both,
    Row,
    Column,
}

/// Dynamic time warping: the way from the first to the last cell of `costs` (`rows` x `columns`)
/// that goes on by one row, one column or both, and costs least. Gives for every row the first
/// column it visits.
pub(super) fn first_columns(costs: &[f32], rows: usize, columns: usize) -> Vec<usize> {
    if rows == 0 || columns == 0 {
        return vec![0; rows];
    }
    // Sums are rounded to f32 as the reference keeps them, so that ties fall the same way.
    let width = columns + 1;
    let mut above = vec![f32::INFINITY; width];
    above[0] = 0.0;
    let mut back = vec![Back::Column; rows * columns];
    for row in 0..rows {
        let mut line = vec![f32::INFINITY; width];
        for column in 0..columns {
            let (both, up, left) = (above[column], above[column + 1], line[column]);
            let (least, step) = if both < up && both < left {
                (both, Back::Both)
            } else if up < both && up < left {
                (up, Back::Row)
            } else {
                (left, Back::Column)
            };
            let at = row * columns + column;
            line[column + 1] = (f64::from(costs[at]) + f64::from(least)) as f32;
            back[at] = step;
        }
        above = line;
    }
    let mut first = vec![0; rows];
    let (mut row, mut column) = (rows - 1, columns - 1);
    loop {
        first[row] = column;
        let step = match (row, column) {
            (0, 0) => break,
            (0, _) => Back::Column,
            (_, 0) => Back::Row,
            _ => back[row * columns + column],
        };
        row -= usize::from(step != Back::Column);
        column -= usize::from(step != Back::Row);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians_ignore_single_spikes() {
        let mut row = vec![1.0; 9];
        row[4] = 100.0;
        assert_eq!(median(&row), vec![1.0; 9]);
        assert_eq!(median(&[3.0, 1.0, 2.0]), [3.0, 1.0, 2.0]);
        // At the first value: 4 3 2 1 2 3 4.
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0, 5.0])[0], 3.0);
    }

    #[test]
    fn the_way_follows_what_is_cheap() {
        #[rustfmt::skip]
        let costs = [
            0., 0., 9., 9., 9.,
            9., 9., 0., 9., 9.,
            9., 9., 9., 0., 0.,
        ];
        assert_eq!(first_columns(&costs, 3, 5), [0, 2, 3]);
        assert_eq!(first_columns(&[1.0; 3], 3, 1), [0, 0, 0]);
        assert_eq!(first_columns(&[], 0, 5), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn ways_never_go_back(
            rows in 1usize..8, columns in 1usize..12,
            values in proptest::collection::vec(-1.0f32..1.0, 96)
        ) {
            let first = first_columns(&values[..rows * columns], rows, columns);
            prop_assert!(first.is_sorted());
            prop_assert_eq!(first[0], 0);
            prop_assert!(first.iter().all(|&c| c < columns));
        }
    }
}
