//! Merges ranges of one file that lie close together into one request.

use std::collections::BTreeMap;

use bytes::Bytes;
use orbscan_core::error::Result;
use orbscan_core::store::{Span, Want};

use crate::wire::{Got, PART, unanswered};

/// The largest gap between two ranges that costs less than a request.
const GAP: u64 = 64 << 10;

/// A request that answers several wants.
#[derive(Debug)]
pub struct Request {
    /// What is asked for.
    pub want: Want,
    /// The size of the file, if it is known.
    pub size: Option<u64>,
    /// The indices of the wants that it answers.
    members: Vec<usize>,
}

/// The requests for some wants, each with the size of its file, if known. Only ranges that
/// certainly lie in their file are merged, because an error for one must not become an error for
/// another.
pub fn merged(wants: &[(Want, Option<u64>)]) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut ranges: BTreeMap<(&str, u64, usize), (u64, u64)> = BTreeMap::new();
    for (place, (want, size)) in wants.iter().enumerate() {
        match (want.span, size) {
            (Span::Range { offset, length }, Some(size))
                if length > 0 && want.within(*size).is_ok() =>
            {
                ranges.insert((want.path.as_str(), offset, place), (length, *size));
            }
            _ => requests.push(Request {
                want: want.clone(),
                size: *size,
                members: vec![place],
            }),
        }
    }
    let mut last: Option<(Request, u64, u64)> = None;
    for ((path, offset, place), (length, size)) in ranges {
        let end = offset.saturating_add(length);
        if let Some((request, begin, until)) = &mut last {
            let is_near = request.want.path.as_str() == path
                && offset <= until.saturating_add(GAP)
                && end.saturating_sub(*begin) <= PART;
            if is_near {
                *until = end.max(*until);
                request.members.push(place);
                request.want = Want::range(
                    request.want.path.clone(),
                    *begin,
                    until.saturating_sub(*begin),
                );
                continue;
            }
        }
        let Some((want, _)) = wants.get(place) else {
            continue;
        };
        let request = Request {
            want: want.clone(),
            size: Some(size),
            members: vec![place],
        };
        requests.extend(last.replace((request, offset, end)).map(|(done, ..)| done));
    }
    requests.extend(last.map(|(done, ..)| done));
    requests
}

/// The answer to each want, from the answers to the requests.
pub fn parted(
    wants: &[(Want, Option<u64>)],
    requests: &[Request],
    answers: Vec<Result<Got>>,
) -> Vec<Result<Got>> {
    let mut parted: Vec<Result<Got>> = wants.iter().map(|_| unanswered()).collect();
    for (request, answer) in requests.iter().zip(answers) {
        for place in &request.members {
            let (Some((want, _)), Some(own)) = (wants.get(*place), parted.get_mut(*place)) else {
                continue;
            };
            *own = answer.clone().map(|got| Got {
                bytes: part(&got.bytes, request.want.span, want.span),
                object: got.object,
            });
        }
    }
    parted
}

/// The bytes of a range that lies in another.
fn part(bytes: &Bytes, whole: Span, wanted: Span) -> Bytes {
    let (Span::Range { offset: begin, .. }, Span::Range { offset, length }) = (whole, wanted)
    else {
        return bytes.clone();
    };
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let begin = offset.saturating_sub(begin);
    bytes.slice(place(begin)..place(begin.saturating_add(length)))
}

#[cfg(test)]
mod tests {
    use orbscan_core::path::StorePath;

    use super::*;
    use crate::tree::Object;

    fn range(path: &str, offset: u64, length: u64) -> (Want, Option<u64>) {
        let path = StorePath::new(path).unwrap();
        (Want::range(path, offset, length), Some(100 << 20))
    }

    fn spans(wants: &[(Want, Option<u64>)]) -> Vec<(String, Span)> {
        let requests = merged(wants).into_iter();
        let spans = requests.map(|request| (request.want.path.to_string(), request.want.span));
        spans.collect()
    }

    #[test]
    fn neighbours_are_one_request_and_others_are_not() {
        let wants = [
            range("a", 10, 5),
            range("b", 0, 5),
            range("a", 0, 10),
            range("a", 30, 1),
            range("a", 1 << 20, 5),
            range("a", 12, 2),
        ];
        let span = |offset, length| Span::Range { offset, length };
        assert_eq!(
            spans(&wants),
            [
                ("a".to_owned(), span(0, 31)),
                ("a".to_owned(), span(1 << 20, 5)),
                ("b".to_owned(), span(0, 5)),
            ]
        );
    }

    #[test]
    fn a_merged_range_is_not_too_long() {
        let wants: Vec<_> = (0..4)
            .map(|at| range("a", at * (2 << 20), 2 << 20))
            .collect();
        assert_eq!(spans(&wants).len(), 2);
    }

    #[test]
    fn what_may_be_refused_is_asked_for_alone() {
        let beyond = range("a", (100 << 20) - 1, 5);
        let unknown = (range("a", 0, 5).0, None);
        assert_eq!(spans(&[beyond, unknown, range("a", 5, 5)]).len(), 3);
    }

    #[test]
    fn every_want_gets_its_own_bytes() {
        let wants = [range("a", 6, 2), range("a", 2, 3), range("b", 0, 1)];
        let requests = merged(&wants);
        let answers = requests.iter().map(|request| {
            let Span::Range { offset, length } = request.want.span else {
                panic!()
            };
            let places = offset..offset + length;
            let bytes: Vec<u8> = places.map(|at| u8::try_from(at).unwrap()).collect();
            Ok(Got {
                bytes: bytes.into(),
                object: Object::default(),
            })
        });
        let answers = answers.collect();
        let parts: Vec<Vec<u8>> = parted(&wants, &requests, answers)
            .into_iter()
            .map(|got| got.unwrap().bytes.to_vec())
            .collect();
        assert_eq!(parts, [vec![6, 7], vec![2, 3, 4], vec![0]]);
    }
}
