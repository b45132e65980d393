//! Distances between bundles that the open compiler's schedule gives.

use arch::aie2::rules::{lock_to_memory, memory_to_lock};
use arch::aie2::{
    Access, Inst, Itinerary, PIPELINE_DEPTH, Resource, UseKind, itinerary_of, memory_latency,
    parse_inst, raw_latency, war_latency, waw_latency,
};

fn inst(text: &str) -> Inst {
    parse_inst(text).unwrap_or_else(|e| panic!("{e}"))
}

/// Cycles from the write of a register in `first` to the read of it in `second`.
fn raw(first: &str, second: &str) -> i32 {
    let (first, second) = (inst(first), inst(second));
    let mut pairs = first
        .defs()
        .flat_map(|d| second.uses().map(move |u| (d, u)));
    let (write, read) = pairs
        .find(|(d, u)| d.reg.overlaps(u.reg))
        .unwrap_or_else(|| panic!("{second} does not read what {first} writes"));
    raw_latency(write.access, read.access)
}

#[test]
fn read_after_write() {
    let examples = [
        ("lda r0, [p0], #4", "add r1, r0, r2", 7),
        ("mul r0, r1, r2", "add r1, r0, r2", 2),
        ("add r0, r1, r2", "add r1, r0, r2", 1),
        ("vlda wl0, [p0], #32", "vmac cm0, cm0, x0, x1, r0", 7),
        ("vmac cm0, cm0, x0, x1, r0", "vmac cm0, cm0, x0, x1, r0", 2),
        (
            "vmac.f bml0, bml0, x0, x1, r0",
            "vmac.f bml0, bml0, x0, x1, r0",
            4,
        ),
        ("vmac cm0, cm0, x0, x1, r0", "vst amll0, [p0], #32", 5),
        (
            "vmac.f bml0, bml0, x0, x1, r0",
            "vst.conv.bf16.fp32 bml0, [p0], #32",
            6,
        ),
        ("vmac cm0, cm0, x0, x1, r0", "vsrs.s8.s32 wl0, cm0, s0", 5),
        ("vadd.32 x0, x1, x2", "vadd.32 x3, x0, x2", 1),
        ("vshuffle x0, x1, x2, r0", "vmac cm0, cm0, x0, x3, r0", 2),
        ("vsrs.s8.s32 wl0, cm0, s0", "vst wl0, [p0], #32", 4),
        ("vups.s32.s8 cm0, wl0, s0", "vmac cm0, cm0, x2, x3, r0", 1),
        (
            "vlda.ups.s32.s8 cm0, s0, [p0], #32",
            "vmac cm0, cm0, x2, x3, r0",
            7,
        ),
        ("mova m0, #4", "lda r0, [p0], m0", 1),
        ("padda [p0], #4", "lda r0, [p0], #4", 1),
        ("movx crSRSSign, r0", "vsrs.d8.s32 wl0, cm0, s0", 1),
    ];
    for (first, second, cycles) in examples {
        assert_eq!(raw(first, second), cycles, "{first} -> {second}");
    }
}

#[test]
fn link_register_after_a_call() {
    let call = inst("jl #0x100");
    let lr = call.defs().next().expect("a call writes lr");
    let read_at_once = Access {
        stage: 1,
        bypass: None,
    };
    assert_eq!(
        (lr.reg.to_string(), raw_latency(lr.access, read_at_once)),
        ("lr".to_string(), 4)
    );
}

#[test]
fn write_after_read_and_write() {
    let (load, add) = (inst("lda r0, [p0], #4"), inst("add r0, r1, r2"));
    let load_write = load.defs().next().expect("a def").access;
    let add_write = add.defs().next().expect("a def").access;
    let add_read = add.uses().next().expect("a use").access;
    assert_eq!(waw_latency(load_write, add_write), 7);
    assert_eq!(waw_latency(add_write, load_write), -5);
    assert_eq!(war_latency(add_read, load_write), -6);
}

#[test]
fn itineraries_follow_register_classes() {
    let name = |text: &str| itinerary_of(&inst(text)).name;
    assert_eq!(name("lda r0, [p0], #4"), "II_LDA_POST_1D_R");
    assert_eq!(name("lda dj2, [p0], #4"), "II_LDA_POST_1D_DJ");
    assert_eq!(name("lda lr, [p0], #4"), "II_LDA_POST_1D");
    assert_eq!(name("vmov wl0, amll1"), "II_VMOV_W_WML_CM");
    assert_eq!(name("vconv.fp32.bf16 bml0, wl1"), "II_VCONVfp32bf16_WL");
    assert_eq!(name("vconv.fp32.bf16 bml0, wh1"), "II_VCONVfp32bf16");
}

#[test]
fn memory_order() {
    let distance = |first: &str, second: &str| {
        memory_latency(itinerary_of(&inst(first)), itinerary_of(&inst(second)))
    };
    let (load, store) = ("vlda wl0, [p0], #32", "vst wl0, [p0], #32");
    assert_eq!(distance(store, load), Some(1));
    assert_eq!(distance(load, store), Some(1));
    assert_eq!(distance("vst.srs.s8.s32 cm0, s0, [p0], #32", load), Some(3));
    assert_eq!(distance("st.s8 r0, [p0], #1", load), Some(7));
    assert_eq!(distance(load, "st.s8 r0, [p0], #1"), Some(1));
    assert_eq!(distance("add r0, r1, r2", load), None);
}

#[test]
fn memory_and_locks() {
    let both = |text: &str| {
        let itinerary = itinerary_of(&inst(text));
        (memory_to_lock(itinerary), lock_to_memory(itinerary))
    };
    assert_eq!(both("vlda wl0, [p0], #32"), (Some(4), Some(4)));
    assert_eq!(
        both("vst.srs.s8.s32 cm0, s0, [p0], #32"),
        (Some(6), Some(2))
    );
    assert_eq!(both("st.s8 r0, [p0], #1").0, Some(10));
    assert_eq!(both("acq #1, r0"), (None, None));
}

#[test]
fn occupied_resources() {
    let busy = |text: &str, resource| {
        let mut stages = itinerary_of(&inst(text)).stages.iter();
        stages
            .find(|s| s.resource == resource)
            .map(|s| (s.busy(), s.kind))
    };
    let window = Resource::PartWordStore;
    assert_eq!(
        busy("st.s8 r0, [p0], #1", window),
        Some((1..8, UseKind::Required))
    );
    assert_eq!(
        busy("vlda wl0, [p0], #32", window),
        Some((1..2, UseKind::Reserved))
    );
    assert!(UseKind::Required.conflicts(UseKind::Reserved));
    assert!(!UseKind::Reserved.conflicts(UseKind::Reserved));
    for itinerary in Itinerary::all() {
        let last = itinerary.stages.iter().map(|s| s.busy().end - 1).max();
        assert!(last <= Some(PIPELINE_DEPTH), "{}", itinerary.name);
    }
}
