// The part of MLIR-AIE's dialect `aie` that designs for npu1 are printed in, so that a module can be
// verified, parsed and printed without MLIR-AIE.
//
// Names, operands, attributes, their types and the custom syntax are those of mlir-aie
// 0a69477883ac (June 2026), as its printed modules show them. The verifier that follows from this
// file knows shapes of operations, not limits of the chip: `npuc` has checked those before.

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def AIE_Dialect : Dialect {
  let name = "aie";
  let cppNamespace = "::npuc::aie";
  let summary = "Tiles, ObjectFIFOs and what they are lowered to";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

//===-- Enumerations -----------------------------------------------------===//

class AIE_Enum<string name, string about, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, about, cases> {
  let cppNamespace = "::npuc::aie";
}

def DeviceName : AIE_Enum<"DeviceName", "partition that a design is for", [
  I32EnumAttrCase<"npu1", 4>, I32EnumAttrCase<"npu1_1col", 5>,
  I32EnumAttrCase<"npu1_2col", 6>, I32EnumAttrCase<"npu1_3col", 7>
]>;

def South : I32EnumAttrCase<"South", 3>;
def West : I32EnumAttrCase<"West", 4>;
def North : I32EnumAttrCase<"North", 5>;
def East : I32EnumAttrCase<"East", 6>;

def Bundle : AIE_Enum<"Bundle", "kind of a port of a tile", [
  I32EnumAttrCase<"Core", 0>, I32EnumAttrCase<"DMA", 1>, I32EnumAttrCase<"FIFO", 2>,
  South, West, North, East, I32EnumAttrCase<"PLIO", 7>, I32EnumAttrCase<"NOC", 8>,
  I32EnumAttrCase<"Trace", 9>, I32EnumAttrCase<"TileControl", 10>
]>;

def CascadeSide : AIE_Enum<"CascadeSide", "side of a core at a cascade", [South, West, North, East]>;

def Direction : AIE_Enum<"Direction", "direction of a DMA channel", [
  I32EnumAttrCase<"S2MM", 0>, I32EnumAttrCase<"MM2S", 1>
]>;

def LockAction : AIE_Enum<"LockAction", "what is done with a lock", [
  I32EnumAttrCase<"Acquire", 0>, I32EnumAttrCase<"Release", 1>,
  I32EnumAttrCase<"AcquireGreaterEqual", 2>
]>;

def FifoPort : AIE_Enum<"FifoPort", "end of an ObjectFIFO", [
  I32EnumAttrCase<"Produce", 0>, I32EnumAttrCase<"Consume", 1>
]>;

//===-- Attributes -------------------------------------------------------===//

class AIE_Attr<string name, string attrMnemonic> : AttrDef<AIE_Dialect, name> {
  let mnemonic = attrMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
}

def BdDim : AIE_Attr<"BdDim", "bd_dim_layout"> {
  let parameters = (ins "uint32_t":$size, "uint32_t":$stride);
}
def BdDims : ArrayOfAttr<AIE_Dialect, "BdDims", "bd_dim_layout_array", "BdDimAttr">;
def BdDimsOfEach
    : ArrayOfAttr<AIE_Dialect, "BdDimsOfEach", "bd_dim_layout_array_array", "BdDimsAttr">;

def BdPad : AIE_Attr<"BdPad", "bd_pad_layout"> {
  let parameters = (ins "uint16_t":$const_pad_before, "uint16_t":$const_pad_after);
}
def BdPads : ArrayOfAttr<AIE_Dialect, "BdPads", "bd_pad_layout_array", "BdPadAttr">;

def PacketInfo : AIE_Attr<"PacketInfo", "packet_info"> {
  let parameters = (ins "uint16_t":$pkt_type, "uint16_t":$pkt_id);
}

//===-- Types ------------------------------------------------------------===//

class AIE_Type<string name, string typeMnemonic> : TypeDef<AIE_Dialect, name> {
  let mnemonic = typeMnemonic;
  let parameters = (ins "::mlir::MemRefType":$element);
  let assemblyFormat = "`<` $element `>`";
}

def Fifo : AIE_Type<"Fifo", "objectfifo">;
def FifoView : AIE_Type<"FifoView", "objectfifosubview">;

def FifoTypeAttr : TypeAttrBase<"::npuc::aie::FifoType", "type of an ObjectFIFO">;

//===-- Operations of `aie` ----------------------------------------------===//

class AIE_Op<string opName, list<Trait> traits = []> : Op<AIE_Dialect, opName, traits>;

/// An operation with a body that ends with an `aie.end` which its text leaves out.
class AIE_Block<string opName, list<Trait> traits = []>
    : AIE_Op<opName, traits # [SingleBlockImplicitTerminator<"::npuc::aie::EndOp">]> {
  let regions = (region SizedRegion<1>:$body);
}

def EndOp : AIE_Op<"end", [Terminator]> {
  let assemblyFormat = "attr-dict";
}

def DeviceOp : AIE_Block<"device", [HasParent<"::mlir::ModuleOp">, IsolatedFromAbove,
                                    SymbolTable, Symbol]> {
  let arguments = (ins DeviceName:$device, SymbolNameAttr:$sym_name);
  let assemblyFormat = "`(` $device `)` custom<NameOrMain>($sym_name) $body attr-dict";
}

def InDevice : HasParent<"::npuc::aie::DeviceOp">;

def TileOp : AIE_Op<"tile", [InDevice, Pure]> {
  let arguments = (ins I32Attr:$col, I32Attr:$row);
  let results = (outs Index:$result);
  let assemblyFormat = "`(` $col `,` $row `)` attr-dict";
}

def BufferOp : AIE_Op<"buffer", [InDevice]> {
  let arguments = (ins Index:$tile, OptionalAttr<StrAttr>:$sym_name,
                       OptionalAttr<I32Attr>:$address, OptionalAttr<ElementsAttr>:$initial_value,
                       OptionalAttr<I32Attr>:$mem_bank,
                       DefaultValuedAttr<BoolAttr, "true">:$aligned);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = [{
    `(` $tile `)` attr-dict `:` custom<TypeAndContents>(type($buffer), $initial_value)
  }];
}

def LockOp : AIE_Op<"lock", [InDevice]> {
  let arguments = (ins Index:$tile, OptionalAttr<I32Attr>:$lockID, OptionalAttr<I32Attr>:$init,
                       OptionalAttr<StrAttr>:$sym_name);
  let results = (outs Index:$result);
  let assemblyFormat = "`(` $tile (`,` $lockID^)? `)` attr-dict";
}

def UseLockOp : AIE_Op<"use_lock"> {
  let arguments = (ins Index:$lock, LockAction:$action, I32Attr:$value);
  let assemblyFormat = "`(` $lock `,` $action `,` $value `)` attr-dict";
}

def CoreOp : AIE_Op<"core", [InDevice]> {
  let arguments = (ins Index:$tile, DefaultValuedAttr<I32Attr, "0x400">:$stack_size,
                       OptionalAttr<StrAttr>:$link_with, OptionalAttr<StrAttr>:$elf_file);
  let results = (outs Index:$result);
  let regions = (region MinSizedRegion<1>:$body);
  let assemblyFormat = "`(` $tile `)` $body attr-dict";
}

//===-- ObjectFIFOs ------------------------------------------------------===//

def FifoOp : AIE_Op<"objectfifo", [InDevice, Symbol]> {
  let arguments = (ins SymbolNameAttr:$sym_name, Index:$producerTile,
                       Variadic<Index>:$consumerTiles, AnyAttr:$elemNumber, FifoTypeAttr:$elemType,
                       BdDims:$dimensionsToStream, BdDimsOfEach:$dimensionsFromStreamPerConsumer,
                       DefaultValuedAttr<BoolAttr, "false">:$via_DMA,
                       DefaultValuedAttr<BoolAttr, "false">:$plio,
                       DefaultValuedAttr<BoolAttr, "false">:$disable_synchronization,
                       OptionalAttr<BdPads>:$padDimensions, OptionalAttr<I32Attr>:$repeat_count,
                       OptionalAttr<I32Attr>:$iter_count, OptionalAttr<ArrayAttr>:$initValues);
  let assemblyFormat = [{
    $sym_name `(` custom<Producer>($producerTile, $dimensionsToStream) `,`
      `{` custom<Consumers>($consumerTiles, $dimensionsFromStreamPerConsumer) `}` `,`
      $elemNumber `)` attr-dict `:` $elemType (`=` $initValues^)?
  }];
  let hasVerifier = 1;
}

def LinkOp : AIE_Op<"objectfifo.link", [InDevice]> {
  let arguments = (ins ArrayAttr:$fifoIns, ArrayAttr:$fifoOuts, ArrayAttr:$src_offsets,
                       ArrayAttr:$dst_offsets);
  let assemblyFormat = "$fifoIns `->` $fifoOuts `(` $src_offsets $dst_offsets `)` attr-dict";
}

def AcquireOp : AIE_Op<"objectfifo.acquire"> {
  let arguments = (ins FifoPort:$port, FlatSymbolRefAttr:$objFifo_name, I32Attr:$size);
  let results = (outs FifoView:$subview);
  let assemblyFormat = "$objFifo_name `(` $port `,` $size `)` attr-dict `:` type($subview)";
}

def ReleaseOp : AIE_Op<"objectfifo.release"> {
  let arguments = (ins FifoPort:$port, FlatSymbolRefAttr:$objFifo_name, I32Attr:$size);
  let assemblyFormat = "$objFifo_name `(` $port `,` $size `)` attr-dict";
}

def AccessOp : AIE_Op<"objectfifo.subview.access"> {
  let arguments = (ins FifoView:$subview, I32Attr:$index);
  let results = (outs AnyMemRef:$output);
  let assemblyFormat = [{
    $subview `[` $index `]` attr-dict `:` type($subview) `->` type($output)
  }];
  let hasVerifier = 1;
}

//===-- DMA --------------------------------------------------------------===//

class AIE_DmaProgram<string opName> : AIE_Op<opName, [InDevice]> {
  let arguments = (ins Index:$tile);
  let results = (outs Index:$result);
  let regions = (region MinSizedRegion<1>:$body);
  let assemblyFormat = "`(` $tile `)` $body attr-dict";
}

def MemOp : AIE_DmaProgram<"mem">;
def MemTileDmaOp : AIE_DmaProgram<"memtile_dma">;

def DmaStartOp : AIE_Op<"dma_start", [Terminator]> {
  let arguments = (ins Direction:$channel_dir, I32Attr:$channel_index,
                       DefaultValuedAttr<I32Attr, "0">:$repeat_count);
  let results = (outs I1:$valid);
  let successors = (successor AnySuccessor:$dest, AnySuccessor:$chain);
  let assemblyFormat = [{
    `(` $channel_dir `,` $channel_index `,` $dest `,` $chain
        (`,` `repeat_count` `=` $repeat_count^)? `)` attr-dict
  }];
}

def DmaBdOp : AIE_Op<"dma_bd"> {
  let arguments = (ins AnyMemRef:$buffer, OptionalAttr<I32Attr>:$offset,
                       OptionalAttr<I32Attr>:$len, OptionalAttr<BdDims>:$dimensions,
                       OptionalAttr<BdPads>:$pad_dimensions, OptionalAttr<PacketInfo>:$packet,
                       OptionalAttr<I32Attr>:$bd_id, OptionalAttr<I32Attr>:$next_bd_id);
  let assemblyFormat = [{
    `(` $buffer `:` type($buffer) (`,` $offset^)? (`,` $len^)? (`,` $dimensions^)?
        (`,` $pad_dimensions^)? `)` attr-dict
  }];
}

def NextBdOp : AIE_Op<"next_bd", [Terminator]> {
  let successors = (successor AnySuccessor:$dest);
  let assemblyFormat = "$dest attr-dict";
}

def ShimDmaOp : AIE_Op<"shim_dma_allocation", [InDevice, Symbol]> {
  let arguments = (ins SymbolNameAttr:$sym_name, Index:$tile, Direction:$channel_dir,
                       I64Attr:$channel_index, DefaultValuedAttr<BoolAttr, "false">:$plio);
  let assemblyFormat = [{
    $sym_name `(` $tile `,` $channel_dir `,` $channel_index `)` attr-dict
  }];
}

//===-- Streams ----------------------------------------------------------===//

def FlowOp : AIE_Op<"flow", [InDevice]> {
  let arguments = (ins Index:$source, Bundle:$source_bundle, I32Attr:$source_channel,
                       Index:$dest, Bundle:$dest_bundle, I32Attr:$dest_channel);
  let assemblyFormat = [{
    `(` $source `,` $source_bundle `:` $source_channel `,`
        $dest `,` $dest_bundle `:` $dest_channel `)` attr-dict
  }];
}

def PacketFlowOp : AIE_Block<"packet_flow", [InDevice]> {
  let arguments = (ins I8Attr:$ID, OptionalAttr<BoolAttr>:$keep_pkt_header,
                       OptionalAttr<BoolAttr>:$priority_route);
  let assemblyFormat = "`(` $ID `)` $body attr-dict";
}

class AIE_PacketEnd<string opName>
    : AIE_Op<opName, [HasParent<"::npuc::aie::PacketFlowOp">]> {
  let arguments = (ins Index:$tile, Bundle:$bundle, I32Attr:$channel);
  let assemblyFormat = "`<` $tile `,` $bundle `:` $channel `>` attr-dict";
}

def PacketSourceOp : AIE_PacketEnd<"packet_source">;
def PacketDestOp : AIE_PacketEnd<"packet_dest">;

class AIE_Switch<string opName> : AIE_Block<opName, [InDevice]> {
  let arguments = (ins Index:$tile);
  let results = (outs Index:$result);
  let assemblyFormat = "`(` $tile `)` $body attr-dict";
}

def SwitchboxOp : AIE_Switch<"switchbox">;
def ShimMuxOp : AIE_Switch<"shim_mux">;

def ConnectOp
    : AIE_Op<"connect", [ParentOneOf<["::npuc::aie::SwitchboxOp", "::npuc::aie::ShimMuxOp"]>]> {
  let arguments = (ins Bundle:$source_bundle, I32Attr:$source_channel, Bundle:$dest_bundle,
                       I32Attr:$dest_channel);
  let assemblyFormat = [{
    `<` $source_bundle `:` $source_channel `,` $dest_bundle `:` $dest_channel `>` attr-dict
  }];
}

def InSwitchbox : HasParent<"::npuc::aie::SwitchboxOp">;

def AmselOp : AIE_Op<"amsel", [InSwitchbox]> {
  let arguments = (ins I8Attr:$arbiterID, I8Attr:$msel);
  let results = (outs Index:$result);
  let assemblyFormat = "`<` $arbiterID `>` `(` $msel `)` attr-dict";
}

def MastersetOp : AIE_Op<"masterset", [InSwitchbox]> {
  let arguments = (ins Bundle:$dest_bundle, I32Attr:$dest_channel, Variadic<Index>:$amsels,
                       OptionalAttr<BoolAttr>:$keep_pkt_header);
  let results = (outs Index:$result);
  let assemblyFormat = "`(` $dest_bundle `:` $dest_channel `,` $amsels `)` attr-dict";
}

def PacketRulesOp : AIE_Block<"packet_rules", [InSwitchbox]> {
  let arguments = (ins Bundle:$source_bundle, I32Attr:$source_channel);
  let assemblyFormat = "`(` $source_bundle `:` $source_channel `)` $body attr-dict";
}

def RuleOp : AIE_Op<"rule", [HasParent<"::npuc::aie::PacketRulesOp">]> {
  let arguments = (ins I8Attr:$mask, I8Attr:$value, Index:$amsel);
  let assemblyFormat = "`(` $mask `,` $value `,` $amsel `)` attr-dict";
}

def WireOp : AIE_Op<"wire", [InDevice]> {
  let arguments = (ins Index:$source, Bundle:$source_bundle, Index:$dest, Bundle:$dest_bundle);
  let assemblyFormat = "`(` $source `:` $source_bundle `,` $dest `:` $dest_bundle `)` attr-dict";
}

//===-- Cascades ---------------------------------------------------------===//

def CascadeFlowOp : AIE_Op<"cascade_flow", [InDevice]> {
  let arguments = (ins Index:$source_tile, Index:$dest_tile);
  let assemblyFormat = "`(` $source_tile `,` $dest_tile `)` attr-dict";
}

def ConfigureCascadeOp : AIE_Op<"configure_cascade", [InDevice]> {
  let arguments = (ins Index:$tile, CascadeSide:$inputDir, CascadeSide:$outputDir);
  let assemblyFormat = "`(` $tile `,` $inputDir `,` $outputDir `)` attr-dict";
}

//===-- Runtime sequences ------------------------------------------------===//

def RuntimeSequenceOp : AIE_Op<"runtime_sequence", [InDevice, NoTerminator, Symbol]> {
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "custom<NamedSequence>($sym_name, $body) attr-dict";
}
