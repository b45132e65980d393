//! What a core exchanges with others without memory: the cascade and the streams.

use std::fmt;

use super::Value;
use crate::types::Type;

/// An operation on a port of the core. One that finds nothing there, or no room, waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortOp {
    /// Sends a vector or an accumulator to the next core of the cascade, 512 bits at once, lowest first
    /// -> nothing.
    CascadePut {
        /// What is sent: 512 bits, or an accumulator of 1024.
        value: Value,
    },
    /// Takes as many bits from the core before it in the cascade, whatever they were sent as -> value.
    CascadeGet {
        /// What is made of them: 512 bits, or an accumulator of 1024.
        ty: Type,
    },
    /// Sends a word to the core's stream -> nothing.
    StreamPut {
        /// Scalar.
        value: Value,
        /// Whether it is the last of a transfer.
        last: bool,
    },
    /// Takes a word from the core's stream -> i32.
    StreamGet,
}

impl PortOp {
    /// The value that it sends.
    pub fn operand(&self) -> Option<Value> {
        match self {
            PortOp::CascadePut { value } | PortOp::StreamPut { value, .. } => Some(*value),
            PortOp::CascadeGet { .. } | PortOp::StreamGet => None,
        }
    }

    pub(super) fn operand_mut(&mut self) -> Option<&mut Value> {
        match self {
            PortOp::CascadePut { value } | PortOp::StreamPut { value, .. } => Some(value),
            PortOp::CascadeGet { .. } | PortOp::StreamGet => None,
        }
    }

    pub(super) fn result_types(&self) -> Vec<Type> {
        match self {
            PortOp::CascadePut { .. } | PortOp::StreamPut { .. } => vec![],
            PortOp::CascadeGet { ty } => vec![*ty],
            PortOp::StreamGet => vec![Type::I32],
        }
    }

    /// The port.
    pub fn port(&self) -> Port {
        match self {
            PortOp::CascadePut { .. } => Port::CascadeOutput,
            PortOp::CascadeGet { .. } => Port::CascadeInput,
            PortOp::StreamPut { .. } => Port::StreamOutput,
            PortOp::StreamGet => Port::StreamInput,
        }
    }
}

/// A port of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Port {
    /// From the core before it in the cascade.
    CascadeInput,
    /// To the core behind it in the cascade.
    CascadeOutput,
    /// From the stream switch.
    StreamInput,
    /// To the stream switch.
    StreamOutput,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Port::CascadeInput => "a word of the cascade",
            Port::CascadeOutput => "room in the cascade",
            Port::StreamInput => "a word of the stream",
            Port::StreamOutput => "room in the stream",
        })
    }
}
