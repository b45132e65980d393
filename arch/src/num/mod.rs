//! Elementary arithmetic of the vector unit and what of the scalar unit Rust does not have, bit by
//! bit.
//!
//! Stated once, so that the kernel IR's interpreter and the emulator cannot disagree. Everything
//! here is a pure function of values; registers, latencies and control registers belong to the
//! callers.
//!
//! - [`round`]: rounding modes, saturation, shift-round-saturate, up-shift, pack.
//! - [`float`]: bf16 and f32 conversions, floor, comparison, and the adder that sums aligned terms.
//! - [`mod@lanes`]: the vector adder: sums, comparisons, selections of lanes.
//! - [`mac`]: the multiply-accumulate configuration word, its modes, and their arithmetic.
//! - [`scalar`]: bit-serial division, f32 reciprocal and roots in integers.
//! - [`mod@shuffle`]: the byte permutations of VSHUFFLE.

pub mod float;
pub mod lanes;
pub mod mac;
pub mod round;
pub mod scalar;
pub mod shuffle;

pub use float::{bf16_ge, bf16_lt, bf16_to_f32, f32_to_bf16, floor_bf16, sum_f32};
pub use lanes::{LaneFn, LaneKind, lanes};
pub use mac::{
    AccLane, Lane, MacConf, MacError, MacMode, MacShape, Negate, add_acc, mac_bf16, mac_int,
};
pub use round::{Rounding, Saturation, saturate, srs, ups};
pub use shuffle::{ShuffleMode, shuffle};

#[cfg(test)]
mod test_data {
    /// A JSON array of bit patterns.
    pub(super) fn numbers(value: &serde_json::Value) -> Vec<u32> {
        let items = value.as_array().expect("an array");
        items
            .iter()
            .map(|v| v.as_i64().expect("an integer") as u32)
            .collect()
    }
}
