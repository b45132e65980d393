//! Designs that are sound, but for which MLIR-AIE has no words; and such that come near it.

use npuc::array::design::{Arg, Buffer, Design, Kernel, ObjectType, Param, Port, Step, Transfer};
use npuc::array::lower::lower;
use npuc::kernel::types::Elem;
use npuc_mlir::aie::{context, generic, parse};
use npuc_mlir::design::{PrintError, logical, physical};

use super::designs::passthrough;
use super::logical::verified;

fn refused(design: Design) -> PrintError {
    logical(&context(), &verified(design)).unwrap_err()
}

fn copy() -> Step {
    Step::call("copy", [Arg::object("in"), Arg::object("out")])
}

/// Both forms verify and round-trip; the first in generic form.
fn printed(design: Design) -> String {
    let context = context();
    let verified = verified(design);
    let lowered = lower(&verified).unwrap();
    let modules = [
        logical(&context, &verified).unwrap(),
        physical(&context, &verified, &lowered).unwrap(),
    ];
    for module in &modules {
        let text = generic(module);
        assert_eq!(generic(&parse(&context, &text).unwrap()), text);
    }
    generic(&modules[0])
}

#[test]
fn an_object_of_an_earlier_pass_is_refused() {
    let mut design = passthrough();
    let pass = [
        Step::acquire("out", Port::Produce, 1),
        copy(),
        Step::release("out", Port::Produce, 1),
        Step::release("in", Port::Consume, 1),
        Step::acquire("in", Port::Consume, 1),
    ];
    design.workers[0].body = vec![
        Step::acquire("in", Port::Consume, 1),
        Step::repeat(3, pass),
        Step::release("in", Port::Consume, 1),
    ];
    insta::assert_snapshot!(refused(design));
}

/// An object that is held over a loop is the same in every pass.
#[test]
fn an_object_from_outside_a_loop_is_used_in_it() {
    let mut design = passthrough();
    design.workers[0].body = vec![Step::forever([
        Step::acquire("in", Port::Consume, 1),
        Step::acquire("out", Port::Produce, 1),
        Step::repeat(2, [copy()]),
        Step::release("in", Port::Consume, 1),
        Step::release("out", Port::Produce, 1),
    ])];
    assert!(printed(design).contains("func.call"));
}

#[test]
fn an_offset_between_strides_is_refused() {
    let mut design = passthrough();
    let transfer = Transfer::tiled("in", "a", 1, [1, 1, 1, 64], [0, 0, 0, 4]).on_bd(1);
    design.sequences[0].ops[0] = transfer.into();
    insta::assert_snapshot!(refused(design));
}

#[test]
fn two_things_of_one_name_are_refused() {
    let mut design = passthrough();
    design.kernels[0].name = "in".to_owned();
    if let Step::Repeat { body, .. } = &mut design.workers[0].body[0] {
        body[2] = Step::call("in", [Arg::object("in"), Arg::object("out")]);
    }
    let verified = verified(design);
    let lowered = lower(&verified).unwrap();
    insta::assert_snapshot!(logical(&context(), &verified).unwrap_err());
    physical(&context(), &verified, &lowered).unwrap();
}

fn counted(object: ObjectType) -> Design {
    let mut design = passthrough();
    let tile = design.workers[0].tile;
    design.buffers = vec![Buffer::new("count", tile, object)];
    let body = std::mem::take(&mut design.workers[0].body);
    let Some(Step::Repeat { body, .. }) = body.into_iter().next() else {
        panic!("the worker is a loop");
    };
    let twice = [body.clone(), body].concat();
    design.workers[0].body = vec![Step::forever([Step::repeat_by("count", 3, twice)])];
    design
}

#[test]
fn a_loop_counts_by_a_word() {
    let square = ObjectType::new(Elem::I32, [2, 2]);
    assert!(printed(counted(square)).contains("arith.index_cast"));
    insta::assert_snapshot!(refused(counted(ObjectType::new(Elem::I16, [8]))));
}

#[test]
fn objects_take_the_shape_of_a_parameter() {
    let mut design = passthrough();
    let square = Param::Memory(ObjectType::new(Elem::I32, [8, 8]));
    design.kernels = vec![Kernel::new("copy", [square.clone(), square])];
    assert!(printed(design).contains("memref.reinterpret_cast"));
}
