//! Tests of the product: audio in, text out, and everything that can be wrong between.

mod audio;
mod output;
mod support;
