//! What ranks tell one another, as bytes: JSON, since messages are few and small.

use serde_json::{Value, json};

use super::problem::{Failure, Told};
use crate::error::ErrorLocation;
use crate::io::checkpoint::Done;

/// A message. Between two ranks the last from rank 0 is `Over`, the last from the other is `Ended`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// To rank 0: the inputs are read; their digest.
    Ready(u64),
    /// From rank 0: begin. These parts are done already; none where the output is complete.
    Begin(Option<Vec<u64>>),
    /// To rank 0: parts are done, and safe on the disk.
    Done(Vec<Done>),
    /// Stop at the end of a part: to rank 0, if that is asked of a rank; then from rank 0 to all.
    Stop,
    /// To rank 0: nothing more is done by this rank, which worked so many seconds, and why, if it failed.
    Ended(f64, Option<Failure>),
    /// From rank 0: the run is over; whether the output is complete.
    Over(bool),
}

impl Message {
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = match self {
            Self::Ready(inputs) => json!(["ready", inputs]),
            Self::Begin(done) => json!(["begin", done]),
            Self::Done(parts) => {
                let parts: Vec<[u64; 3]> = parts.iter().map(|d| [d.part, d.segments, d.checksum.into()]).collect();
                json!(["done", parts])
            }
            Self::Stop => json!(["stop"]),
            Self::Ended(seconds, None) => json!(["ended", seconds]),
            Self::Ended(seconds, Some(Failure { place, told })) => {
                let file = place.file.as_ref().map(|file| file.to_string_lossy());
                json!(["ended", seconds, [file, place.item, place.index], [told.text, told.hint, told.may_pass]])
            }
            Self::Over(complete) => json!(["over", complete]),
        };
        value.to_string().into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let (name, rest) = value.as_array()?.split_first()?;
        match (name.as_str()?, rest) {
            ("ready", [inputs]) => inputs.as_u64().map(Self::Ready),
            ("begin", [Value::Null]) => Some(Self::Begin(None)),
            ("begin", [done]) => {
                done.as_array()?.iter().map(Value::as_u64).collect::<Option<_>>().map(|d| Self::Begin(Some(d)))
            }
            ("done", [parts]) => parts.as_array()?.iter().map(done).collect::<Option<_>>().map(Self::Done),
            ("stop", []) => Some(Self::Stop),
            ("ended", [seconds]) => seconds.as_f64().map(|seconds| Self::Ended(seconds, None)),
            ("ended", [seconds, place, told]) => Some(Self::Ended(seconds.as_f64()?, Some(failure(place, told)?))),
            ("over", [complete]) => complete.as_bool().map(Self::Over),
            _ => None,
        }
    }
}

fn done(value: &Value) -> Option<Done> {
    let [part, segments, checksum] = value.as_array()?.as_slice() else { return None };
    let checksum = u32::try_from(checksum.as_u64()?).ok()?;
    Some(Done { part: part.as_u64()?, segments: segments.as_u64()?, checksum })
}

fn failure(place: &Value, told: &Value) -> Option<Failure> {
    let ([file, object, row], [text, hint, may_pass]) = (place.as_array()?.as_slice(), told.as_array()?.as_slice())
    else {
        return None;
    };
    let owned = |value: &Value| value.as_str().map(str::to_string);
    let place = ErrorLocation { file: owned(file).map(Into::into), item: owned(object), index: row.as_u64() };
    let told = Told { text: owned(text)?, hint: owned(hint), may_pass: may_pass.as_bool()? };
    Some(Failure { place, told })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let failure = |place: ErrorLocation, hint: Option<&str>| {
            let told = Told { text: "a `\n\u{e9}\"".into(), hint: hint.map(Into::into), may_pass: true };
            Failure { place, told }
        };
        let all = [
            Message::Ready(u64::MAX),
            Message::Begin(None),
            Message::Begin(Some(vec![])),
            Message::Begin(Some(vec![3, u64::MAX])),
            Message::Done(vec![Done { part: 1, segments: 1 << 60, checksum: u32::MAX }]),
            Message::Stop,
            Message::Ended(0.1 + 0.2, None),
            Message::Ended(0.0, Some(failure(ErrorLocation::default(), None))),
            Message::Ended(1e300, Some(failure(ErrorLocation::file("f").with_item("node").with_index(7), Some("h")))),
            Message::Over(false),
        ];
        for message in all {
            assert_eq!(Message::from_bytes(&message.to_bytes()), Some(message));
        }
        assert_eq!(Message::from_bytes(b"[\"done\", [[1, 2]]]"), None);
    }
}
