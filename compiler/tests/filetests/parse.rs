//! Text to kernel IR and back: the canonical text, or the error.

use npuc::kernel::read::read;

use super::{Note, run_folder};

#[test]
fn parse() {
    run_folder("parse", |text| {
        let (module, source) = match read(text) {
            Ok(found) => found,
            Err(e) => return Ok(vec![Note::error(e.at.line, e.at.col, &e.kind.to_string())]),
        };
        let printed = module.to_string();
        let (again, _) = read(&printed).map_err(|e| format!("{printed}does not read: {e}"))?;
        if again != module || again.to_string() != printed {
            return Err(format!("reads back as another module:\n{again}"));
        }
        if module.funcs.iter().any(|f| f.canonical() != *f) {
            return Err("what was read is not in canonical numbering".into());
        }
        for (func, source) in module.funcs.iter().zip(&source.funcs) {
            if source.insts.len() != func.body.inst_count() {
                return Err(format!(
                    "@{}: not every instruction has a position",
                    func.name
                ));
            }
        }
        Ok(vec![Note::at_end(printed)])
    });
}
