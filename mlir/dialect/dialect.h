// Declarations that mlir-tblgen makes of aie.td, in the order in which they need each other.

#ifndef NPUC_DIALECT_H
#define NPUC_DIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "enums.h.inc"

#include "aie_dialect.h.inc"
#include "aiex_dialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "attributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "types.h.inc"

#define GET_OP_CLASSES
#include "aie_ops.h.inc"

#define GET_OP_CLASSES
#include "aiex_ops.h.inc"

#endif
