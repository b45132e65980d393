//! A run's trace as Chrome trace events, which Perfetto and `chrome://tracing` show.
//!
//! Source of the form: "Trace Event Format" of the Chromium project.

use std::collections::BTreeMap;

use arch::Tile;
use emulator::trace::{CoreState, DmaState, TRAFFIC_CYCLES, Trace};
use emulator::{ChannelId, Wait};
use serde_json::{Value, json};

/// The tracks of a tile: thread numbers of its core and its channels.
fn thread(channel: ChannelId) -> usize {
    let dir = channel.dir as usize;
    1 + 8 * dir + usize::from(channel.number)
}

/// Process number of a tile; host memory has 0.
fn process(tile: Tile) -> usize {
    1 + usize::from(tile.row) * 16 + usize::from(tile.col)
}

/// Time of a cycle, in microseconds of a clock of 1 GHz.
fn time(cycle: u64) -> f64 {
    cycle as f64 / 1000.0
}

fn span(name: &str, at: (usize, usize), from: u64, to: u64, args: Value) -> Value {
    json!({
        "name": name, "ph": "X", "pid": at.0, "tid": at.1,
        "ts": time(from), "dur": time(to - from), "args": args,
    })
}

fn counter(name: &str, process: usize, at: u64, args: Value) -> Value {
    json!({"name": name, "ph": "C", "pid": process, "tid": 0, "ts": time(at), "args": args})
}

fn name(kind: &str, process: usize, thread: usize, name: &str) -> Value {
    json!({"name": kind, "ph": "M", "pid": process, "tid": thread, "ts": 0, "args": {"name": name}})
}

/// The trace as JSON. A cycle of the array is one nanosecond there.
pub(super) fn to_json(trace: &Trace) -> Value {
    let mut events = Vec::new();
    let mut threads: BTreeMap<(usize, usize), String> = BTreeMap::new();
    let mut processes = BTreeMap::from([(0, "host memory (DDR)".to_string())]);
    let mut known = |tile: Tile, number: usize, text: String| {
        processes.insert(process(tile), format!("{} {tile}", tile.kind()));
        threads.insert((process(tile), number), text);
        (process(tile), number)
    };
    for core in &trace.cores {
        let at = known(core.tile, 0, "core".into());
        let text = match core.state {
            CoreState::Runs(function) => function
                .and_then(|f| trace.functions.get(&core.tile)?.get(f).cloned())
                .unwrap_or_else(|| "runs".into()),
            CoreState::Waits(Wait::Lock { lock, .. }) => format!("waits for lock {lock}"),
            CoreState::Waits(Wait::Memory) => "waits for a memory bank".into(),
            CoreState::Waits(Wait::CascadeInput) => "waits for cascade input".into(),
            CoreState::Waits(Wait::CascadeOutput) => "waits for cascade output".into(),
            CoreState::Waits(Wait::StreamInput) => "waits for stream input".into(),
            CoreState::Waits(Wait::StreamOutput) => "waits for stream output".into(),
        };
        events.push(span(
            &text,
            at,
            core.from,
            core.to,
            json!({"cycles": core.to - core.from}),
        ));
    }
    for dma in &trace.dma {
        let channel = dma.channel;
        let text = format!("{}{}", channel.dir, channel.number);
        let at = known(channel.tile, thread(channel), text);
        let (text, args) = match dma.state {
            DmaState::Lock => ("waits for lock", json!({"bd": dma.bd})),
            DmaState::Token => ("sends token", json!({"bd": dma.bd})),
            DmaState::Moves => (
                "moves",
                json!({"bd": dma.bd, "bytes": dma.words * 4, "stalled cycles": dma.stalls}),
            ),
        };
        let text = match dma.state {
            DmaState::Moves => format!("BD {}", dma.bd),
            _ => format!("BD {} {text}", dma.bd),
        };
        events.push(span(&text, at, dma.from, dma.to, args));
    }
    for change in &trace.locks {
        processes.insert(
            process(change.tile),
            format!("{} {}", change.tile.kind(), change.tile),
        );
        let text = format!("lock {}", change.id);
        let value = json!({"value": change.value});
        events.push(counter(&text, process(change.tile), change.at, value));
    }
    for sample in &trace.traffic {
        let rate = |bytes: u64| bytes as f64 / TRAFFIC_CYCLES as f64;
        let rates = json!({"read": rate(sample.read), "written": rate(sample.written)});
        events.push(counter("bytes a cycle", 0, sample.from, rates));
    }
    let names = processes
        .iter()
        .map(|(p, text)| name("process_name", *p, 0, text));
    let tracks = threads
        .iter()
        .map(|((p, t), text)| name("thread_name", *p, *t, text));
    events.splice(0..0, names.chain(tracks).collect::<Vec<_>>());
    json!({
        "traceEvents": events,
        "displayTimeUnit": "ns",
        "otherData": {
            "device": "emulator",
            "unit": "1 ns is one cycle of the array clock",
            "left out": trace.left_out,
        },
    })
}
