//! Loads, stores, pointers and walks.

use inkwell::AddressSpace;
use inkwell::types::{BasicType, BasicTypeEnum};
use inkwell::values::{BasicValueEnum, IntValue, PointerValue};
use npuc::kernel::ir::{Access, Inst, Narrow, Op, Value, Width};
use npuc::kernel::types::Type;

use super::func::{Datum, Lower};
use super::register::bits;
use super::{Error, Space, types};

/// Bits that one access moves; wider values go in parts, lowest first.
const BUS_BITS: u32 = 256;

impl<'c> Lower<'c, '_> {
    /// The pointer to a constant address.
    pub(super) fn address(&self, address: u32) -> Result<PointerValue<'c>, Error> {
        match self.space.pointer(self.context, self.llvm, address) {
            (pointer, 0) => Ok(pointer),
            (pointer, offset) => self.offset(pointer, self.constant(offset as i32)),
        }
    }

    /// A pointer and a number of bytes.
    pub(super) fn offset(
        &self,
        pointer: PointerValue<'c>,
        bytes: IntValue<'c>,
    ) -> Result<PointerValue<'c>, Error> {
        let byte = self.context.i8_type();
        #[expect(
            unsafe_code,
            reason = "inkwell has no other way to build the instruction"
        )]
        // SAFETY: LLVM's builder is safe where the indices fit the type: of a byte, a scalar, any one
        // integer does. The instruction has no `inbounds`, so that no address is without meaning.
        let moved = unsafe { self.builder.build_gep(byte, pointer, &[bytes], "") };
        Ok(moved?)
    }

    /// The place that an access reaches. Natively it is kept inside the data space, as the 20 bits of an
    /// address keep it on the chip.
    fn reach(&self, pointer: PointerValue<'c>) -> Result<PointerValue<'c>, Error> {
        let Space::Native(base) = self.space else {
            return Ok(pointer);
        };
        let i64 = self.context.i64_type();
        let build = &self.builder;
        let bits = build.build_ptr_to_int(pointer, i64, "")?;
        let inside = build.build_and(bits, i64.const_int(Space::BYTES - 1, false), "")?;
        let place = build.build_or(inside, i64.const_int(*base, false), "")?;
        Ok(build.build_int_to_ptr(place, pointer.get_type(), "")?)
    }

    /// A load or store with its moved pointer.
    pub(super) fn access(&mut self, inst: &Inst) -> Result<(), Error> {
        let (ptr, access) = match &inst.op {
            Op::Load { ptr, access, .. }
            | Op::LoadNarrow { ptr, access, .. }
            | Op::Store { ptr, access, .. }
            | Op::StoreNarrow { ptr, access, .. } => (*ptr, *access),
            _ => return Err(self.unsupported(inst, "it does not reach memory")),
        };
        let base = self.ptr(ptr);
        let at = match access {
            Access::Offset(0) | Access::Post(_) | Access::PostVar(_) | Access::Walk(_) => base,
            Access::Offset(bytes) => self.offset(base, self.constant(bytes))?,
            Access::OffsetVar(bytes) => self.offset(base, self.int(bytes))?,
        };
        let moved = match &inst.op {
            Op::Load { ty, .. } => {
                let value = self.load(at, *ty, inst)?;
                self.set(inst.results[0], value)?;
                1
            }
            Op::LoadNarrow { narrow, .. } => {
                let value = self.load_narrow(at, *narrow)?;
                self.set(inst.results[0], value)?;
                1
            }
            Op::Store { value, .. } => {
                self.store(at, self.get(*value))?;
                0
            }
            Op::StoreNarrow { width, value, .. } => {
                self.store_narrow(at, *width, self.int(*value))?;
                0
            }
            _ => 0,
        };
        let results = &inst.results[moved..];
        match access {
            Access::Offset(_) | Access::OffsetVar(_) => Ok(()),
            Access::Post(bytes) => {
                let next = self.offset(base, self.constant(bytes))?;
                self.set(results[0], next)
            }
            Access::PostVar(bytes) => {
                let next = self.offset(base, self.int(bytes))?;
                self.set(results[0], next)
            }
            Access::Walk(walk) => self.step(inst, base, walk, (results[0], results[1])),
        }
    }

    /// A pointer moved along a walk.
    fn step(
        &mut self,
        inst: &Inst,
        base: PointerValue<'c>,
        walk: Value,
        (pointer, next): (Value, Value),
    ) -> Result<(), Error> {
        let Datum::Walk(dims, [inner, middle]) = self.datum(walk) else {
            return Err(self.unsupported(inst, "its walk has no dimensions"));
        };
        let i20 = types::address(self.context);
        let number = |value: i32| i20.const_int(value as u32 as u64 & 0xf_ffff, false);
        let last = |count: u32| number(count.wrapping_sub(1) as i32);
        let (end_of_inner, end_of_middle) = dims.jumps();
        let (inner_step, inner_last) = (number(dims.inner.step), last(dims.inner.count));
        let (name, mut args): (_, Vec<BasicValueEnum<'c>>) = match dims.middle {
            None => (
                "add.2d",
                vec![
                    number(end_of_inner).into(),
                    inner_step.into(),
                    inner_last.into(),
                    inner.into(),
                ],
            ),
            Some(dim) => (
                "add.3d",
                vec![
                    number(end_of_middle).into(),
                    inner_step.into(),
                    number(end_of_inner).into(),
                    inner_last.into(),
                    inner.into(),
                    last(dim.count).into(),
                    middle.into(),
                ],
            ),
        };
        args.insert(0, base.into());
        let parts = self.intrinsic_parts(name, &args)?;
        let counter = |n: usize, held: IntValue<'c>| match parts.get(n) {
            Some(BasicValueEnum::IntValue(counter)) => *counter,
            _ => held,
        };
        let counters = [counter(1, inner), counter(2, middle)];
        self.set(pointer, parts[0])?;
        self.set_datum(next, Datum::Walk(dims, counters));
        Ok(())
    }

    fn load(
        &self,
        at: PointerValue<'c>,
        ty: Type,
        inst: &Inst,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let Some(llvm) = types::of(self.context, self.space, ty) else {
            return Err(self.unsupported(inst, format!("{ty} cannot be in memory")));
        };
        if let (BasicTypeEnum::PointerType(_), Space::Native(base)) = (llvm, self.space) {
            // Memory holds words of the core's, not pointers of this machine's.
            let word = self.load_aligned(at, self.context.i32_type(), 4)?;
            let i64 = self.context.i64_type();
            let word = self
                .builder
                .build_int_z_extend(word.into_int_value(), i64, "")?;
            let base = i64.const_int(*base, false);
            let pointer = self.builder.build_or(word, base, "")?;
            let ty = self.context.ptr_type(AddressSpace::default());
            return Ok(self.builder.build_int_to_ptr(pointer, ty, "")?.into());
        }
        let parts = ty.bits().div_ceil(BUS_BITS);
        if parts == 1 {
            return self.load_aligned(at, llvm, ty.align());
        }
        let part = self.bus_type(ty.bits(), llvm);
        let mut loaded = Vec::new();
        for k in 0..parts {
            let at = self.part(at, k)?;
            loaded.push(self.load_aligned(at, part, ty.align())?);
        }
        self.join(&loaded)
    }

    fn store(&self, at: PointerValue<'c>, value: BasicValueEnum<'c>) -> Result<(), Error> {
        if let (BasicValueEnum::PointerValue(pointer), Space::Native(_)) = (value, self.space) {
            let i32 = self.context.i32_type();
            let word = self.builder.build_ptr_to_int(pointer, i32, "")?;
            let word = self.builder.build_and(word, self.constant(0xf_ffff), "")?;
            return self.store_aligned(at, word.into(), 4);
        }
        let BasicValueEnum::VectorValue(vector) = value else {
            return self.store_aligned(at, value, 4);
        };
        let parts = bits(value) / BUS_BITS;
        if parts <= 1 {
            return self.store_aligned(at, value, arch::limits::VECTOR_ALIGN);
        }
        let part = self.bus_type(bits(value), vector.get_type().into());
        for (k, value) in self.split(value, parts)?.into_iter().enumerate() {
            let at = self.part(at, k as u32)?;
            let value = self.cast(value, part)?;
            self.store_aligned(at, value, arch::limits::VECTOR_ALIGN)?;
        }
        Ok(())
    }

    /// What one access of a wide value moves: accumulators in their own registers, all others as words.
    fn bus_type(&self, bits: u32, whole: BasicTypeEnum<'c>) -> BasicTypeEnum<'c> {
        let i64 = self.context.i64_type();
        match whole == i64.vec_type(bits / 64).as_basic_type_enum() {
            true => i64.vec_type(BUS_BITS / 64).into(),
            false => self.context.i32_type().vec_type(BUS_BITS / 32).into(),
        }
    }

    fn part(&self, at: PointerValue<'c>, k: u32) -> Result<PointerValue<'c>, Error> {
        match k {
            0 => Ok(at),
            k => self.offset(at, self.constant((k * BUS_BITS / 8) as i32)),
        }
    }

    fn load_narrow(&self, at: PointerValue<'c>, narrow: Narrow) -> Result<IntValue<'c>, Error> {
        let (ty, align) = match narrow.width() {
            Width::Byte => (self.context.i8_type(), 1),
            Width::Half => (self.context.i16_type(), 2),
        };
        let value = self.load_aligned(at, ty, align)?.into_int_value();
        let i32 = self.context.i32_type();
        Ok(match narrow {
            Narrow::S8 | Narrow::S16 => self.builder.build_int_s_extend(value, i32, "")?,
            Narrow::U8 | Narrow::U16 => self.builder.build_int_z_extend(value, i32, "")?,
        })
    }

    fn store_narrow(
        &self,
        at: PointerValue<'c>,
        width: Width,
        value: IntValue<'c>,
    ) -> Result<(), Error> {
        let (ty, align) = match width {
            Width::Byte => (self.context.i8_type(), 1),
            Width::Half => (self.context.i16_type(), 2),
        };
        let low = self.builder.build_int_truncate(value, ty, "")?;
        self.store_aligned(at, low.into(), align)
    }

    fn load_aligned(
        &self,
        at: PointerValue<'c>,
        ty: impl BasicType<'c>,
        align: u32,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let loaded = self.builder.build_load(ty, self.reach(at)?, "")?;
        if let Some(load) = inkwell::values::BasicValue::as_instruction_value(&loaded) {
            self.align(load, align)?;
        }
        Ok(loaded)
    }

    fn store_aligned(
        &self,
        at: PointerValue<'c>,
        value: BasicValueEnum<'c>,
        align: u32,
    ) -> Result<(), Error> {
        let store = self.builder.build_store(self.reach(at)?, value)?;
        self.align(store, align)
    }

    fn align(
        &self,
        access: inkwell::values::InstructionValue<'c>,
        align: u32,
    ) -> Result<(), Error> {
        access.set_alignment(align).map_err(|e| Error::Refused {
            module: self.llvm.get_name().to_string_lossy().into_owned(),
            says: e.to_string(),
        })
    }
}
