//! Placeholder, replaced by the first landing.
