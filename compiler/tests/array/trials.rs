//! Overlays of the standard manifest and of others, each in its first sequence, against what must come out.

use std::fs;

use npuc::build::cache::Key;
use npuc::build::files;
use npuc::overlays::manifest::parse;
use npuc::overlays::trial::{self, Trial};
use npuc::overlays::{self, Overlay, standard};

fn trial(overlay: &Overlay) -> Result<Option<Trial>, String> {
    let source = overlay.source().map_err(|e| e.to_string())?;
    let built = files::build(&overlay.name, &source, &Key::new(["trial"]), &|_| ());
    trial::run(overlay, &source, &built.map_err(|e| e.to_string())?)
}

#[test]
fn overlays_give_what_must_come_out() {
    let mut tried = Vec::new();
    for overlay in standard().expect("described") {
        let name = overlay.name.clone();
        if let Some(trial) = trial(&overlay).unwrap_or_else(|e| panic!("{name}: {e}")) {
            println!("{name}: {trial}");
            assert!(trial.elements > 0, "{name}");
            if let Some(distance) = trial.distance {
                assert!(distance.max <= 3.0, "{name}: {distance:?}");
            }
            tried.push(name);
        }
    }
    assert!(tried.contains(&"softmax_rows".to_owned()), "{tried:?}");
    assert!(tried.contains(&"gemm_bf16".to_owned()), "{tried:?}");
}

#[test]
fn a_file_of_kernel_ir_works_in_as_much_memory_as_its_manifest_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = overlays::find("softmax_rows").expect("known").source();
    let text = source.expect("described").kernels.to_string();
    fs::write(folder.path().join("softmax.kir"), &text).expect("written");
    let mine = |work: &str| {
        let manifest = format!(
            "[[overlay]]\nname = \"mine\"\nabout = \"rows\"\n[overlay.design.rows]\n\
             kernel.file = {{ path = \"softmax.kir\", elem = \"bf16\"{work} }}\n\
             columns = 1536\nat_once = 2\nrows = [32]\n"
        );
        parse(&manifest, folder.path()).expect("parses").remove(0)
    };
    let work = npuc::kernels::softmax::work(2, 1536);
    let with = |work: u32| trial(&mine(&format!(", work = {work}")));
    let ran = with(work).expect("runs");
    assert!(ran.is_some());
    let message = with(work - 32).expect_err("too little");
    assert!(message.contains("no region holds"), "{message}");
    for work in ["0", "4294967295"] {
        let source = mine(&format!(", work = {work}")).source();
        let message = source.expect_err("refused").to_string();
        assert!(
            message.contains("work") && message.contains("help:"),
            "{message}"
        );
    }
}

/// Kernel IR as text makes an overlay, and an edit of it shows.
#[test]
fn a_file_of_kernel_ir_makes_an_overlay() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = overlays::find("scale_rows").expect("known").source();
    let text = case.expect("described").kernels.to_string();
    fs::write(folder.path().join("scale.kir"), &text).expect("written");
    let manifest = "[[overlay]]\nname = \"mine\"\nabout = \"rows\"\n\
        design.rows = { kernel.file = { path = \"scale.kir\", elem = \"i16\" }, columns = 512, rows = [16] }\n";
    let mine = &parse(manifest, folder.path()).expect("parses")[0];
    let ran = trial(mine).expect("runs").expect("has a reference");
    assert_eq!((ran.elements, ran.distance), (16 * 512, None));

    let refuse = |text: &str| {
        fs::write(folder.path().join("scale.kir"), text).expect("written");
        let message = trial(mine).expect_err("refused");
        message.replace(&folder.path().display().to_string(), "FOLDER")
    };
    insta::assert_snapshot!(
        [
            refuse("kernel @f(%n: i32, %p: ptr) {\n}\n"),
            refuse("kernel @f(%x: ptr, %y: ptr) {\n  %v = loud i16x32 %x\n}\n"),
            refuse(""),
        ]
        .join("\n\n")
    );
    for (columns, rows) in [(u32::MAX, 16), (1024, u32::MAX - 15)] {
        let large = manifest.replace("512", &columns.to_string());
        let large = large.replace("[16]", &format!("[{rows}]"));
        let large = &parse(&large, folder.path()).expect("parses")[0];
        fs::write(folder.path().join("scale.kir"), &text).expect("written");
        let message = large.source().expect_err("refused").to_string();
        assert!(message.contains("help:"), "{message}");
    }
    fs::remove_file(folder.path().join("scale.kir")).expect("removed");
    let message = mine.source().expect_err("refused").to_string();
    assert!(message.contains("scale.kir: No such file"), "{message}");
}
