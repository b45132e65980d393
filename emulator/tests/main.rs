//! The array from bytes: golden configurations, designs written by hand as register writes; and
//! single cores running programs in assembler.

mod ahead;
mod core;
mod design;
mod diagnosis;
mod goldens;
mod loopback;
mod modes;
mod names;
mod refusals;
mod robust;
mod walks;
mod worker;
mod workers;
