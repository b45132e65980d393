//! Kernel IR as LLVM IR: accepted by LLVM, and natively equal to the interpreter.

mod cores;
mod filetests;
mod library;
mod random;
