//! Single requests: a file, whether one exists, a listing.

use std::future::Future;
use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::stream::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt};
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault, Subject};
use orbscan_core::memory;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Span, Want, not_found};

use crate::client::Client;
use crate::fault::{self, Outcome};
use crate::tree::{Child, Object, Reach, Tree};
use crate::url::Scheme;
use crate::warmth::Warmth;

/// The names on a page of a listing, as in most stores.
pub const PAGE: usize = 1_000;

/// A larger document is fetched in parts, concurrently.
const LARGE: u64 = 16 << 20;

/// The size of a part of a document or range; several of them are fetched concurrently.
pub const PART: u64 = 4 << 20;

/// The most entries of a directory: more are refused, because they do not fit into memory.
const MOST_ENTRIES: usize = 10_000_000;

const NSECS_PER_SEC: i128 = 1_000_000_000;

/// Files of a listing, and how far it reaches.
type Page = (Vec<(String, Object)>, Reach);

/// What was fetched, and what the answer said about the whole object.
#[derive(Clone, Debug)]
pub struct Got {
    /// The part that was wanted.
    pub bytes: Bytes,
    /// The object that it is a part of.
    pub object: Object,
}

impl Client {
    /// Fetches the wanted part of a file, whose size may be known from a listing.
    ///
    /// # Errors
    /// As [`orbscan_core::store::Store::fetch`].
    pub async fn file(&self, want: &Want, size: Option<u64>) -> Result<Got> {
        let fetched = match (want.span, size) {
            // An empty object has no ranges, and need not be requested.
            (_, Some(0)) => want.within(0).map(|_| Got {
                bytes: Bytes::new(),
                object: Object::default(),
            }),
            (Span::Whole, Some(size)) if size > LARGE => {
                want.within(size)?;
                self.in_parts(want, 0..size).await
            }
            (Span::Whole, _) => self.part(want, None).await,
            (Span::Range { offset, length }, _) => match offset.checked_add(length) {
                Some(end) if length > PART && size.is_some_and(|size| end <= size) => {
                    self.in_parts(want, offset..end).await
                }
                Some(end) if length > 0 => self.part(want, Some(offset..end)).await,
                _ => self.within_unknown(want).await,
            },
        };
        fetched.map_err(|error| error.in_file(&want.path))
    }

    /// Fetches a small file that may not exist; `None` if it does not, or does not arrive at the
    /// first attempt.
    pub async fn guess(&self, path: &StorePath, max_bytes: u64) -> Option<Got> {
        let key = self.key(path).ok()?;
        let _seat = self.gate.seat().await;
        let _busy = self.warmth.as_ref().map(Warmth::begin);
        let want = Want::whole(path.clone(), max_bytes);
        let asked = async {
            let found = self.store.get_opts(&key, GetOptions::default()).await;
            let found = found.ok()?;
            let object = object(&found.meta);
            want.within(object.size).ok()?;
            let bytes = found.bytes().await.ok()?;
            (bytes.len() as u64 == object.size).then_some(Got { bytes, object })
        };
        fault::once(asked).await.flatten()
    }

    /// A range of an existing file, in concurrent parts.
    async fn in_parts(&self, want: &Want, range: Range<u64>) -> Result<Got> {
        let length = range.end.saturating_sub(range.start);
        let mut whole = Vec::new();
        memory::reserve(&mut whole, usize::try_from(length).unwrap_or(usize::MAX))?;
        let begins = range
            .clone()
            .step_by(usize::try_from(PART).unwrap_or(usize::MAX));
        let parts = begins.map(|begin| {
            let end = begin.saturating_add(PART).min(range.end);
            let part = Want::range(want.path.clone(), begin, end.saturating_sub(begin));
            async move { self.part(&part, Some(begin..end)).await }
        });
        let parts = try_join_all(parts).await?;
        let first = parts.first().map(|part| part.object).unwrap_or_default();
        for part in parts {
            if first.differs(&part.object) {
                return Err(fault::told(StoreFault::Changed, "", self.scheme));
            }
            whole.extend_from_slice(&part.bytes);
        }
        Ok(Got {
            bytes: whole.into(),
            object: first,
        })
    }

    async fn part(&self, want: &Want, range: Option<Range<u64>>) -> Result<Got> {
        let key = self.key(&want.path)?;
        let seat = self.gate.seat().await;
        let asked = || async {
            let options = GetOptions {
                range: range.clone().map(GetRange::Bounded),
                ..GetOptions::default()
            };
            let found = self.store.get_opts(&key, options).await?;
            let object = object(&found.meta);
            // Nothing is read of a refused file.
            if let Err(refused) = want.within(object.size) {
                return Ok(Err(refused));
            }
            Ok(Ok((found.bytes().await?, object)))
        };
        let (answer, last): (object_store::Result<Result<(Bytes, Object)>>, _) =
            self.signed(asked).await;
        let (bytes, object) = match answer {
            Ok(answer) => answer?,
            Err(_) if last == Some(Outcome::Status(416)) => {
                drop(seat);
                return self.within_unknown(want).await;
            }
            Err(error) => return Err(fault::meaning(&error, last.as_ref(), self.scheme)),
        };
        drop(seat);
        let wanted = range.map_or(object.size, |range| range.end.saturating_sub(range.start));
        if bytes.len() as u64 != wanted {
            return Err(fault::told(
                StoreFault::Network,
                "the answer was cut off",
                self.scheme,
            ));
        }
        Ok(Got { bytes, object })
    }

    /// The answer to a want for which there is no request: an empty part, or one after the end.
    async fn within_unknown(&self, want: &Want) -> Result<Got> {
        let object = self.head(&want.path).await?;
        let object = object.ok_or_else(|| not_found(&want.path))?;
        want.within(object.size).map(|_| Got {
            bytes: Bytes::new(),
            object,
        })
    }

    /// The metadata of a file; `None` if there is none.
    ///
    /// # Errors
    /// `Store`.
    pub async fn head(&self, path: &StorePath) -> Result<Option<Object>> {
        let key = self.key(path)?;
        let _seat = self.gate.seat().await;
        let (answer, last) = self.signed(|| self.store.head(&key)).await;
        match answer {
            Ok(meta) => Ok(Some(object(&meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // A directory of a web server.
            Err(_) if self.scheme == Scheme::Http && last == Some(Outcome::Status(403)) => Ok(None),
            Err(error) => Err(fault::meaning(&error, last.as_ref(), self.scheme).in_file(path)),
        }
    }

    /// The first page of all files below a directory.
    ///
    /// # Errors
    /// `Store`; `Unsupported` if the store cannot list it.
    pub async fn tree(&self, place: &StorePath) -> Result<Tree> {
        self.can_list(place)?;
        let _seat = self.gate.seat().await;
        if let Some(hub) = &self.hub {
            return hub.tree(place).await.map_err(|error| error.in_file(place));
        }
        let (objects, reach) = self.page(place, None).await?;
        Ok(Tree::new(place.clone(), objects, reach))
    }

    /// The next page of a truncated listing; false if there is none, or the store does not continue
    /// where a listing ended.
    ///
    /// # Errors
    /// As [`Client::tree`].
    pub async fn next_page(&self, tree: &mut Tree) -> Result<bool> {
        let Some(last) = tree.last().map(str::to_owned) else {
            return Ok(false);
        };
        let _seat = self.gate.seat().await;
        let (objects, reach) = self.page(&tree.place, Some(&last)).await?;
        let goes_on = match &reach {
            Reach::UpTo(end) => *end > last,
            Reach::All => true,
            Reach::Asked(_) => false,
        };
        if goes_on {
            tree.add_page(objects, reach);
        }
        Ok(goes_on)
    }

    /// A page of all files below a directory, after one of them.
    async fn page(&self, place: &StorePath, after: Option<&str>) -> Result<Page> {
        let prefix = self.key(place)?;
        let prefix = (!place.as_str().is_empty()).then_some(&prefix);
        let after = after.map(|after| self.key(&place.join(after)?));
        let after = after.transpose()?;
        let page = || async {
            let mut objects: Vec<ObjectMeta> = Vec::new();
            let mut stream = match &after {
                Some(after) => self.store.list_with_offset(prefix, after),
                None => self.store.list(prefix),
            };
            while let Some(meta) = stream.try_next().await? {
                objects.push(meta);
                if objects.len() == PAGE {
                    break;
                }
            }
            Ok(objects)
        };
        let (listed, last) = self.signed(page).await;
        let objects: Vec<ObjectMeta> =
            listed.map_err(|error| self.unlisted(&error, last.as_ref(), place))?;
        let is_cut = objects.len() == PAGE;
        let below = objects.iter().filter_map(|meta| {
            let way = relative(place, meta.location.as_ref())?;
            Some((way.to_owned(), object(meta)))
        });
        let below: Vec<(String, Object)> = below.collect();
        let reach = match below.iter().map(|(name, _)| name).max() {
            Some(last) if is_cut => Reach::UpTo(last.clone()),
            _ => Reach::All,
        };
        Ok((below, reach))
    }

    /// The children of a directory.
    ///
    /// # Errors
    /// `NotFound` if there are none; otherwise as [`Client::tree`].
    pub async fn children(&self, place: &StorePath) -> Result<Vec<Child>> {
        self.can_list(place)?;
        let _seat = self.gate.seat().await;
        let entries = match &self.hub {
            Some(hub) => hub
                .children(place)
                .await
                .map_err(|error| error.in_file(place))?,
            None => self.listed(place).await?,
        };
        if entries.is_empty() {
            return Err(not_found(place));
        }
        Ok(entries)
    }

    async fn listed(&self, place: &StorePath) -> Result<Vec<Child>> {
        let prefix = self.key(place)?;
        let prefix = (!place.as_str().is_empty()).then_some(&prefix);
        let (listed, last) = self.signed(|| self.store.list_with_delimiter(prefix)).await;
        let listed = listed.map_err(|error| self.unlisted(&error, last.as_ref(), place))?;
        let mut entries = Vec::new();
        let mut push = |name: &str, object| {
            entries.push(Child {
                name: name.to_owned(),
                object,
            });
        };
        let directories: Vec<&str> = listed
            .common_prefixes
            .iter()
            .filter_map(|key| relative(place, key.as_ref()))
            .filter(|name| !name.is_empty())
            .collect();
        for name in &directories {
            push(name, None);
        }
        for meta in &listed.objects {
            let Some(name) = relative(place, meta.location.as_ref()) else {
                continue;
            };
            // The marker of a directory, which consoles and mounts leave.
            let is_mark = meta.size == 0 && directories.binary_search(&name).is_ok();
            if let Some(directory) = name.strip_suffix("_$folder$") {
                if !directories.contains(&directory) {
                    push(directory, None);
                }
            } else if !name.is_empty() && !is_mark {
                push(name, Some(object(meta)));
            }
        }
        if entries.len() > MOST_ENTRIES {
            let reason = format!("{} entries, the limit is {MOST_ENTRIES}", entries.len());
            return Err(Error::new(ErrorKind::Limit, reason).in_file(place));
        }
        Ok(entries)
    }

    /// Makes a request, and tells how the last attempt at it ended; once more if the store no longer takes
    /// what it was signed with, and the login can be asked again.
    async fn signed<T, R>(
        &self,
        request: impl Fn() -> R,
    ) -> (object_store::Result<T>, Option<Outcome>)
    where
        R: Future<Output = object_store::Result<T>>,
    {
        let _busy = self.warmth.as_ref().map(Warmth::begin);
        let given = self.standing.given();
        let (answer, last) = fault::watched(request()).await;
        match &answer {
            Err(error) if fault::is_of_signature(error, last.as_ref()) => {
                if self.standing.refuses(given) {
                    return fault::watched(request()).await;
                }
            }
            _ => self.standing.takes(given),
        }
        (answer, last)
    }

    /// Refuses to list where there are no listings. Some web servers have them, but none can be told
    /// from the others without a request, which others fail for a while.
    fn can_list(&self, place: &StorePath) -> Result<()> {
        if self.scheme == Scheme::Http {
            let reason = "a web server cannot list its files";
            return Err(Error::new(ErrorKind::Unsupported, reason).in_file(place));
        }
        Ok(())
    }

    /// Why there is no listing.
    fn unlisted(
        &self,
        error: &object_store::Error,
        last: Option<&Outcome>,
        place: &StorePath,
    ) -> Error {
        let is_missing = matches!(error, object_store::Error::NotFound { .. })
            || last == Some(&Outcome::Status(404));
        let told = if is_missing {
            fault::told(StoreFault::Bucket, "", self.scheme)
        } else {
            fault::meaning(error, last, self.scheme)
        };
        told.in_file(place)
    }

    fn key(&self, path: &StorePath) -> Result<Path> {
        let key = match &self.hub {
            Some(hub) => hub.key(path),
            None => path.as_str().to_owned(),
        };
        Path::parse(key).map_err(|_| {
            let reason = "the store cannot name such a key";
            Error::new(ErrorKind::Unsupported, reason).in_file(path)
        })
    }
}

/// The error for a store that gave too few answers.
///
/// # Errors
/// `Store`, always.
pub fn unanswered<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Store, "the store did not answer"))
}

/// Whether a store cannot list a directory, so that its files must be requested one by one.
pub fn is_unlistable(error: &Error) -> bool {
    error.kind() == ErrorKind::Unsupported && !matches!(error.subject(), Some(Subject::Store(_)))
}

fn object(meta: &ObjectMeta) -> Object {
    Object {
        size: meta.size,
        version: Object::version_of(meta.e_tag.as_deref()),
        modified_nsecs: Some(
            i128::from(meta.last_modified.timestamp()).saturating_mul(NSECS_PER_SEC),
        ),
    }
}

/// The path of a key relative to a directory; empty for the marker of the directory itself.
fn relative<'k>(place: &StorePath, key: &'k str) -> Option<&'k str> {
    if place.as_str().is_empty() {
        return Some(key);
    }
    let rest = key.strip_prefix(place.as_str())?;
    rest.is_empty()
        .then_some("")
        .or_else(|| rest.strip_prefix('/'))
}
