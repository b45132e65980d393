//! The runtime for C and what speaks C; `include/amanuensis_runtime.h` says what each function does.
//!
//! Failures set a text for the calling thread. A panic inside ends the process rather than run on
//! through C, as `extern "C"` functions do.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt::Display;

use runtime::{Argument, Buffer, Device, InstructionStream, Overlay};

thread_local! {
    static ERROR: RefCell<CString> = RefCell::default();
}

/// Remembers a failure for [`amn_error`]; 0 when there is none.
fn status<E: Display>(result: Result<(), E>) -> c_int {
    let Err(e) = result else { return 0 };
    // A text with a zero byte inside ends there for C.
    let text: Vec<u8> = e.to_string().bytes().take_while(|b| *b != 0).collect();
    ERROR.with(|error| *error.borrow_mut() = CString::new(text).unwrap_or_default());
    1
}

const NULL: &str = "a null pointer was passed\nhelp: only what the header names may be null";

/// What a pointer of the caller points to.
///
/// # Safety
/// The pointer is null, or from this library and not freed.
unsafe fn borrowed<'a, T>(pointer: *const T) -> Result<&'a T, String> {
    // SAFETY: the caller's.
    unsafe { pointer.as_ref() }.ok_or_else(|| NULL.to_owned())
}

/// Bytes of the caller.
///
/// # Safety
/// The pointer is null, or valid for `size` bytes for as long as the result is used.
unsafe fn slice<'a>(bytes: *const u8, size: usize) -> Result<&'a [u8], String> {
    match (bytes.is_null(), size) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(NULL.to_owned()),
        // SAFETY: the caller's.
        (false, size) => Ok(unsafe { std::slice::from_raw_parts(bytes, size) }),
    }
}

/// Hands something to the caller.
///
/// # Safety
/// The pointer is null, or valid for writing.
unsafe fn hand_over<T>(value: Result<T, String>, out: *mut *mut T) -> c_int {
    status(value.and_then(|value| {
        if out.is_null() {
            return Err(NULL.to_owned());
        }
        // SAFETY: the caller's.
        unsafe { out.write(Box::into_raw(Box::new(value))) };
        Ok(())
    }))
}

/// Takes something back from the caller.
///
/// # Safety
/// The pointer is null, or from this library and not freed.
unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the caller's; `hand_over` made it from a box.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn amn_error() -> *const c_char {
    ERROR.with(|error| error.borrow().as_ptr())
}

/// See the header.
///
/// # Safety
/// `name` is a string of C or null; `device` may be written to, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_device_open(name: *const c_char, device: *mut *mut Device) -> c_int {
    let opened = match name.is_null() {
        true => Err(NULL.to_owned()),
        // SAFETY: the caller's.
        false => Ok(unsafe { CStr::from_ptr(name) }.to_string_lossy()),
    };
    let opened = opened.and_then(|name| Device::open(&name).map_err(|e| e.to_string()));
    // SAFETY: the caller's.
    unsafe { hand_over(opened, device) }
}

/// See the header.
///
/// # Safety
/// `device` is from [`amn_device_open`], or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_device_name(device: *const Device) -> *const c_char {
    // SAFETY: the caller's.
    let name = match unsafe { borrowed(device) }.map(Device::name) {
        Ok("npu") => c"npu",
        Ok("emulator") => c"emulator",
        Ok(_) => c"cpu",
        Err(_) => c"",
    };
    name.as_ptr()
}

/// See the header.
///
/// # Safety
/// `device` is from [`amn_device_open`], or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_device_free(device: *mut Device) {
    // SAFETY: the caller's.
    unsafe { free(device) }
}

/// See the header.
///
/// # Safety
/// `device` is from [`amn_device_open`] or null, `xclbin` valid for `size` bytes or null, `overlay` may
/// be written to or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_overlay_load(
    device: *const Device,
    xclbin: *const u8,
    size: usize,
    overlay: *mut *mut Overlay,
) -> c_int {
    // SAFETY: the caller's.
    let loaded = unsafe { borrowed(device) }.and_then(|device| {
        // SAFETY: the caller's.
        let xclbin = unsafe { slice(xclbin, size) }?;
        Overlay::load(device, xclbin).map_err(|e| e.to_string())
    });
    // SAFETY: the caller's.
    unsafe { hand_over(loaded, overlay) }
}

/// See the header.
///
/// # Safety
/// `overlay` is from [`amn_overlay_load`], or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_overlay_free(overlay: *mut Overlay) {
    // SAFETY: the caller's.
    unsafe { free(overlay) }
}

/// See the header.
///
/// # Safety
/// `bytes` is valid for `size` bytes or null, `stream` may be written to or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_stream_parse(
    bytes: *const u8,
    size: usize,
    stream: *mut *mut InstructionStream,
) -> c_int {
    // SAFETY: the caller's.
    let parsed = unsafe { slice(bytes, size) }
        .and_then(|bytes| InstructionStream::parse(bytes).map_err(|e| e.to_string()));
    // SAFETY: the caller's.
    unsafe { hand_over(parsed, stream) }
}

/// See the header.
///
/// # Safety
/// `stream` is from [`amn_stream_parse`], or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_stream_free(stream: *mut InstructionStream) {
    // SAFETY: the caller's.
    unsafe { free(stream) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn amn_buffer_new(size: usize) -> *mut Buffer<u8> {
    match size {
        0 => std::ptr::null_mut(),
        size => Box::into_raw(Box::new(Buffer::zeroed(size))),
    }
}

/// See the header.
///
/// # Safety
/// `buffer` is from [`amn_buffer_new`] or null, `bytes` valid for `size` bytes or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_buffer_write(
    buffer: *const Buffer<u8>,
    bytes: *const u8,
    size: usize,
) -> c_int {
    // SAFETY: the caller's.
    status(unsafe { borrowed(buffer) }.and_then(|buffer| {
        // SAFETY: the caller's.
        let bytes = unsafe { slice(bytes, size) }?;
        buffer.write(bytes).map_err(|e| e.to_string())
    }))
}

/// See the header.
///
/// # Safety
/// `buffer` is from [`amn_buffer_new`] or null, `bytes` may be written to for `size` bytes or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_buffer_read(
    buffer: *const Buffer<u8>,
    bytes: *mut u8,
    size: usize,
) -> c_int {
    // SAFETY: the caller's.
    status(unsafe { borrowed(buffer) }.and_then(|buffer| {
        if bytes.is_null() {
            return Err(NULL.to_owned());
        }
        let copy = buffer.read().map_err(|e| e.to_string())?;
        if copy.len() != size {
            let held = copy.len();
            return Err(format!(
                "{size} bytes do not fit a buffer of {held}\nhelp: pass the buffer's own size"
            ));
        }
        // SAFETY: the caller's; the memory may be uninitialised, so no slice is made of it.
        unsafe { std::ptr::copy_nonoverlapping(copy.as_ptr(), bytes, size) };
        Ok(())
    }))
}

/// See the header.
///
/// # Safety
/// `buffer` is from [`amn_buffer_new`], or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_buffer_free(buffer: *mut Buffer<u8>) {
    // SAFETY: the caller's.
    unsafe { free(buffer) }
}

/// See the header.
///
/// # Safety
/// `overlay` and `stream` are from this library or null, `buffers` is valid for `count` pointers, each
/// from [`amn_buffer_new`] or null, `cycles` may be written to or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amn_run(
    overlay: *const Overlay,
    stream: *const InstructionStream,
    buffers: *const *const Buffer<u8>,
    count: usize,
    cycles: *mut u64,
) -> c_int {
    let run = || -> Result<(), String> {
        // SAFETY: the caller's.
        let (overlay, stream) = unsafe { (borrowed(overlay)?, borrowed(stream)?) };
        if buffers.is_null() && count > 0 {
            return Err(NULL.to_owned());
        }
        let mut arguments: Vec<&dyn Argument> = Vec::new();
        for at in 0..count {
            // SAFETY: the caller's.
            arguments.push(unsafe { borrowed(*buffers.add(at))? });
        }
        let run = overlay.submit(stream, &arguments);
        let report = run.and_then(|run| run.wait()).map_err(|e| e.to_string())?;
        if !cycles.is_null() {
            // SAFETY: the caller's.
            unsafe { cycles.write(report.cycles.unwrap_or(0)) };
        }
        Ok(())
    };
    status(run())
}
