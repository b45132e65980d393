//! Tests of the product: audio in, text out, and everything that can be wrong between.

mod assets;
mod audio;
mod command;
mod engine;
mod linkage;
mod models;
mod output;
mod support;
