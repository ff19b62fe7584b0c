//! An allocator for instances that live for one invocation.
//!
//! It hands out memory from a static arena by moving a mark and gives nothing back but what lies at the mark. The arena is large enough for
//! a typical invocation, which so never grows the memory: growing is a system call for the host.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::memory_grow;
use core::cell::{Cell, UnsafeCell};
use core::ptr::null_mut;

const ARENA: usize = 256 * 1024;
const WASM_PAGE: usize = 64 * 1024;
/// How much memory to ask for at least when the arena is used up.
const GROWTH: usize = 16 * WASM_PAGE;

#[repr(C, align(16))]
struct Arena(UnsafeCell<[u8; ARENA]>);

// SAFETY: this target has one thread.
unsafe impl Sync for Arena {}

static ARENA_MEMORY: Arena = Arena(UnsafeCell::new([0; ARENA]));

/// Memory between `mark` and `end` is free; both are 0 before the first allocation.
struct Bump {
    mark: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: this target has one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump {
    mark: Cell::new(0),
    end: Cell::new(0),
};

impl Bump {
    /// Makes room for `size` bytes behind the mark, or behind a new one; false when the host grants no more.
    #[cold]
    fn extend(&self, size: usize) -> bool {
        if self.end.get() == 0 {
            let start = ARENA_MEMORY.0.get() as usize;
            self.mark.set(start);
            self.end.set(start + ARENA);
            if size <= ARENA {
                return true;
            }
        }
        let Some(wanted) = size.checked_next_multiple_of(WASM_PAGE) else {
            return false;
        };
        let mut bytes = wanted.max(GROWTH);
        let mut previous = memory_grow(0, bytes / WASM_PAGE);
        if previous == usize::MAX && bytes > wanted {
            bytes = wanted;
            previous = memory_grow(0, bytes / WASM_PAGE);
        }
        if previous == usize::MAX {
            return false;
        }
        let start = previous * WASM_PAGE;
        if start != self.end.get() {
            self.mark.set(start);
        }
        // The last byte of a 4 GiB memory stays unused: its end has no address.
        self.end.set(start.saturating_add(bytes));
        true
    }
}

// SAFETY: every block lies between what was the mark and what became the mark, inside memory that nothing else uses.
unsafe impl GlobalAlloc for Bump {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        for _ in 0..2 {
            let start = self.mark.get().wrapping_add(layout.align() - 1) & !(layout.align() - 1);
            let end = start.wrapping_add(layout.size());
            if end <= self.end.get() && end >= start && start != 0 {
                self.mark.set(end);
                return start as *mut u8;
            }
            if !self.extend(layout.size().saturating_add(layout.align())) {
                break;
            }
        }
        null_mut()
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let start = pointer as usize;
        if start + layout.size() == self.mark.get() {
            self.mark.set(start);
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = pointer as usize;
        if start + layout.size() == self.mark.get() {
            let end = start.wrapping_add(size);
            if end <= self.end.get() && end >= start {
                self.mark.set(end);
                return pointer;
            }
        } else if size <= layout.size() {
            return pointer;
        }
        // SAFETY: the caller promises that `size` and the alignment make a layout.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks are at least that long, and the new one lies behind the old one.
            unsafe { core::ptr::copy_nonoverlapping(pointer, moved, layout.size().min(size)) };
        }
        moved
    }
}
