//! Resampling against the formula of the signal.

use amanuensis::audio::{MAX_RATE, MIN_RATE, Resampler, SAMPLE_RATE};
use proptest::prelude::*;

use crate::support::signal::{sine, sweep, sweep_at, tone_and_rest};

fn resample(samples: &[f32], rate: u32, block: usize) -> Vec<f32> {
    let mut resampler = Resampler::new(rate).unwrap();
    let mut out = Vec::new();
    for part in samples.chunks(block.max(1)) {
        resampler.push(part, &mut out);
    }
    resampler.finish(&mut out);
    out
}

/// A sweep through the band speech is in, at every common rate and some odd ones: away from the ends,
/// where the signal begins and breaks off, each sample is the formula's value at its time.
#[test]
fn a_sweep_keeps_its_formula() {
    for rate in [
        8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000, 44_099,
        15_999,
    ] {
        let top = (f64::from(rate.min(SAMPLE_RATE)) / 2.0) * 0.95;
        let seconds = 2.0;
        let out = resample(&sweep(50.0, top, rate, seconds), rate, 4096);
        let worst = out
            .iter()
            .enumerate()
            .map(|(n, &x)| (n as f64 / f64::from(SAMPLE_RATE), f64::from(x)))
            .filter(|(t, _)| (0.25..seconds - 0.25).contains(t))
            .map(|(t, x)| (x - sweep_at(t, 50.0, top, seconds)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-4, "{rate} Hz: off by {worst}");
    }
}

/// What lies above 8 kHz must not fold back into the band.
#[test]
fn tones_above_the_band_vanish() {
    for rate in [22_050, 44_100, 48_000, 96_000] {
        for hertz in [8_100.0, 9_000.0, 10_500.0] {
            let out = resample(&sine(hertz, 0.5, rate, 1.0), rate, 1000);
            let middle = &out[4000..12_000];
            let rms = (middle.iter().map(|x| x * x).sum::<f32>() / middle.len() as f32).sqrt();
            assert!(rms < 2e-5, "{hertz} Hz at {rate} Hz leaves {rms}");
        }
    }
}

#[test]
fn a_tone_in_the_band_is_untouched() {
    for rate in [8_000, 44_100, 48_000] {
        let out = resample(&sine(3_000.0, 0.5, rate, 1.0), rate, 777);
        let (amplitude, rest) = tone_and_rest(&out[4000..12_000], 3_000.0, SAMPLE_RATE);
        assert!((amplitude - 0.5).abs() < 1e-4, "{rate}: {amplitude}");
        assert!(rest < 1e-5, "{rate}: {rest}");
    }
}

#[test]
fn rates_outside_the_limits_are_refused() {
    for rate in [0, 1, MIN_RATE - 1, MAX_RATE + 1, u32::MAX] {
        assert!(Resampler::new(rate).is_none(), "{rate}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The number of samples is exact, and how the input is cut into blocks changes nothing.
    #[test]
    fn length_is_exact_and_blocks_do_not_matter(
        rate in prop::sample::select(vec![8_000u32, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]),
        length in 0usize..20_000,
        block in 1usize..5_000,
    ) {
        let signal: Vec<f32> = (0..length).map(|n| ((n * 7919) % 1000) as f32 / 1000.0 - 0.5).collect();
        let whole = resample(&signal, rate, length);
        let expected = (length as u64 * u64::from(SAMPLE_RATE)).div_ceil(u64::from(rate));
        prop_assert_eq!(whole.len() as u64, expected);
        prop_assert_eq!(resample(&signal, rate, block), whole);
    }
}
