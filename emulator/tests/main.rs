//! The array from bytes: golden configurations, designs written by hand as register writes.

mod design;
mod diagnosis;
mod goldens;
mod loopback;
mod refusals;
