// The dialects of aie.td: what mlir-tblgen makes of it, the few pieces of custom syntax that it
// cannot make, and the functions by which C, and so Rust, gets hold of them.

#include "dialect.h"

#include "mlir/CAPI/Registration.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

//===-- Custom syntax ----------------------------------------------------===//

namespace npuc::aie {

/// `@name`, or nothing for `otherwise`.
static ParseResult parseNameOr(OpAsmParser &parser, StringAttr &name, StringRef otherwise) {
  if (failed(parser.parseOptionalSymbolName(name)))
    name = parser.getBuilder().getStringAttr(otherwise);
  return success();
}

static void printNameOr(OpAsmPrinter &printer, StringAttr name, StringRef otherwise) {
  if (name.getValue() != otherwise)
    printer.printSymbolName(name.getValue());
}

static ParseResult parseNameOrMain(OpAsmParser &parser, StringAttr &name) {
  return parseNameOr(parser, name, "main");
}

static void printNameOrMain(OpAsmPrinter &printer, Operation *, StringAttr name) {
  printNameOr(printer, name, "main");
}

/// `@name(%a : memref<4xi32>) { ... }`
static ParseResult parseNamedSequence(OpAsmParser &parser, StringAttr &name, Region &body) {
  SmallVector<OpAsmParser::Argument> arguments;
  return failure(failed(parseNameOr(parser, name, "sequence")) ||
                 failed(parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren,
                                                 /*allowType=*/true)) ||
                 failed(parser.parseRegion(body, arguments)));
}

static void printNamedSequence(OpAsmPrinter &printer, Operation *, StringAttr name, Region &body) {
  printNameOr(printer, name, "sequence");
  printer << '(';
  llvm::interleaveComma(body.getArguments(), printer,
                        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ") ";
  printer.printRegion(body, /*printEntryBlockArgs=*/false);
}

/// `[<size = 8, stride = 1>]` behind `keyword`, or nothing for no dimensions.
static FailureOr<BdDimsAttr> parseDims(OpAsmParser &parser, StringRef keyword) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return BdDimsAttr::get(parser.getContext(), {});
  FailureOr<BdDimsAttr> dims = FieldParser<BdDimsAttr>::parse(parser);
  return dims;
}

static void printDims(OpAsmPrinter &printer, StringRef keyword, BdDimsAttr dims) {
  if (dims.empty())
    return;
  printer << ' ' << keyword << ' ';
  printer.printStrippedAttrOrType(dims);
}

/// `%tile dimensionsToStream [...]`
static ParseResult parseProducer(OpAsmParser &parser, OpAsmParser::UnresolvedOperand &tile,
                                 BdDimsAttr &dims) {
  if (failed(parser.parseOperand(tile)))
    return failure();
  FailureOr<BdDimsAttr> parsed = parseDims(parser, "dimensionsToStream");
  if (failed(parsed))
    return failure();
  dims = *parsed;
  return success();
}

static void printProducer(OpAsmPrinter &printer, Operation *, Value tile, BdDimsAttr dims) {
  printer << tile;
  printDims(printer, "dimensionsToStream", dims);
}

/// `%a dimensionsFromStream [...], %b`
static ParseResult parseConsumers(OpAsmParser &parser,
                                  SmallVectorImpl<OpAsmParser::UnresolvedOperand> &tiles,
                                  BdDimsOfEachAttr &dims) {
  SmallVector<BdDimsAttr> each;
  auto consumer = [&]() -> ParseResult {
    if (failed(parser.parseOperand(tiles.emplace_back())))
      return failure();
    FailureOr<BdDimsAttr> parsed = parseDims(parser, "dimensionsFromStream");
    if (failed(parsed))
      return failure();
    each.push_back(*parsed);
    return success();
  };
  if (failed(parser.parseCommaSeparatedList(consumer)))
    return failure();
  dims = BdDimsOfEachAttr::get(parser.getContext(), each);
  return success();
}

static void printConsumers(OpAsmPrinter &printer, Operation *, OperandRange tiles,
                           BdDimsOfEachAttr dims) {
  for (auto [n, tile] : llvm::enumerate(tiles)) {
    if (n > 0)
      printer << ", ";
    printer << tile;
    if (n < dims.size())
      printDims(printer, "dimensionsFromStream", dims[n]);
  }
}

/// `memref<4xi32> = dense<0>`; the contents have the memref's shape as a tensor.
static ParseResult parseTypeAndContents(OpAsmParser &parser, Type &type, ElementsAttr &contents) {
  if (failed(parser.parseType(type)))
    return failure();
  if (failed(parser.parseOptionalEqual()))
    return success();
  return parser.parseAttribute(contents, memref::getTensorTypeFromMemRefType(type));
}

static void printTypeAndContents(OpAsmPrinter &printer, Operation *, Type type,
                                 ElementsAttr contents) {
  printer << type;
  if (contents) {
    printer << " = ";
    printer.printAttributeWithoutType(contents);
  }
}

} // namespace npuc::aie

//===-- What mlir-tblgen makes -------------------------------------------===//

#include "enums.cpp.inc"

#include "aie_dialect.cpp.inc"
#include "aiex_dialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "attributes.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "types.cpp.inc"

#define GET_OP_CLASSES
#include "aie_ops.cpp.inc"

#define GET_OP_CLASSES
#include "aiex_ops.cpp.inc"

void npuc::aie::AIEDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "aie_ops.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "attributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "types.cpp.inc"
      >();
}

void npuc::aiex::AIEXDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "aiex_ops.cpp.inc"
      >();
}

//===-- Verifiers --------------------------------------------------------===//

LogicalResult npuc::aie::FifoOp::verify() {
  size_t consumers = getConsumerTiles().size();
  if (getDimensionsFromStreamPerConsumer().size() != consumers)
    return emitOpError("has dimensions for ")
           << getDimensionsFromStreamPerConsumer().size() << " consumers, but " << consumers
           << " consumers";
  if (auto depths = dyn_cast<ArrayAttr>(getElemNumber())) {
    if (depths.size() != consumers + 1)
      return emitOpError("has ") << depths.size() << " depths for " << consumers + 1 << " ends";
  } else if (!isa<IntegerAttr>(getElemNumber())) {
    return emitOpError("has a depth that is neither a number nor a list of numbers");
  }
  return success();
}

LogicalResult npuc::aie::AccessOp::verify() {
  if (getOutput().getType() != getSubview().getType().getElement())
    return emitOpError("gives a ")
           << getOutput().getType() << " out of a view of " << getSubview().getType().getElement();
  return success();
}

//===-- For C ------------------------------------------------------------===//

extern "C" {
MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(AIE, npuc_aie, npuc::aie::AIEDialect)
MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(AIEX, npuc_aiex, npuc::aiex::AIEXDialect)
}
