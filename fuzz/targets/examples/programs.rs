//! Runs random kernel IR programs for so many seconds and says how many agreed.
//!
//! `cargo run --release -p amanuensis-fuzz --example programs -- SECONDS [SEED]`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use fuzz::kernel_ir::agree;

/// Choices of a program at most.
const CHOICES: u64 = 600;

/// Numbers that follow from a seed.
///
/// Source: G. Marsaglia, "Xorshift RNGs" (2003).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let (Some(Ok(seconds)), seed) = (args.next(), args.next()) else {
        eprintln!("no seconds given\nhelp: programs SECONDS [SEED], both integers");
        return ExitCode::FAILURE;
    };
    let Ok(seed) = seed.unwrap_or(Ok(1)) else {
        eprintln!("the seed is no integer\nhelp: programs SECONDS [SEED], both integers");
        return ExitCode::FAILURE;
    };
    let (mut numbers, start) = (Numbers(seed | 1), Instant::now());
    let (mut agreed, mut refused, mut wrong) = (0u64, 0u64, 0u64);
    let mut said = Duration::ZERO;
    while start.elapsed().as_secs() < seconds {
        let length = numbers.next() % CHOICES;
        let choices: Vec<u8> = (0..length).map(|_| (numbers.next() >> 32) as u8).collect();
        let (memory, scalar) = (numbers.next() as u32, (numbers.next() >> 16) as i32);
        let ran = std::panic::catch_unwind(|| agree(&choices, memory, scalar));
        match ran {
            Ok(Ok(None)) => agreed += 1,
            Ok(Ok(Some(_))) => refused += 1,
            Ok(Err(difference)) => {
                wrong += 1;
                println!("seed {memory}, scalar {scalar}, choices {choices:?}\n{difference}\n");
            }
            Err(_) => {
                wrong += 1;
                println!("seed {memory}, scalar {scalar}, choices {choices:?}\npanic\n");
            }
        }
        if start.elapsed() >= said + Duration::from_secs(60) {
            said = start.elapsed();
            println!(
                "{} s: {agreed} agreed, {refused} refused, {wrong} wrong",
                said.as_secs()
            );
        }
    }
    println!("{agreed} programs agreed, {refused} need too many registers, {wrong} are wrong");
    if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
