//! Memory for large content, in large pages.
//!
//! The system gives memory page by page, when it is first written. For the tens of megabytes of a
//! large tree, pages of 4 KiB take as long as reading the content; Linux has pages of 2 MiB for
//! mappings that ask for them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use memmap2::MmapMut;

/// A large page.
const PAGE: usize = 2 << 20;

/// A buffer of a fixed capacity, which is filled from its start.
#[derive(Debug)]
pub struct Pages {
    map: MmapMut,
    capacity: usize,
    length: usize,
}

impl Pages {
    /// An empty buffer for this many bytes; `None` if they do not fill a large page, or the system
    /// has no such pages or no such memory: the usual memory then does.
    pub fn new(capacity: usize) -> Option<Self> {
        if !cfg!(target_os = "linux") || capacity < PAGE {
            return None;
        }
        // Linux places a mapping at the start of a large page if it consists of whole ones.
        let map = MmapMut::map_anon(capacity.checked_next_multiple_of(PAGE)?).ok()?;
        // A kernel without large pages refuses, and the mapping is as good as any other.
        #[cfg(target_os = "linux")]
        drop(map.advise(memmap2::Advice::HugePage));
        // So the allocator keeps as much memory as if the buffer had come from it: glibc returns
        // freed memory to the system beyond twice the largest block that it has seen freed, up to
        // 32 MiB. Otherwise it would return the smaller blocks of every read, and each page of them
        // would be cleared again for the next. It does not matter if it refuses.
        let _ = super::is_there(capacity);
        Some(Self {
            map,
            capacity,
            length: 0,
        })
    }

    /// What is not filled yet.
    pub fn rest(&mut self) -> &mut [u8] {
        let rest = self.map.get_mut(self.length..self.capacity);
        rest.unwrap_or_default()
    }

    /// Counts bytes as filled that were written at the start of [`Pages::rest`].
    pub fn advance(&mut self, written: usize) {
        self.length = self.length.saturating_add(written).min(self.capacity);
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        self.map.get(..self.length).unwrap_or_default()
    }
}

impl From<Pages> for Bytes {
    fn from(pages: Pages) -> Self {
        Self::from_owner(pages)
    }
}

/// Pages for one content after another: those of one that was dropped serve the next, so that they
/// are not cleared again.
#[derive(Debug, Default)]
pub struct Spare(OnceLock<Home>);

/// Where pages come back to.
type Home = Arc<Mutex<Option<Pages>>>;

impl Spare {
    /// As [`Pages::new`].
    pub fn pages(&self, capacity: usize) -> Option<Pages> {
        if capacity < PAGE {
            return None;
        }
        let spare = self.0.get().and_then(|home| exchange(home, None));
        match spare.filter(|spare| capacity <= spare.map.len()) {
            Some(spare) => Some(Pages {
                capacity,
                length: 0,
                ..spare
            }),
            None => Pages::new(capacity),
        }
    }

    /// The content of pages that come back when it is dropped.
    pub fn lend(&self, pages: Pages) -> Bytes {
        Bytes::from_owner(Lent {
            pages: Some(pages),
            home: Arc::clone(self.0.get_or_init(Home::default)),
        })
    }
}

/// Pages that come back.
struct Lent {
    pages: Option<Pages>,
    home: Home,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.pages.as_ref().map(Pages::as_ref).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let back = self.pages.take();
        exchange(&self.home, back);
    }
}

/// Puts pages, or none, where those were that are returned.
fn exchange(home: &Home, pages: Option<Pages>) -> Option<Pages> {
    // Nothing panics under the lock.
    let mut held = home.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut held, pages)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there() {
        let mut pages = Pages::new(PAGE + 5).unwrap();
        assert_eq!(pages.rest().len(), PAGE + 5);
        pages.rest()[..3].copy_from_slice(b"abc");
        pages.advance(3);
        let rest = pages.rest();
        assert_eq!(rest.len(), PAGE + 2);
        rest.fill(b'd');
        pages.advance(PAGE + 2);
        assert!(pages.rest().is_empty());
        let bytes = Bytes::from(pages);
        assert_eq!(bytes.len(), PAGE + 5);
        assert!(bytes.starts_with(b"abcd") && bytes.ends_with(b"d"));
    }

    #[test]
    fn no_more_is_filled_than_was_asked_for() {
        let mut pages = Pages::new(PAGE).unwrap();
        pages.advance(usize::MAX);
        assert_eq!(pages.as_ref().len(), PAGE);
    }

    #[test]
    fn what_is_dropped_is_used_again() {
        let spare = Spare::default();
        let lent = |capacity, byte| {
            let mut pages = spare.pages(capacity).unwrap();
            assert_eq!(pages.rest().len(), capacity);
            pages.rest().fill(byte);
            pages.advance(capacity);
            spare.lend(pages)
        };
        let first = lent(PAGE * 2, b'a');
        let place = first.as_ptr();
        drop(first);
        let second = lent(PAGE + 1, b'b');
        assert_eq!(second.as_ptr(), place);
        assert!(second.len() == PAGE + 1 && second.iter().all(|byte| *byte == b'b'));
        // It is held, so the next has pages of its own; so has a larger one.
        let third = lent(PAGE, b'c');
        assert_ne!(third.as_ptr(), place);
        drop(second);
        assert_eq!(lent(PAGE * 3, b'd').len(), PAGE * 3);
        assert!(third.iter().all(|byte| *byte == b'c'));
        assert!(spare.pages(PAGE - 1).is_none());
        // What is too small for pages leaves them to the next.
        let last = lent(PAGE, b'e');
        let place = last.as_ptr();
        drop(last);
        assert!(spare.pages(9).is_none());
        assert_eq!(lent(PAGE, b'f').as_ptr(), place);
    }

    #[test]
    fn little_and_too_much_has_no_pages() {
        assert!(Pages::new(PAGE - 1).is_none());
        assert!(Pages::new(usize::MAX).is_none());
        assert!(Pages::new(usize::MAX / 4).is_none());
    }
}
