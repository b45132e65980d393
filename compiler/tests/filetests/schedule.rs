//! Kernel IR to a schedule with registers, which the checker proves.

use npuc::kernel::read::load;

use super::{Note, compiled, run_folder};

#[test]
fn schedule() {
    run_folder("schedule", |text| {
        let module = load(text).map_err(|e| e.to_string())?;
        let machine = compiled(&module)?;
        machine.prove().map_err(|e| e.to_string())?;
        let funcs = machine.program.funcs.iter();
        let funcs = funcs.filter(|func| module.func(&func.name).is_some());
        Ok(funcs.map(Note::at_end).collect())
    });
}
