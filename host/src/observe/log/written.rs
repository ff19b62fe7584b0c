//! What a test has had written to the log.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

/// Written lines; its clones share them.
#[derive(Clone, Default)]
pub(in crate::observe) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// All that was written so far.
    pub(in crate::observe) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
