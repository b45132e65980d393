//! Core programs with constant addresses do what the steps of the worker say.

use std::collections::BTreeMap;

use npuc::array::design::{Arg, Port, Step, Worker};
use npuc::array::verify::WorkerError;
use npuc::array::worker::{Bindings, PlanArg, PlanStep, Ring, plan};
use proptest::prelude::*;

use super::designs::tile;

/// What a core does, one entry per step.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Acquire(u8, u32),
    Release(u8, u32),
    Call(Vec<u32>),
}

/// Passes of an endless loop that are looked at.
const PASSES: u32 = 60;

/// A core that keeps a counter per fifo.
struct Naive<'a> {
    bindings: &'a Bindings,
    released: BTreeMap<String, u32>,
    held: BTreeMap<String, u32>,
    events: Vec<Event>,
}

impl Naive<'_> {
    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Acquire { fifo, port, count } => {
                    let lock = self.bindings.rings[&(fifo.clone(), *port)].acquire;
                    let held = self.held.entry(fifo.clone()).or_default();
                    if *count > *held {
                        self.events.push(Event::Acquire(lock, count - *held));
                        *held = *count;
                    }
                }
                Step::Release { fifo, port, count } => {
                    let lock = self.bindings.rings[&(fifo.clone(), *port)].release;
                    *self.held.get_mut(fifo).unwrap() -= count;
                    *self.released.entry(fifo.clone()).or_default() += count;
                    if *count > 0 {
                        self.events.push(Event::Release(lock, *count));
                    }
                }
                Step::Call { args, .. } => {
                    let addresses = args.iter().map(|arg| self.address(arg)).collect();
                    self.events.push(Event::Call(addresses));
                }
                Step::RepeatBy { buffer, .. } => panic!("a loop by `{buffer}`"),
                Step::Repeat { times, body } => {
                    for _ in 0..times.unwrap_or(PASSES) {
                        self.run(body);
                    }
                }
            }
        }
    }

    fn address(&self, arg: &Arg) -> u32 {
        let Arg::Object { fifo, index } = arg else {
            panic!("only objects are passed");
        };
        let ring = &self.bindings.rings[&(fifo.clone(), Port::Consume)];
        let released = self.released.get(fifo).copied().unwrap_or(0);
        ring.objects[(released + index) as usize % ring.objects.len()]
    }
}

/// What a planned program does, at most `limit` events of it.
fn run(steps: &[PlanStep], limit: usize, events: &mut Vec<Event>) {
    for step in steps {
        match step {
            PlanStep::Acquire { lock, count } => {
                events.push(Event::Acquire(*lock, u32::from(*count)));
            }
            PlanStep::Release { lock, count } => {
                events.push(Event::Release(*lock, u32::from(*count)));
            }
            PlanStep::Call { args, .. } => {
                let addresses = args.iter().map(|arg| match arg {
                    PlanArg::Address(address) => *address,
                    PlanArg::I32(value) => panic!("constant {value}"),
                });
                events.push(Event::Call(addresses.collect()));
            }
            PlanStep::Loop { times, body } => {
                assert!(*times > 1);
                for _ in 0..*times {
                    run(body, limit, events);
                }
            }
            PlanStep::LoopBy { address, .. } => panic!("a loop by {address:#x}"),
            PlanStep::Forever { body } => {
                while events.len() < limit && !body.is_empty() {
                    run(body, limit, events);
                }
            }
        }
    }
}

fn bindings(depths: &[u32]) -> Bindings {
    let mut bindings = Bindings::default();
    for (i, &depth) in depths.iter().enumerate() {
        let id = 2 * i as u32;
        let addresses: Vec<u64> = (0..u64::from(depth))
            .map(|n| 0x1000 * i as u64 + 0x100 * n)
            .collect();
        let ring = Ring::new(tile(0, 2), tile(0, 2), &addresses, id + 1, id).unwrap();
        bindings
            .rings
            .insert((format!("f{i}"), Port::Consume), ring);
    }
    bindings
}

/// How a pass works on one fifo: how many objects it wants, uses and gives back.
#[derive(Clone, Debug)]
struct Usage {
    fifo: usize,
    window: u32,
    release: u32,
}

fn usage(depths: Vec<u32>) -> impl Strategy<Value = Vec<Usage>> {
    let each: Vec<_> = depths
        .into_iter()
        .enumerate()
        .map(|(fifo, depth)| {
            (1..=depth, any::<u32>()).prop_map(move |(window, n)| Usage {
                fifo,
                window,
                release: n % (window + 1),
            })
        })
        .collect();
    each
}

fn pass(usage: &[Usage]) -> Vec<Step> {
    let name = |u: &Usage| format!("f{}", u.fifo);
    let mut steps: Vec<Step> = usage
        .iter()
        .map(|u| Step::acquire(name(u), Port::Consume, u.window))
        .collect();
    let args: Vec<Arg> = usage
        .iter()
        .flat_map(|u| {
            (0..u.window).map(|index| Arg::Object {
                fifo: name(u),
                index,
            })
        })
        .collect();
    steps.push(Step::call("k", args));
    steps.extend(
        usage
            .iter()
            .map(|u| Step::release(name(u), Port::Consume, u.release)),
    );
    steps
}

proptest! {
    #[test]
    fn loops_are_unrolled_to_the_same_events(
        (depths, inner, outer) in prop::collection::vec(1u32..6, 1..4)
            .prop_flat_map(|d| (Just(d.clone()), usage(d.clone()), usage(d))),
        times in 0u32..40,
        rounds in prop::option::of(0u32..12),
    ) {
        let mut body = pass(&outer);
        body.push(Step::repeat(times, pass(&inner)));
        let worker = Worker::new(
            tile(0, 2),
            [Step::repeat(times, pass(&inner)), Step::Repeat { times: rounds, body }],
        );
        let bindings = bindings(&depths);
        let planned = match plan(&worker, &bindings) {
            // Depths without common factors make more steps than fit.
            Err(WorkerError::Steps { .. }) => return Err(TestCaseError::reject("too many steps")),
            planned => planned.unwrap(),
        };
        let mut naive = Naive {
            bindings: &bindings,
            released: BTreeMap::new(),
            held: BTreeMap::new(),
            events: Vec::new(),
        };
        naive.run(&worker.body);
        let mut events = Vec::new();
        run(&planned, naive.events.len(), &mut events);
        if rounds.is_some() {
            prop_assert_eq!(events, naive.events);
        } else {
            prop_assert!(events.len() >= naive.events.len());
            prop_assert_eq!(&events[..naive.events.len()], &naive.events[..]);
        }
    }
}

#[test]
fn a_loop_of_equal_depths_holds_as_many_passes_as_buffers() {
    let usage = [
        Usage {
            fifo: 0,
            window: 1,
            release: 1,
        },
        Usage {
            fifo: 1,
            window: 1,
            release: 1,
        },
    ];
    let worker = Worker::new(tile(0, 2), [Step::repeat(7, pass(&usage))]);
    let planned = plan(&worker, &bindings(&[2, 2])).unwrap();
    let per_pass = pass(&usage).len();
    let PlanStep::Loop { times, body } = &planned[0] else {
        panic!("{planned:?}");
    };
    assert_eq!((*times, body.len()), (3, 2 * per_pass));
    assert_eq!(planned.len(), 1 + per_pass);
}
