//! Where the bytes come from: a seekable file or a stream.

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::io::{MediaSource, ReadOnlySource};

use super::AudioError;
use super::wav_layout::WavLayout;

/// Bytes looked at before the decoder sees them: enough for the chunks that precede a WAV's data.
const HEAD: usize = 64 * 1024;

/// Bytes ready for the decoder, and what their beginning tells.
pub(super) struct Source {
    pub(super) media: Box<dyn MediaSource>,
    pub(super) wav: Option<WavLayout>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, AudioError> {
        let name = path.display().to_string();
        let open_error = |source| AudioError::Open {
            name: name.clone(),
            source,
        };
        let mut file = File::open(path).map_err(open_error)?;
        let kind = file.metadata().map_err(open_error)?.file_type();
        if kind.is_dir() {
            return Err(AudioError::Directory { name });
        }
        if !kind.is_file() {
            return Self::from_stream(Box::new(file), &name);
        }
        let read_error = |source| AudioError::Read {
            name: name.clone(),
            source,
        };
        let head = read_head(&mut file).map_err(read_error)?;
        file.seek(SeekFrom::Start(0)).map_err(read_error)?;
        Self::new(Box::new(file), &head, &name)
    }

    pub(super) fn from_stream(
        mut stream: Box<dyn Read + Send + Sync>,
        name: &str,
    ) -> Result<Self, AudioError> {
        let read_error = |source| AudioError::Read {
            name: name.to_owned(),
            source,
        };
        let head = read_head(&mut stream).map_err(read_error)?;
        let whole = Cursor::new(head.clone()).chain(stream);
        let media: Box<dyn MediaSource> = if needs_seeking(&head) {
            Box::new(spool(whole).map_err(read_error)?)
        } else {
            Box::new(ReadOnlySource::new(whole))
        };
        Self::new(media, &head, name)
    }

    fn new(media: Box<dyn MediaSource>, head: &[u8], name: &str) -> Result<Self, AudioError> {
        if head.is_empty() {
            return Err(AudioError::Empty {
                name: name.to_owned(),
            });
        }
        Ok(Self {
            media,
            wav: WavLayout::find(head),
        })
    }
}

/// MP4 may carry its index behind the samples.
fn needs_seeking(head: &[u8]) -> bool {
    head.get(4..8) == Some(b"ftyp")
}

fn read_head(stream: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        match stream
            .take((HEAD - head.len()) as u64)
            .read_to_end(&mut head)
        {
            Ok(_) => return Ok(head),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn spool(mut stream: impl Read) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    std::io::copy(&mut stream, &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
