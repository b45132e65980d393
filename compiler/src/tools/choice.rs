//! Which tool does which step.

use std::fmt::{self, Display, Formatter};

use super::error::ToolError;
use super::find::Tool;

/// Who compiles the cores' programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Cores {
    /// The same as builtin
    Auto,
    /// The back end of this compiler
    #[default]
    Builtin,
    /// opt, llc, clang and ld.lld of Peano
    Peano,
}

/// Who places buffers and locks, finds routes and writes descriptors and instruction streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Array {
    /// The same as builtin
    Auto,
    /// The lowering of this compiler
    #[default]
    Builtin,
    /// The passes of aie-opt, written out by aie-translate
    AieOpt,
    /// The driver of mlir-aie, cores included
    Aiecc,
}

/// Who makes the PDI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Pdi {
    /// The same as builtin
    Auto,
    /// This compiler
    #[default]
    Builtin,
    /// Xilinx's bootgen
    Bootgen,
}

/// Who makes the XCLBIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Xclbin {
    /// The same as builtin
    Auto,
    /// This compiler
    #[default]
    Builtin,
    /// XRT's xclbinutil
    Xclbinutil,
}

/// A choice for every step; the built-in way is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Core programs.
    pub cores: Cores,
    /// Configuration and instruction streams.
    pub array: Array,
    /// PDI.
    pub pdi: Pdi,
    /// XCLBIN.
    pub xclbin: Xclbin,
}

impl Choices {
    /// The same with the built-in way in place of `auto`, if the choices go together.
    ///
    /// # Errors
    /// [`ToolError::Mix`] where one step cannot use what another makes.
    pub fn resolve(mut self) -> Result<Self, ToolError> {
        if self.cores == Cores::Auto {
            self.cores = Cores::Builtin;
        }
        if self.array == Array::Auto {
            self.array = Array::Builtin;
        }
        if self.pdi == Pdi::Auto {
            self.pdi = Pdi::Builtin;
        }
        if self.xclbin == Xclbin::Auto {
            self.xclbin = Xclbin::Builtin;
        }
        if (self.cores, self.array) == (Cores::Builtin, Array::Aiecc) {
            return Err(ToolError::Mix {
                choices: "--cores builtin with --array aiecc",
                reason: "aiecc gives buffers their addresses and compiles the cores in one run: there is no moment at which the built-in back end could learn the addresses",
                help: "--array aie-opt places buffers first and takes the built-in back end's programs; or let Peano compile the cores with --cores peano",
            });
        }
        Ok(self)
    }

    /// The tools that these choices run, in order.
    pub fn tools(&self) -> Vec<Tool> {
        let mut tools = Vec::new();
        if self.array != Array::Builtin || self.cores == Cores::Peano {
            tools.push(Tool::NpucMlir);
        }
        match self.array {
            Array::AieOpt => tools.extend([Tool::AieOpt, Tool::AieTranslate]),
            Array::Aiecc => tools.push(Tool::Aiecc),
            Array::Auto | Array::Builtin => {}
        }
        if self.cores == Cores::Peano {
            tools.extend([Tool::Opt, Tool::Llc, Tool::Clang, Tool::Lld]);
        }
        if self.pdi == Pdi::Bootgen {
            tools.push(Tool::Bootgen);
        }
        if self.xclbin == Xclbin::Xclbinutil {
            tools.push(Tool::Xclbinutil);
        }
        tools
    }
}

impl Display for Choices {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Choices {
            cores,
            array,
            pdi,
            xclbin,
        } = self;
        write!(
            f,
            "cores {}, array {}, pdi {}, xclbin {}",
            word(cores),
            word(array),
            word(pdi),
            word(xclbin)
        )
    }
}

/// The word of a choice on the command line.
fn word(choice: &impl clap::ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_builtin() {
        let auto = Choices {
            cores: Cores::Auto,
            array: Array::Auto,
            pdi: Pdi::Auto,
            xclbin: Xclbin::Auto,
        };
        let resolved = auto.resolve().expect("they go together");
        assert_eq!(resolved, Choices::default());
        assert_eq!(resolved.tools(), []);
        assert_eq!(
            resolved.to_string(),
            "cores builtin, array builtin, pdi builtin, xclbin builtin"
        );
    }

    #[test]
    fn aiecc_with_builtin_cores_is_refused() {
        let mix = Choices {
            array: Array::Aiecc,
            ..Choices::default()
        };
        let error = mix.resolve().expect_err("refused").to_string();
        assert!(
            error.contains("--cores builtin with --array aiecc"),
            "{error}"
        );
        assert!(error.contains("help: --array aie-opt"), "{error}");
    }
}
