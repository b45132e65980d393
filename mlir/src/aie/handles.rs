//! The dialects of `dialect/*.td`, as melior takes hold of them. This is `unsafe` because
//! handles of dialects are C's.

#![allow(unsafe_code)]

use melior::dialect::DialectHandle;
use mlir_sys::MlirDialectHandle;

// SAFETY: dialect/dialect.cpp defines both functions, with this signature, by the macro that MLIR
// defines its own handles with.
unsafe extern "C" {
    safe fn mlirGetDialectHandle__npuc_aie__() -> MlirDialectHandle;
    safe fn mlirGetDialectHandle__npuc_aiex__() -> MlirDialectHandle;
}

/// Handles of `aie` and `aiex`.
pub(super) fn handles() -> [DialectHandle; 2] {
    let raw = [
        mlirGetDialectHandle__npuc_aie__(),
        mlirGetDialectHandle__npuc_aiex__(),
    ];
    // SAFETY: the handles point to hooks that are static in dialect/dialect.cpp.
    raw.map(|handle| unsafe { DialectHandle::from_raw(handle) })
}
