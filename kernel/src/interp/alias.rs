//! Whether noalias keeps its word.
//!
//! Every pointer knows where it comes from: a parameter of the call that uses it, or anything else, such as
//! a constant address. Each call in progress remembers through what each word of memory was reached; a word that is written, and reached both through a noalias parameter and otherwise, is
//! an error.

use std::collections::HashMap;

use crate::ir::Func;

/// Where a pointer comes from: its position among the sources of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(u32);

impl Source {
    /// Not a parameter.
    pub(super) const OTHER: Source = Source(0);
}

#[derive(Debug)]
struct Parameter {
    /// Call whose parameter it is, counted from the outermost.
    call: usize,
    /// Position among the parameters.
    index: usize,
    noalias: bool,
    /// Where the argument comes from in the caller.
    argument: Source,
}

/// How a word was reached in a call.
#[derive(Clone, Copy, Debug)]
struct Reached {
    /// Through what first.
    through: Source,
    written: bool,
    /// Noalias parameter through which it was reached, if it was reached otherwise as well.
    shared: Option<usize>,
}

#[derive(Debug)]
struct Call<'m> {
    func: &'m Func,
    /// Number of parameters of all calls when this one began.
    parameters: usize,
    /// By address of the word; empty in calls without a noalias parameter.
    reached: HashMap<u32, Reached>,
    watched: bool,
}

/// A broken promise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breach<'m> {
    /// Function that made it.
    pub(super) func: &'m Func,
    /// Position of the noalias parameter.
    pub(super) param: usize,
    /// Address of the word.
    pub(super) addr: u32,
}

/// The calls in progress.
#[derive(Debug, Default)]
pub(super) struct Aliases<'m> {
    /// Parameters of all calls in progress; [`Source`] counts them from one.
    parameters: Vec<Parameter>,
    calls: Vec<Call<'m>>,
}

impl<'m> Aliases<'m> {
    /// Calls in progress.
    pub(super) fn depth(&self) -> usize {
        self.calls.len()
    }

    /// Begins a call; `arguments` are where its arguments come from. Where its parameters come from.
    pub(super) fn enter(&mut self, func: &'m Func, arguments: &[Source]) -> Vec<Source> {
        let call = self.calls.len();
        self.calls.push(Call {
            func,
            parameters: self.parameters.len(),
            reached: HashMap::new(),
            watched: func.params.iter().any(|p| p.noalias),
        });
        let params = func.params.iter().zip(arguments).enumerate();
        let sources = params.map(|(index, (param, argument))| {
            self.parameters.push(Parameter {
                call,
                index,
                noalias: param.noalias,
                argument: *argument,
            });
            Source(self.parameters.len() as u32)
        });
        sources.collect()
    }

    /// Where a pointer that the innermost call returns comes from in its caller.
    pub(super) fn outside(&self, source: Source) -> Source {
        let index = (source.0 as usize).checked_sub(1);
        match index.and_then(|index| self.parameters.get(index)) {
            Some(param) if param.call + 1 == self.calls.len() => param.argument,
            _ => source,
        }
    }

    /// Ends the innermost call.
    pub(super) fn leave(&mut self) {
        if let Some(call) = self.calls.pop() {
            self.parameters.truncate(call.parameters);
        }
    }

    /// Takes an access in, for every call in progress.
    pub(super) fn access(
        &mut self,
        mut source: Source,
        addr: u32,
        bytes: u32,
        written: bool,
    ) -> Result<(), Breach<'m>> {
        for (depth, call) in self.calls.iter_mut().enumerate().rev() {
            let parameters = &self.parameters;
            let parameter = |source: Source| parameters.get((source.0 as usize).checked_sub(1)?);
            // A pointer of an inner call that none of this call's parameters led to.
            let own = parameter(source).filter(|param| param.call == depth);
            let through = own.map_or(Source::OTHER, |_| source);
            let promise = |source| parameter(source).filter(|p| p.noalias).map(|p| p.index);
            let words = (addr & !3..addr.saturating_add(bytes)).step_by(4);
            for addr in words.filter(|_| call.watched) {
                let word = call.reached.entry(addr).or_insert(Reached {
                    through,
                    written,
                    shared: None,
                });
                word.written |= written;
                if word.through != through {
                    let shared = promise(through).or_else(|| promise(word.through));
                    word.shared = word.shared.or(shared);
                }
                if let (true, Some(param)) = (word.written, word.shared) {
                    let func = call.func;
                    return Err(Breach { func, param, addr });
                }
            }
            if let Some(own) = own {
                source = own.argument;
            }
        }
        Ok(())
    }
}
