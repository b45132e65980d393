//! Tests of the product: audio in, text out, and everything that can be wrong between.

mod audio;
mod command;
mod models;
mod output;
mod support;
