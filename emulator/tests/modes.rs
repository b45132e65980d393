//! Modes of DMA channels and control ports, from stream to memory: packets that choose descriptors,
//! TLAST that ends them, pauses, control packets.

use arch::Tile;
use arch::array::dma::{Count, FOT_REGISTER, Queue, ctrl_offset, queue_offset};
use arch::array::packet::{Header, parity_holds};
use arch::array::switch::{
    MasterConfig, SLAVE_PACKET, Slot, master_offset, slave_offset, slot_offset,
};
use arch::array::{CoreBd, Direction, Port, ShimBd, master_index, slave_index};
use emulator::{Budget, Npu};
use formats::txn::Op;

use crate::design::{Design, Sequence, bytes};

const SHIM: Tile = Tile::new(1, 0);
const MEM: Tile = Tile::new(1, 1);
const CORE: Tile = Tile::new(1, 2);
const BUDGET: Budget = Budget { cycles: 60_000 };
/// Cycles in which any short transfer ends.
const SETTLED: u32 = 3000;

/// Shim MM2S0 to the core tile's port, circuit-switched as far as its switch.
fn way_up(design: &mut Design) {
    design
        .mux(SHIM, Direction::Mm2s, 0)
        .connect(SHIM, Port::South(3), Port::North(1))
        .connect(MEM, Port::South(1), Port::North(1));
}

/// A packet-switched connection inside a tile for one id.
fn packets(design: &mut Design, tile: Tile, id: u32, arbiter: u8, from: Port, to: Port) {
    let kind = tile.kind();
    let slave = slave_index(kind, from).expect("slave port");
    let master = master_index(kind, to).expect("master port");
    let drop_header = tile == SHIM;
    let config = MasterConfig::packet(arbiter, 1, drop_header);
    let slot = Slot {
        id,
        mask: 31,
        enable: true,
        msel: 0,
        arbiter: u32::from(arbiter),
    };
    design
        .write(
            tile,
            master_offset(kind, master),
            config.to_word().expect("fits"),
        )
        .write(tile, slave_offset(kind, slave), SLAVE_PACKET)
        .write(
            tile,
            slot_offset(kind, slave, 0),
            slot.to_word().expect("fits"),
        );
}

fn odd(word: u32) -> u32 {
    word | u32::from(!parity_holds(word)) << 31
}

/// A transfer of `words` from an offset in bytes of argument 0, with more to set.
fn send(seq: &mut Sequence, bd: u8, words: u32, offset: u64, more: ShimBd) {
    let raw = ShimBd {
        buffer_length: words,
        valid: true,
        ..more
    };
    seq.transfer_bd(1, Direction::Mm2s, 0, bd, 0, raw);
    seq.shift_last_patch(offset);
}

/// Shim and core tile with packets 1 to the core tile's control port, packets 2 back to the shim.
fn control_design() -> Design {
    let mut design = Design::default();
    way_up(&mut design);
    packets(&mut design, CORE, 1, 0, Port::South(1), Port::TileCtrl);
    packets(&mut design, CORE, 2, 1, Port::TileCtrl, Port::South(0));
    design
        .connect(MEM, Port::North(0), Port::South(0))
        .mux(SHIM, Direction::S2mm, 0)
        .token_route(1);
    packets(&mut design, SHIM, 2, 2, Port::North(0), Port::South(2));
    design
}

fn control_packet(seq: &mut Sequence, bd: u8, words: u32, offset: u64) {
    let more = ShimBd {
        enable_packet: true,
        packet_id: 1,
        ..ShimBd::default()
    };
    send(seq, bd, words, offset, more);
}

#[test]
fn control_packets_write_registers_and_memory_and_read_them_back() {
    let mut npu = Npu::new();
    npu.load_cdo(&control_design().cdo()).unwrap();
    // Lock 5, three words of memory at 0x440, a read of four words from there.
    let argument = [
        odd(0x1f050),
        3,
        odd(2 << 20 | 0x440),
        11,
        12,
        13,
        odd(2 << 24 | 1 << 22 | 3 << 20 | 0x440),
    ];
    let mut seq = Sequence::default();
    control_packet(&mut seq, 1, 2, 0);
    control_packet(&mut seq, 2, 4, 8);
    control_packet(&mut seq, 3, 1, 24);
    seq.transfer(1, Direction::S2mm, 0, 0, 1, 4).wait(1, 0);
    let mut args = [bytes(argument), vec![0xff; 16]];
    npu.run(&seq.stream(), &mut args, BUDGET).unwrap();
    assert_eq!(npu.lock(CORE, 5), Some(3));
    assert_eq!(npu.data(CORE, 0x440, 12), Some(&bytes([11, 12, 13])[..]));
    assert_eq!(
        args[1],
        bytes([11, 12, 13, 0]),
        "headers are dropped on the way"
    );
}

#[test]
fn control_packets_are_refused_as_register_writes_are() {
    let failure = |argument: &[u32]| {
        let mut npu = Npu::new();
        npu.load_cdo(&control_design().cdo()).unwrap();
        let mut seq = Sequence::default();
        control_packet(&mut seq, 1, argument.len() as u32, 0);
        seq.wait(1, 0);
        let mut args = [bytes(argument.iter().copied())];
        npu.run(&seq.stream(), &mut args, BUDGET)
            .unwrap_err()
            .to_string()
    };
    let lock = failure(&[odd(0x1f000), 64]);
    assert!(
        lock.contains("is written 0x40: a lock holds 0 to 63"),
        "{lock}"
    );
    let count = failure(&[odd(3 << 20), 1]);
    assert!(
        count.contains("is followed by 1 words, it says 4"),
        "{count}"
    );
    let stuck = failure(&[odd(1 << 22 | 5 << 24)]);
    assert!(
        stuck.contains("packet with id 5"),
        "no slot leads the reply on: {stuck}"
    );
}

/// The core tile's S2MM channel 0 behind the shim's MM2S channel 0, with a mode.
fn receiver(ctrl: u32, bds: &[(u8, CoreBd)]) -> Design {
    let mut design = Design::default();
    way_up(&mut design);
    design.connect(CORE, Port::South(1), Port::Dma(0));
    let offset = ctrl_offset(CORE.kind(), Direction::S2mm, 0);
    design.write(CORE, offset, ctrl);
    for (id, bd) in bds {
        design.core_bd(CORE, *id, CoreBd { valid: true, ..*bd });
    }
    design
}

fn task(start_bd: u32, repeat: u32) -> u32 {
    let token = false;
    let queue = Queue {
        token,
        repeat,
        start_bd,
    };
    queue.to_word().expect("fits")
}

fn start(design: &mut Design, start_bd: u32, repeat: u32) {
    let queue = queue_offset(CORE.kind(), Direction::S2mm, 0);
    design.write(CORE, queue, task(start_bd, repeat));
}

/// Runs a sequence and then the array until it stands still.
fn run_out(npu: &mut Npu, seq: &Sequence, args: &mut [Vec<u8>]) -> Result<(), String> {
    npu.run(&seq.stream(), args, BUDGET)
        .map_err(|e| e.to_string())?;
    for _ in 0..SETTLED {
        npu.step().map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Waits for the host's side: a token of MM2S channel 0.
fn wait_sent(seq: &mut Sequence) {
    seq.op(Op::TctWait {
        tile: SHIM,
        direction: formats::txn::Direction::Mm2s,
        channel: 0,
        columns: 1,
        rows: 1,
    });
}

const OUT_OF_ORDER: u32 = 1 << 3;

fn slot(word: u32, iter_wrap: u32) -> CoreBd {
    CoreBd {
        base_address: word,
        buffer_length: 4,
        iter_wrap,
        iter_step: 4,
        rel_id: 3,
        rel_value: 1,
        ..CoreBd::default()
    }
}

fn packet_for(seq: &mut Sequence, shim_bd: u8, number: u64, bd_id: u32, words: u32) {
    let more = ShimBd {
        enable_packet: true,
        packet_id: 7,
        ooo_bd_id: bd_id,
        ..ShimBd::default()
    };
    send(seq, shim_bd, words, number * 16, more);
}

#[test]
fn packets_choose_their_descriptors() {
    let mut design = receiver(OUT_OF_ORDER, &[(6, slot(0x100, 2)), (2, slot(0x200, 1))]);
    start(&mut design, 0, 3);
    let mut npu = Npu::new();
    npu.load_cdo(&design.cdo()).unwrap();
    let mut seq = Sequence::default();
    for (number, bd_id) in [6, 2, 6].into_iter().enumerate() {
        packet_for(&mut seq, number as u8 + 1, number as u64, bd_id, 4);
    }
    let mut args = [bytes(1..13)];
    seq.pause(SETTLED);
    run_out(&mut npu, &seq, &mut args).unwrap();
    let words = |at: u32, range| assert_eq!(npu.data(CORE, at * 4, 16), Some(&bytes(range)[..]));
    words(0x100, 1..5);
    words(0x104, 9..13);
    words(0x200, 5..9);
    assert_eq!(npu.lock(CORE, 3), Some(3), "each packet releases");
    assert_eq!(
        npu.running_channels(),
        [],
        "three packets are the whole task"
    );
}

#[test]
fn packets_that_do_not_fit_their_descriptors_are_refused() {
    let failure = |bd_id, words, change: fn(&mut CoreBd)| {
        let mut bd = slot(0x100, 1);
        change(&mut bd);
        let mut design = receiver(OUT_OF_ORDER, &[(6, bd)]);
        start(&mut design, 0, 2);
        let mut npu = Npu::new();
        npu.load_cdo(&design.cdo()).unwrap();
        let mut seq = Sequence::default();
        packet_for(&mut seq, 1, 0, bd_id, words);
        seq.pause(SETTLED);
        run_out(&mut npu, &seq, &mut [bytes(0..12)]).unwrap_err()
    };
    let refusals = [
        failure(6, 3, |_| {}),
        failure(6, 5, |_| {}),
        failure(5, 4, |_| {}),
        failure(6, 4, |bd| {
            bd.use_next = true;
            bd.next_bd = 6;
        }),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

/// A chain of two descriptors of eight words, over and over.
fn finishing(mode: u32) -> Npu {
    let bd = |base_address, next_bd| CoreBd {
        base_address,
        buffer_length: 8,
        use_next: next_bd != 0,
        next_bd,
        ..CoreBd::default()
    };
    let mut design = receiver(mode << 16, &[(4, bd(0x40, 5)), (5, bd(0x80, 0))]);
    start(&mut design, 4, 2);
    let mut npu = Npu::new();
    npu.load_cdo(&design.cdo()).unwrap();
    npu
}

#[test]
fn tlast_ends_a_descriptor_and_words_are_counted() {
    let mut npu = finishing(FOT_REGISTER);
    let mut seq = Sequence::default();
    for (number, words) in [5, 8, 1].into_iter().enumerate() {
        let at = number as u64 * 32;
        send(&mut seq, number as u8 + 1, words, at, ShimBd::default());
    }
    seq.pause(SETTLED);
    run_out(&mut npu, &seq, &mut [bytes(1..25)]).unwrap();
    let at = |word: u32, words: u32| npu.data(CORE, word * 4, words * 4).map(<[u8]>::to_vec);
    assert_eq!(at(0x80, 8), Some(bytes(9..17)));
    assert_eq!(
        at(0x40, 6),
        Some(bytes([17, 2, 3, 4, 5, 0])),
        "5 words, then 1"
    );
    let counts: Vec<_> = (0..4)
        .map(|_| Count::from_word(npu.read(CORE.base() + 0x1df20).unwrap()))
        .collect();
    let count = |bd, words, last| Count {
        valid: true,
        last,
        bd,
        words,
    };
    assert_eq!(
        counts[..3],
        [count(4, 5, false), count(5, 8, false), count(4, 1, false)]
    );
    assert!(!counts[3].valid, "no fourth");
    assert!(npu.write(CORE.base() + 0x1df20, 0).is_err());
}

#[test]
fn a_descriptor_that_fills_without_tlast_is_refused_in_that_mode_only() {
    let run = |mode| {
        let mut seq = Sequence::default();
        send(&mut seq, 1, 9, 0, ShimBd::default());
        seq.pause(SETTLED);
        run_out(&mut finishing(mode), &seq, &mut [bytes(0..9)])
    };
    insta::assert_snapshot!(run(1).unwrap_err(), @r"
    descriptor 4 on DMA S2MM0 of core tile (1,2): field buffer_length is 8, but the packet goes on: word 8 has no TLAST
    help: send at most 8 words, and TLAST with the last
    ");
    assert_eq!(run(0), Ok(()));
}

#[test]
fn counts_that_nobody_reads_are_refused() {
    let mut npu = finishing(FOT_REGISTER);
    let mut seq = Sequence::default();
    for _ in 0..3 {
        seq.op(Op::Write32 {
            addr: CORE.base() + queue_offset(CORE.kind(), Direction::S2mm, 0),
            value: task(4, 2),
        });
    }
    for number in 0..9 {
        send(&mut seq, number + 1, 1, 0, ShimBd::default());
        seq.pause(SETTLED);
    }
    seq.pause(SETTLED);
    let text = run_out(&mut npu, &seq, &mut [bytes(0..9)]).unwrap_err();
    assert!(
        text.contains("8 counts of earlier transfers are unread"),
        "{text}"
    );
}

#[test]
fn pauses_hold_a_shim_channel_and_are_named() {
    for (bit, name) in [(1 << 2, "bit 2"), (1 << 1, "bit 1")] {
        let bd = CoreBd {
            base_address: 0x40,
            buffer_length: 8,
            ..CoreBd::default()
        };
        let mut design = receiver(0, &[(0, bd)]);
        start(&mut design, 0, 1);
        design.token_route(1);
        let addr = SHIM.base() + ctrl_offset(SHIM.kind(), Direction::Mm2s, 0);
        let ctrl = |value| Op::Write32 { addr, value };
        let mut paused = Sequence::default();
        paused.op(ctrl(15 << 8 | bit));
        send(&mut paused, 1, 8, 0, ShimBd::default());
        let mut npu = Npu::new();
        npu.load_cdo(&design.cdo()).unwrap();
        let mut stuck = Sequence::default();
        stuck.op(ctrl(15 << 8 | bit));
        send(&mut stuck, 1, 8, 0, ShimBd::default());
        wait_sent(&mut stuck);
        let text = npu
            .run(&stuck.stream(), &mut [bytes(0..8)], BUDGET)
            .unwrap_err()
            .to_string();
        assert!(text.contains(&format!("is paused by {name}")), "{text}");

        let mut npu = Npu::new();
        npu.load_cdo(&design.cdo()).unwrap();
        paused.pause(100).op(ctrl(15 << 8)).pause(SETTLED);
        run_out(&mut npu, &paused, &mut [bytes(1..9)]).unwrap();
        assert_eq!(npu.data(CORE, 0x100, 32), Some(&bytes(1..9)[..]));
    }
}

#[test]
fn a_header_names_its_descriptor_in_bits_that_switches_do_not_read() {
    let plain = Header::new(CORE, 9, 1);
    let named = Header { bd_id: 63, ..plain };
    let word = named.with_parity().unwrap();
    assert_eq!(Header::from_word(word).id, 9);
    assert_eq!(Header::from_word(word).kind, 1);
    assert_eq!(Header::from_word(word).bd_id, 63);
}
