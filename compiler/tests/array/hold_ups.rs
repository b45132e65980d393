//! Packets that would hold each other up are kept apart, or refused.

use arch::Tile;
use npuc::array::design::Design;
use npuc::array::lower::lower;
use npuc::array::verify::{Verified, verify};

use super::emulated;

fn verified(text: &str) -> Verified {
    let design: Design = text.parse().unwrap();
    verify(design).unwrap_or_else(|e| panic!("{e}"))
}

/// A worker that adds two fifos, which it gets in packets.
const SUM: &str = "
design sum on npu1 columns 1 {
  fifo a: i32[16] depth 2 (0,0) -> (0,2) packet 1
  fifo b: i32[16] depth 2 (0,0) -> (0,2) packet 2
  fifo c: i32[16] depth 2 (0,2) -> (0,0)
  kernel sum(i32[16], i32[16], i32[16])
  worker (0,2) stack 1024 {
    forever {
      acquire a consume 1
      acquire b consume 1
      acquire c produce 1
      call sum(a[0], b[0], c[0])
      release a consume 1
      release b consume 1
      release c produce 1
    }
  }
  sequence main(a: i32[128], b: i32[128], c: i32[128]) {
    transfer a a offset 0 sizes [1, 1, 1, 128] strides [0, 0, 0, 1]
    transfer b b offset 0 sizes [1, 1, 1, 128] strides [0, 0, 0, 1]
    transfer c c offset 0 sizes [1, 1, 1, 128] strides [0, 0, 0, 1]
    wait c
  }
}";

/// All of `a` is one packet: behind it on its channel, `b` would wait for the worker, which waits for `b`.
#[test]
fn what_a_worker_waits_for_at_once_comes_over_two_channels() {
    let verified = verified(SUM);
    let lowered = lower(&verified).unwrap();
    let channels: Vec<u8> = lowered.shim_channels.iter().map(|c| c.channel).collect();
    assert_eq!(channels, [0, 1, 0]);
    let input = emulated::ramp(128);
    let output: Vec<u32> = input.iter().map(|w| w.wrapping_add(*w)).collect();
    let inputs = [input.clone(), input];
    assert_eq!(emulated::run(verified.design().clone(), &inputs), output);
}

/// Two workers that need not wait for each other share the channel as well as they can.
#[test]
fn what_independent_workers_get_shares_a_channel() {
    let lowered = lower(&verified(
        "design apart on npu1 columns 1 {
  fifo a: i32[16] depth 2 (0,0) -> (0,2) packet 1
  fifo b: i32[16] depth 2 (0,0) -> (0,3) packet 2
  fifo c: i32[16] depth 2 (0,2) -> (0,0) packet 3 with header
  fifo d: i32[16] depth 2 (0,3) -> (0,0) packet 4 with header
  link a -> c
  link b -> d
}",
    ));
    let channels = lowered.unwrap().shim_channels;
    assert!(channels.iter().all(|c| c.channel == 0));
}

#[test]
fn more_of_them_than_a_shim_has_channels_are_refused() {
    let text = "design join on npu1 columns 1 {
  fifo a: i32[16] depth 2 (0,0) -> (0,1) packet 1
  fifo b: i32[16] depth 2 (0,0) -> (0,1) packet 2
  fifo c: i32[16] depth 2 (0,0) -> (0,1) packet 3
  fifo all: i32[48] depth 2 (0,1) -> (0,0)
  link a, b, c -> all offsets [0, 16, 32]
}";
    let error = verify(text.parse::<Design>().unwrap()).unwrap_err();
    insta::assert_snapshot!(error);
}

/// Six cores send packets to a memory tile, which sends what it joins as packets too: seven fifos in a switch
/// of six arbiters. Sharing one, an object that comes early would keep the joined one from leaving.
fn joined() -> String {
    let cores = ["(0,2)", "(0,3)", "(0,4)", "(0,5)", "(1,2)", "(1,3)"];
    let outs: Vec<String> = (0..6).map(|i| format!("out{i}")).collect();
    let offsets: Vec<String> = (0..6).map(|i| (16 * i).to_string()).collect();
    let fifos = cores.iter().zip(&outs).zip(1..);
    let fifos = fifos.map(|((core, out), id)| {
        format!(
            "fifo {out}: i32[16] depth 1 {core} -> (0,1) packet {id}
  worker {core} stack 1024 {{
    forever {{
      acquire in consume 1
      acquire {out} produce 1
      call copy(in[0], {out}[0])
      release in consume 1
      release {out} produce 1
    }}
  }}
"
        )
    });
    format!(
        "design joined on npu1 columns 2 {{
  fifo in: i32[16] depth 2 (0,0) -> {}
  fifo joined: i32[96] depth 1 (0,1) -> (0,0) packet 9
  {}
  link {} -> joined offsets [{}]
  kernel copy(i32[16], i32[16])
  sequence main(a: i32[128], b: i32[768]) {{
    transfer in a offset 0 sizes [1, 1, 1, 128] strides [0, 0, 0, 1]
    transfer joined b offset 0 sizes [1, 1, 1, 768] strides [0, 0, 0, 1]
    wait joined
  }}
}}",
        cores.join(", "),
        fifos.collect::<String>(),
        outs.join(", "),
        offsets.join(", ")
    )
}

#[test]
fn what_is_joined_leaves_by_an_arbiter_of_its_own() {
    let verified = verified(&joined());
    let lowered = lower(&verified).unwrap();
    let memory = lowered.switches.iter().find(|s| s.tile == Tile::new(0, 1));
    let memory = memory.unwrap();
    assert_eq!(memory.packet_masters.len(), 6);
    assert!(!memory.circuits.is_empty());
    let input = emulated::ramp(128);
    let output: Vec<u32> = input.chunks(16).flat_map(|o| o.repeat(6)).collect();
    assert_eq!(emulated::run(verified.design().clone(), &[input]), output);
}
