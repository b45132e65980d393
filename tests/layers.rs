//! Which crate may depend on which, as ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Dependencies in normal builds (dev and build dependencies left out), by package name.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn of_workspace() -> Self {
        // Crates for other systems need not have been downloaded.
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--locked"])
            .args(["--filter-platform", &platform])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {text}");
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
        let names: BTreeMap<&str, &str> = metadata["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .map(|p| {
                (
                    p["id"].as_str().expect("id"),
                    p["name"].as_str().expect("name"),
                )
            })
            .collect();
        let mut graph = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
            let normal = |dep: &&Value| {
                let kinds = dep["dep_kinds"].as_array().expect("kinds");
                kinds.iter().any(|kind| kind["kind"].is_null())
            };
            let deps = node["deps"].as_array().expect("deps").iter().filter(normal);
            let deps = deps
                .map(|d| names[d["pkg"].as_str().expect("pkg")].to_owned())
                .collect();
            graph.insert(names[node["id"].as_str().expect("id")].to_owned(), deps);
        }
        Graph(graph)
    }

    /// Everything that `package` is built from.
    fn reach(&self, package: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![package.to_owned()];
        while let Some(next) = open.pop() {
            for dep in self.0.get(&next).into_iter().flatten() {
                if reached.insert(dep.clone()) {
                    open.push(dep.clone());
                }
            }
        }
        reached
    }

    /// The crates of this workspace that `package` is built from.
    fn own(&self, package: &str) -> Vec<String> {
        let own = |p: &String| p.starts_with("npuc") || p == "xtask" || p.starts_with("amanuensis");
        self.reach(package).into_iter().filter(own).collect()
    }
}

#[test]
fn crates_depend_downwards_only() {
    let graph = Graph::of_workspace();
    assert_eq!(graph.0["amanuensis-arch"], BTreeSet::new());
    assert_eq!(graph.own("amanuensis-formats"), ["amanuensis-arch"]);
    assert_eq!(
        graph.own("amanuensis-emulator"),
        ["amanuensis-arch", "amanuensis-formats"]
    );
    assert_eq!(graph.own("npuc-kernel"), ["amanuensis-arch"]);
    for stage in ["npuc-aie2", "npuc-array"] {
        assert_eq!(
            graph.own(stage),
            ["amanuensis-arch", "amanuensis-formats", "npuc-kernel"]
        );
    }
    for product in ["amanuensis-runtime", "amanuensis"] {
        assert!(
            !graph.own(product).iter().any(|c| c.starts_with("npuc")),
            "{product} links the compiler"
        );
    }
}

/// What `cargo tree -p amanuensis-runtime` counts: the runtime has to stay thin.
#[test]
fn the_runtime_stays_below_40_crates() {
    let crates = 1 + Graph::of_workspace().reach("amanuensis-runtime").len();
    println!("amanuensis-runtime is made from {crates} crates");
    assert!(crates < 40, "{crates}");
}

#[test]
fn the_product_links_no_llvm_and_no_python() {
    let graph = Graph::of_workspace();
    for package in graph.reach("amanuensis") {
        for foreign in ["llvm", "mlir", "melior", "inkwell", "pyo3"] {
            assert!(
                !package.contains(foreign),
                "amanuensis depends on {package}"
            );
        }
    }
}

#[test]
fn only_the_crate_for_it_links_llvm() {
    let graph = Graph::of_workspace();
    let links = |package: &str| {
        graph
            .reach(package)
            .iter()
            .any(|p| p == "llvm-sys" || p == "mlir-sys")
    };
    assert!(links("npuc-mlir"));
    for package in ["npuc", "xtask", "amanuensis-tests", "amanuensis-examples"] {
        assert!(!links(package), "{package} links LLVM");
    }
}
