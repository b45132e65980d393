//! What a constant address of the core's data space becomes in LLVM IR.

use inkwell::context::Context;
use inkwell::module::Module as LlvmModule;
use inkwell::types::BasicType;
use inkwell::values::PointerValue;
use inkwell::{AddressSpace, module::Linkage};

/// A buffer as a core sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name, which is its symbol.
    pub name: String,
    /// First byte in the core's data space.
    pub address: u32,
    /// Size, bytes.
    pub bytes: u32,
}

/// What constant addresses become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Space {
    /// Integers made pointers.
    #[default]
    Constants,
    /// Symbols of buffers, which a linker script places, and offsets from them; integers where no
    /// buffer is.
    Buffers(Vec<Buffer>),
    /// Places in the data space that native execution keeps in this process, by the address of its first
    /// byte, a multiple of [`Space::BYTES`]. Every access is kept inside.
    Native(u64),
}

impl Space {
    /// Bytes of the core's data space: addresses have 20 bits.
    pub const BYTES: u64 = 1 << 20;

    /// The pointer to a constant address.
    pub(super) fn pointer<'c>(
        &self,
        context: &'c Context,
        module: &LlvmModule<'c>,
        address: u32,
    ) -> (PointerValue<'c>, u32) {
        let constant = |bits: u64| {
            let ptr = context.ptr_type(AddressSpace::default());
            match self {
                Space::Native(_) => context
                    .i64_type()
                    .const_int(bits, false)
                    .const_to_pointer(ptr),
                _ => context
                    .i32_type()
                    .const_int(bits, false)
                    .const_to_pointer(ptr),
            }
        };
        match self {
            Space::Constants => (constant(address.into()), 0),
            Space::Native(base) => (constant(base + u64::from(address)), 0),
            Space::Buffers(buffers) => {
                let holds = |b: &&Buffer| (b.address..b.address + b.bytes).contains(&address);
                match buffers.iter().find(holds) {
                    Some(buffer) => (symbol(context, module, buffer), address - buffer.address),
                    None => (constant(address.into()), 0),
                }
            }
        }
    }
}

/// The external global of a buffer, an array of words or bytes.
fn symbol<'c>(context: &'c Context, module: &LlvmModule<'c>, buffer: &Buffer) -> PointerValue<'c> {
    if let Some(global) = module.get_global(&buffer.name) {
        return global.as_pointer_value();
    }
    let ty = match buffer.bytes.is_multiple_of(4) {
        true => context.i32_type().array_type(buffer.bytes / 4),
        false => context.i8_type().array_type(buffer.bytes),
    };
    let global = module.add_global(ty.as_basic_type_enum(), None, &buffer.name);
    global.set_linkage(Linkage::External);
    global.as_pointer_value()
}
