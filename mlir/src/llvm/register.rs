//! Registers: intrinsics called on values of any type of their width, and halves of registers.

use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum};
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, FunctionValue, IntValue, ValueKind};
use npuc::kernel::types::{AccLane, Elem, Type};

use super::func::Lower;
use super::intrinsics::{self, Intrinsic};
use super::{Error, types};

/// Bits of a vector; none of what is no vector.
pub(super) fn bits(value: BasicValueEnum<'_>) -> u32 {
    match value {
        BasicValueEnum::VectorValue(vector) => {
            let ty = vector.get_type();
            let element = match ty.get_element_type() {
                BasicTypeEnum::IntType(int) => int.get_bit_width(),
                BasicTypeEnum::FloatType(float) => float.get_bit_width(),
                _ => 0,
            };
            ty.get_size() * element
        }
        _ => 0,
    }
}

impl<'c> Lower<'c, '_> {
    /// Whether a value is held as an accumulator is: in lanes of 64 bits.
    fn is_acc(&self, value: BasicValueEnum<'c>) -> bool {
        let i64 = self.context.i64_type().as_basic_type_enum();
        matches!(value, BasicValueEnum::VectorValue(v) if v.get_type().get_element_type() == i64)
    }

    /// The bits of a vector as another type; anything else as it is.
    pub(super) fn cast(
        &self,
        value: BasicValueEnum<'c>,
        ty: BasicTypeEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        match value.is_vector_value() && value.get_type() != ty {
            true => Ok(self.builder.build_bit_cast(value, ty, "")?),
            false => Ok(value),
        }
    }

    /// Calls an intrinsic; vectors are brought to the types of its operands.
    fn call_intrinsic(
        &self,
        name: &str,
        args: &[BasicValueEnum<'c>],
    ) -> Result<ValueKind<'c>, Error> {
        let Some(row) = intrinsics::find(name) else {
            return Err(Error::Unsupported {
                func: self.func.name.clone(),
                op: format!("llvm.aie2.{name}"),
                reason: "the table of intrinsics has no such row".to_owned(),
                help: "compile it with npuc's own back end (`--cores builtin`)",
            });
        };
        let function = self.declared(row)?;
        let mut operands: Vec<BasicMetadataValueEnum<'c>> = Vec::new();
        for (arg, name) in args.iter().zip(row.args()) {
            let ty = types::spelled(self.context, self.space, name).unwrap_or(arg.get_type());
            operands.push(self.cast(*arg, ty)?.into());
        }
        let site = self.builder.build_call(function, &operands, "")?;
        Ok(site.try_as_basic_value())
    }

    fn declared(&self, row: &Intrinsic) -> Result<FunctionValue<'c>, Error> {
        let symbol = row.symbol();
        if let Some(function) = self.llvm.get_function(&symbol) {
            return Ok(function);
        }
        let unknown = |name: &str| Error::Refused {
            module: self.llvm.get_name().to_string_lossy().into_owned(),
            says: format!("{symbol} has an operand of unknown type {name}"),
        };
        let spelled =
            |name| types::spelled(self.context, self.space, name).ok_or_else(|| unknown(name));
        let params = row.args().map(|name| spelled(name).map(Into::into));
        let params: Vec<BasicMetadataTypeEnum<'c>> = params.collect::<Result<_, _>>()?;
        let results: Vec<BasicTypeEnum<'c>> =
            row.results().map(spelled).collect::<Result<_, _>>()?;
        let ty = match &results[..] {
            [] => self.context.void_type().fn_type(&params, false),
            [one] => one.fn_type(&params, false),
            many => self
                .context
                .struct_type(many, false)
                .fn_type(&params, false),
        };
        Ok(self.llvm.add_function(&symbol, ty, None))
    }

    /// Calls an intrinsic without a result.
    pub(super) fn effect(&self, name: &str, args: &[BasicValueEnum<'c>]) -> Result<(), Error> {
        self.call_intrinsic(name, args).map(|_| ())
    }

    /// Calls an intrinsic; its results.
    pub(super) fn intrinsic_parts(
        &self,
        name: &str,
        args: &[BasicValueEnum<'c>],
    ) -> Result<Vec<BasicValueEnum<'c>>, Error> {
        Ok(match self.call_intrinsic(name, args)? {
            ValueKind::Basic(BasicValueEnum::StructValue(parts)) => {
                let count = parts.get_type().count_fields();
                let part = |n| self.builder.build_extract_value(parts, n, "");
                (0..count).map(part).collect::<Result<_, _>>()?
            }
            ValueKind::Basic(value) => vec![value],
            ValueKind::Instruction(_) => vec![],
        })
    }

    /// Calls an intrinsic; its first result.
    pub(super) fn intrinsic(
        &self,
        name: &str,
        args: &[BasicValueEnum<'c>],
    ) -> Result<BasicValueEnum<'c>, Error> {
        let parts = self.intrinsic_parts(name, args)?;
        parts.first().copied().ok_or_else(|| Error::Refused {
            module: self.llvm.get_name().to_string_lossy().into_owned(),
            says: format!("llvm.aie2.{name} has no result"),
        })
    }

    /// Two registers as one of twice their width.
    pub(super) fn concat(
        &self,
        lo: BasicValueEnum<'c>,
        hi: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let name = match (self.is_acc(lo), bits(lo)) {
            (false, _) => "concat.I512.I256",
            (true, 256) => "concat.512.256.acc",
            (true, _) => "concat.1024.512.acc",
        };
        self.intrinsic(name, &[lo, hi])
    }

    /// Half of a register.
    pub(super) fn half(
        &self,
        whole: BasicValueEnum<'c>,
        high: bool,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let name = match (self.is_acc(whole), bits(whole)) {
            (false, _) => "ext.I256.I512",
            (true, 512) => "ext.256.512.acc",
            (true, _) => "ext.512.1024.acc",
        };
        self.intrinsic(name, &[whole, self.constant(high.into()).into()])
    }

    /// A register widened, what is above it undefined, or its low part, to so many bits.
    pub(super) fn resize(
        &self,
        value: BasicValueEnum<'c>,
        to: u32,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let name = match (bits(value), to) {
            (from, to) if from == to => return Ok(value),
            (from, to) if from > to => return self.half(value, false),
            _ if self.is_acc(value) => "set.1024.512.acc",
            _ => "set.I512.I256",
        };
        self.intrinsic(name, &[value, self.constant(0).into()])
    }

    /// Parts as one, lowest first; their number is a power of two.
    pub(super) fn join(&self, parts: &[BasicValueEnum<'c>]) -> Result<BasicValueEnum<'c>, Error> {
        let mut parts = parts.to_vec();
        while parts.len() > 1 {
            let pairs = parts.chunks_exact(2);
            parts = pairs
                .map(|pair| self.concat(pair[0], pair[1]))
                .collect::<Result<_, _>>()?;
        }
        Ok(parts[0])
    }

    /// A register in so many parts, a power of two, lowest first.
    pub(super) fn split(
        &self,
        whole: BasicValueEnum<'c>,
        parts: u32,
    ) -> Result<Vec<BasicValueEnum<'c>>, Error> {
        let mut split = vec![whole];
        while split.len() < parts as usize {
            let mut halves = Vec::new();
            for value in split {
                halves.push(self.half(value, false)?);
                halves.push(self.half(value, true)?);
            }
            split = halves;
        }
        Ok(split)
    }

    /// A scalar's low bits in every lane of 512 bits.
    pub(super) fn splat(
        &self,
        ty: Type,
        scalar: IntValue<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let bits = match ty {
            Type::Vec { elem, .. } => elem.bits(),
            _ => Elem::I32.bits(),
        };
        self.intrinsic(&format!("vbroadcast{bits}.I512"), &[scalar.into()])
    }

    /// An accumulator of zeros.
    pub(super) fn acc_zero(&self, ty: Type) -> Result<BasicValueEnum<'c>, Error> {
        let float = matches!(ty, Type::Acc { lane, .. } if lane == AccLane::F32);
        if float && ty.bits() == 512 {
            return self.intrinsic("clr16f.conf", &[]);
        }
        let zero = self.intrinsic("vbroadcast.zero.acc1024", &[])?;
        self.resize(zero, ty.bits())
    }
}
