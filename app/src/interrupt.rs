//! Ctrl-C: the first asks for a clean end, the second ends at once.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;

static ASKED: AtomicBool = AtomicBool::new(false);
static INSTALL: Once = Once::new();

/// Listens for interrupts and termination from now on.
pub fn listen() {
    INSTALL.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            if ASKED.swap(true, Ordering::SeqCst) {
                std::process::exit(Exit::Interrupted as i32);
            }
        });
        if let Err(error) = installed {
            eprintln!("warning: interrupts end the program at once: {error}");
        }
    });
}

/// Whether the user has asked for the end.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
