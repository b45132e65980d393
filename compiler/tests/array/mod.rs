//! Designs: verified, lowered, routed, packed.

mod designs;
mod goldens;
mod registers;
