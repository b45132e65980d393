//! Kernel IR to machine instructions on values.

use npuc::aie2::select::lower;
use npuc::kernel::data::{STACK, addresses};
use npuc::kernel::read::load;

use super::{Note, run_folder};

#[test]
fn select() {
    run_folder("select", |text| {
        let module = load(text).map_err(|e| e.to_string())?;
        let constants = addresses(&module, &[STACK]).map_err(|e| e.to_string())?;
        let funcs = module.funcs.iter().map(|func| {
            let selected = lower(func, &constants).map_err(|e| e.to_string())?;
            Ok(Note::at_end(selected))
        });
        funcs.collect()
    });
}
