//! Large pages under buffers that are larger than a cache.

/// Bytes from which a buffer is likely to be fresh from the system.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// Asks the system to back a large empty buffer, not written yet, with large pages; nothing changes where it will not.
///
/// The first write to each page of 4 KiB costs 1 to 4 µs, as much as transforming its 128 values; and strided rounds and
/// tables that are read in random order touch so many pages that translations run out.
#[cfg(target_os = "linux")]
pub(crate) fn ask_for_large<T>(buffer: &mut Vec<T>) {
    let bytes = buffer.capacity() * size_of::<T>();
    if bytes < LARGE {
        return;
    }
    // SAFETY: asks the system for its page size.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let Ok(page) = usize::try_from(page) else { return };
    let start = buffer.as_mut_ptr().cast::<u8>();
    // Whole pages inside the buffer.
    let skipped = start.align_offset(page.max(1));
    if skipped < bytes {
        // SAFETY: the range is inside an allocation of our own; the advice changes no contents. An error says that the
        // system has no such pages, and then it has given ordinary ones.
        unsafe { libc::madvise(start.add(skipped).cast(), (bytes - skipped) & !(page - 1), libc::MADV_HUGEPAGE) };
    }
}

/// No such request on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask_for_large<T>(_buffer: &mut Vec<T>) {}
