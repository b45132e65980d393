//! What is written, and how.

mod atomic;
mod formats;
