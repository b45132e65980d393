//! Operations, made piece by piece.

use melior::Context;
use melior::ir::attribute::{
    ArrayAttribute, BoolAttribute, DenseElementsAttribute, DenseI32ArrayAttribute,
    DenseI64ArrayAttribute, FlatSymbolRefAttribute, IntegerAttribute, StringAttribute,
    TypeAttribute,
};
use melior::ir::operation::OperationBuilder;
use melior::ir::r#type::{IntegerType, MemRefType, RankedTensorType};
use melior::ir::{
    Attribute, Block, BlockLike, Identifier, Location, Operation, Region, Type, Value,
};
use npuc::array::design::ObjectType;
use npuc::kernel::types::Elem;

use super::Invalid;

/// Makes types, attributes and operations of one context, at no place in any source.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'c> {
    context: &'c Context,
    location: Location<'c>,
}

impl<'c> Maker<'c> {
    /// Makes things of `context`.
    pub(crate) fn new(context: &'c Context) -> Self {
        let location = Location::unknown(context);
        Maker { context, location }
    }

    /// The context.
    pub(crate) fn context(&self) -> &'c Context {
        self.context
    }

    /// The place that everything made has.
    pub(crate) fn location(&self) -> Location<'c> {
        self.location
    }

    /// Signless integer of `bits` bits.
    pub(crate) fn integer(&self, bits: u32) -> Type<'c> {
        IntegerType::new(self.context, bits).into()
    }

    /// `index`.
    pub(crate) fn index(&self) -> Type<'c> {
        Type::index(self.context)
    }

    fn elem(&self, elem: Elem) -> Type<'c> {
        match elem {
            Elem::I8 => self.integer(8),
            Elem::I16 => self.integer(16),
            Elem::I32 => self.integer(32),
            Elem::Bf16 => Type::bfloat16(self.context),
            Elem::F32 => Type::float32(self.context),
        }
    }

    /// `memref<4x8xi16>`
    pub(crate) fn memref(&self, object: &ObjectType) -> Type<'c> {
        let shape: Vec<i64> = object.shape.iter().map(|&n| i64::from(n)).collect();
        MemRefType::new(self.elem(object.elem), &shape, None, None).into()
    }

    fn tensor(&self, object: &ObjectType) -> Type<'c> {
        let shape: Vec<u64> = object.shape.iter().map(|&n| u64::from(n)).collect();
        RankedTensorType::new(&shape, self.elem(object.elem), None).into()
    }

    /// A type by its text.
    pub(crate) fn parsed_type(&self, text: &str) -> Result<Type<'c>, Invalid> {
        Type::parse(self.context, text).ok_or_else(|| unreadable(text))
    }

    /// An attribute by its text.
    pub(crate) fn parsed(&self, text: &str) -> Result<Attribute<'c>, Invalid> {
        Attribute::parse(self.context, text).ok_or_else(|| unreadable(text))
    }

    /// `value : i32`, and the like for other types.
    pub(crate) fn number(&self, r#type: Type<'c>, value: i64) -> Attribute<'c> {
        IntegerAttribute::new(r#type, value).into()
    }

    /// `@name`
    pub(crate) fn reference(&self, name: &str) -> Attribute<'c> {
        FlatSymbolRefAttribute::new(self.context, name).into()
    }

    /// `[a, b]`
    pub(crate) fn array(&self, items: &[Attribute<'c>]) -> Attribute<'c> {
        ArrayAttribute::new(self.context, items).into()
    }

    /// `type` as an attribute.
    pub(crate) fn type_attribute(&self, r#type: Type<'c>) -> Attribute<'c> {
        TypeAttribute::new(r#type).into()
    }

    /// The contents of an object as a tensor: as many little-endian bytes as it has.
    pub(crate) fn contents(
        &self,
        object: &ObjectType,
        bytes: &[u8],
    ) -> Result<Attribute<'c>, Invalid> {
        self.dense(self.tensor(object), object, bytes)
    }

    /// The same with the type of the memory that it is for.
    pub(crate) fn memory_contents(
        &self,
        object: &ObjectType,
        bytes: &[u8],
    ) -> Result<Attribute<'c>, Invalid> {
        self.dense(self.memref(object), object, bytes)
    }

    fn dense(
        &self,
        r#type: Type<'c>,
        object: &ObjectType,
        bytes: &[u8],
    ) -> Result<Attribute<'c>, Invalid> {
        if bytes.len() as u64 != object.bytes() {
            return Err(Invalid {
                messages: format!("{} bytes of contents for {object}", bytes.len()),
            });
        }
        Ok(DenseElementsAttribute::raw_buffer(r#type, bytes).into())
    }

    /// An operation called `name`.
    pub(crate) fn op(&self, name: &'static str) -> Op<'c> {
        Op {
            maker: *self,
            name,
            builder: OperationBuilder::new(name, self.location),
        }
    }

    /// A block with arguments of these types.
    pub(crate) fn block(&self, arguments: &[Type<'c>]) -> Block<'c> {
        let arguments: Vec<_> = arguments.iter().map(|&t| (t, self.location)).collect();
        Block::new(&arguments)
    }
}

fn unreadable(text: &str) -> Invalid {
    Invalid {
        messages: format!("MLIR does not read `{text}`"),
    }
}

/// An operation that is being made.
pub(crate) struct Op<'c> {
    maker: Maker<'c>,
    name: &'static str,
    builder: OperationBuilder<'c>,
}

impl<'c> Op<'c> {
    /// With an attribute.
    pub(crate) fn with(mut self, name: &str, attribute: Attribute<'c>) -> Self {
        let name = Identifier::new(self.maker.context, name);
        self.builder = self.builder.add_attributes(&[(name, attribute)]);
        self
    }

    /// With a 32-bit number.
    pub(crate) fn i32(self, name: &str, value: impl Into<i64>) -> Self {
        let number = self.maker.number(self.maker.integer(32), value.into());
        self.with(name, number)
    }

    /// With an 8-bit number.
    pub(crate) fn i8(self, name: &str, value: impl Into<i64>) -> Self {
        let number = self.maker.number(self.maker.integer(8), value.into());
        self.with(name, number)
    }

    /// With a 64-bit number.
    pub(crate) fn i64(self, name: &str, value: impl Into<i64>) -> Self {
        let number = self.maker.number(self.maker.integer(64), value.into());
        self.with(name, number)
    }

    /// With an unsigned 32-bit number.
    pub(crate) fn ui32(self, name: &str, value: u32) -> Self {
        let r#type = IntegerType::unsigned(self.maker.context, 32).into();
        let number = self.maker.number(r#type, value.into());
        self.with(name, number)
    }

    /// With `true` or `false`.
    pub(crate) fn flag(self, name: &str, value: bool) -> Self {
        let flag = BoolAttribute::new(self.maker.context, value).into();
        self.with(name, flag)
    }

    /// With a string.
    pub(crate) fn string(self, name: &str, value: &str) -> Self {
        let string = StringAttribute::new(self.maker.context, value).into();
        self.with(name, string)
    }

    /// With `@value`.
    pub(crate) fn reference(self, name: &str, value: &str) -> Self {
        let reference = self.maker.reference(value);
        self.with(name, reference)
    }

    /// With `array<i32: ...>`.
    pub(crate) fn i32s(self, name: &str, values: &[i32]) -> Self {
        let values = DenseI32ArrayAttribute::new(self.maker.context, values).into();
        self.with(name, values)
    }

    /// With `array<i64: ...>`.
    pub(crate) fn i64s(self, name: &str, values: &[i64]) -> Self {
        let values = DenseI64ArrayAttribute::new(self.maker.context, values).into();
        self.with(name, values)
    }

    /// With operands.
    pub(crate) fn operands(mut self, values: &[Value<'c, '_>]) -> Self {
        self.builder = self.builder.add_operands(values);
        self
    }

    /// With a result.
    pub(crate) fn result(mut self, r#type: Type<'c>) -> Self {
        self.builder = self.builder.add_results(&[r#type]);
        self
    }

    /// With blocks to go on with.
    pub(crate) fn successors(mut self, blocks: &[&Block<'c>]) -> Self {
        self.builder = self.builder.add_successors(blocks);
        self
    }

    /// With a region.
    pub(crate) fn region(mut self, region: Region<'c>) -> Self {
        self.builder = self.builder.add_regions([region]);
        self
    }

    /// The operation.
    pub(crate) fn make(self) -> Result<Operation<'c>, Invalid> {
        self.builder.build().map_err(|e| Invalid {
            messages: format!("`{}` cannot be made: {e}", self.name),
        })
    }

    /// Puts the operation at the end of a block.
    pub(crate) fn end_of(self, block: &Block<'c>) -> Result<(), Invalid> {
        block.append_operation(self.make()?);
        Ok(())
    }

    /// Puts the operation at the end of a block; its only result.
    pub(crate) fn value_in<'a>(self, block: &Block<'c>) -> Result<Value<'c, 'a>, Invalid>
    where
        'c: 'a,
    {
        let name = self.name;
        let operation = block.append_operation(self.make()?);
        let result = operation.result(0).map_err(|e| Invalid {
            messages: format!("`{name}` has no result: {e}"),
        })?;
        Ok(result.into())
    }
}

/// A region of one block.
pub(crate) fn region_of(block: Block<'_>) -> Region<'_> {
    use melior::ir::RegionLike;
    let region = Region::new();
    region.append_block(block);
    region
}
