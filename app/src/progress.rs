//! Progress on a terminal; nothing in pipes.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error, hidden where that is no terminal. It goes when dropped.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar that shows nothing.
    pub fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
        }
    }

    /// A download of `total` bytes, `present` of them here from before.
    pub fn bytes(name: &str, total: u64, present: u64) -> Self {
        let bar = Self::on_stderr(
            Some(total),
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        );
        bar.bar.set_message(name.to_owned());
        bar.bar.set_position(present);
        bar.bar.reset_eta();
        bar
    }

    /// Audio of a length in seconds, where it is known.
    pub fn audio(name: &str, seconds: Option<f64>) -> Self {
        let template = if seconds.is_some() {
            "{msg} {wide_bar} {pos}/{len} s {eta}"
        } else {
            "{msg} {spinner} {pos} s {elapsed}"
        };
        let bar = Self::on_stderr(seconds.map(|s| s.ceil() as u64), template);
        bar.bar.set_message(name.to_owned());
        bar
    }

    fn on_stderr(length: Option<u64>, template: &str) -> Self {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::new_spinner(),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Adds to the position.
    pub fn advance(&self, delta: u64) {
        self.bar.inc(delta);
    }

    /// Sets the position.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Prints something to the terminal without disturbing the bar.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
