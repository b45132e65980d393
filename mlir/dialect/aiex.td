// The part of MLIR-AIE's dialect `aiex` that the runtime sequences of designs are printed in: see
// aie.td.

include "aie.td"

def AIEX_Dialect : Dialect {
  let name = "aiex";
  let cppNamespace = "::npuc::aiex";
  let summary = "Operations of runtime sequences";
  let dependentDialects = ["::npuc::aie::AIEDialect"];
}

class AIEX_Op<string opName, list<Trait> traits = []> : Op<AIEX_Dialect, opName, traits>;

def MemcpyOp : AIEX_Op<"npu.dma_memcpy_nd", [AttrSizedOperandSegments]> {
  let arguments = (ins AnyMemRef:$memref, Variadic<I64>:$offsets, Variadic<I64>:$sizes,
                       Variadic<I64>:$strides,
                       ConfinedAttr<DenseI64ArrayAttr, [DenseArrayCount<4>]>:$static_offsets,
                       ConfinedAttr<DenseI64ArrayAttr, [DenseArrayCount<4>]>:$static_sizes,
                       ConfinedAttr<DenseI64ArrayAttr, [DenseArrayCount<4>]>:$static_strides,
                       FlatSymbolRefAttr:$metadata, I64Attr:$id,
                       OptionalAttr<BoolAttr>:$issue_token);
  let assemblyFormat = [{
    `(` $memref custom<DynamicIndexList>($offsets, $static_offsets)
        custom<DynamicIndexList>($sizes, $static_sizes)
        custom<DynamicIndexList>($strides, $static_strides) `)` attr-dict `:` type($memref)
  }];
}

def WaitOp : AIEX_Op<"npu.dma_wait"> {
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let assemblyFormat = "attr-dict";
}

def WriteParameterOp : AIEX_Op<"npu.rtp_write"> {
  let arguments = (ins FlatSymbolRefAttr:$buffer, UI32Attr:$index, I32Attr:$value);
  let assemblyFormat = "`(` $buffer `,` $index `,` $value `)` attr-dict";
}

def SyncOp : AIEX_Op<"npu.sync"> {
  let arguments = (ins I32Attr:$column, I32Attr:$row, I32Attr:$direction, I32Attr:$channel,
                       I32Attr:$column_num, I32Attr:$row_num);
  let assemblyFormat = "attr-dict";
}

def Write32Op : AIEX_Op<"npu.write32"> {
  let arguments = (ins UI32Attr:$address, UI32Attr:$value, OptionalAttr<FlatSymbolRefAttr>:$buffer,
                       OptionalAttr<I32Attr>:$column, OptionalAttr<I32Attr>:$row);
  let assemblyFormat = "attr-dict";
}

def MaskWrite32Op : AIEX_Op<"npu.maskwrite32"> {
  let arguments = (ins UI32Attr:$address, UI32Attr:$value, UI32Attr:$mask,
                       OptionalAttr<FlatSymbolRefAttr>:$buffer, OptionalAttr<I32Attr>:$column,
                       OptionalAttr<I32Attr>:$row);
  let assemblyFormat = "attr-dict";
}

def ConfigureTaskOp : AIEX_Op<"dma_configure_task_for"> {
  let arguments = (ins FlatSymbolRefAttr:$alloc, OptionalAttr<BoolAttr>:$issue_token,
                       OptionalAttr<I32Attr>:$repeat_count);
  let results = (outs Index:$result);
  let regions = (region MinSizedRegion<1>:$body);
  let assemblyFormat = "$alloc $body attr-dict";
}

class AIEX_Task<string opName> : AIEX_Op<opName> {
  let arguments = (ins Index:$task);
  let assemblyFormat = "`(` $task `)` attr-dict";
}

def StartTaskOp : AIEX_Task<"dma_start_task">;
def AwaitTaskOp : AIEX_Task<"dma_await_task">;
def FreeTaskOp : AIEX_Task<"dma_free_task">;
