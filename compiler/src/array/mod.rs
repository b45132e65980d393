//! Designs and their lowering to locks, buffers, descriptors and routes.
