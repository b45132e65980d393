//! Rules of tables and ports.

use super::{At, Check};
use crate::ir::{PortOp, TableOp};
use crate::types::Type;
use crate::verify::Rule;

impl Check<'_, '_> {
    pub(super) fn table(&mut self, at: At<'_>, op: &TableOp) {
        if let TableOp::Lookup { ty, at: address } = op
            && let Some(address) = self.ty(*address)
            && TableOp::entry_bytes(*ty, address).is_none()
        {
            let (ty, at_ty) = (*ty, address);
            self.error(at, Rule::LookupForm { ty, at: at_ty });
        }
    }

    pub(super) fn port(&mut self, at: At<'_>, op: &PortOp) {
        match op {
            PortOp::CascadePut { value } => {
                let ty = self.ty(*value);
                self.cascade(at, ty);
            }
            PortOp::CascadeGet { ty } => self.cascade(at, Some(*ty)),
            PortOp::StreamPut { value, .. } => self.operand(at, "operand", *value, Type::I32),
            PortOp::StreamGet => {}
        }
    }

    fn cascade(&mut self, at: At<'_>, ty: Option<Type>) {
        let fits = |ty: &Type| match ty {
            Type::Vec { .. } => ty.bits() == 512,
            Type::Acc { .. } => matches!(ty.bits(), 512 | 1024),
            _ => false,
        };
        if let Some(ty) = ty.filter(|ty| !fits(ty)) {
            self.error(at, Rule::CascadeWidth { ty });
        }
    }
}
