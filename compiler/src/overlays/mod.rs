//! The overlays by name.
