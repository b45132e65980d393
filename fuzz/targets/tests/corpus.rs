//! The inputs in the tree, once through their targets: whole, and cut in half.

use std::path::Path;

#[test]
fn every_input_of_the_corpus_ends() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (name, target) in fuzz::TARGETS {
        let files = std::fs::read_dir(corpus.join(name)).expect("a folder of inputs");
        let mut count = 0;
        for file in files {
            let path = file.expect("can be listed").path();
            println!("{}", path.display());
            let bytes = std::fs::read(&path).expect("can be read");
            target(&bytes);
            target(&bytes[..bytes.len() / 2]);
            count += 1;
        }
        assert!(count > 0, "{name} has no inputs");
    }
}
