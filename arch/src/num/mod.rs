//! Elementary arithmetic of the vector unit, bit by bit.
