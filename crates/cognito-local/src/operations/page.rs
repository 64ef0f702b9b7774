//! Pages of a list: so many members in the order of their keys, and a token that says where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::constraint::Constraints;
use crate::error::ApiError;

/// Members of a page when the request names no number.
const MOST: usize = 60;

/// Which page of a list is asked for.
pub(super) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// The first page. `member` is the request's name for the number of members: 0 to 60, where 0 is 60.
    pub(super) fn new(constraints: &mut Constraints, member: &str, limit: Option<i64>) -> Self {
        let limit = constraints
            .number(member, limit, &(0..=60))
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0);
        Self {
            limit: limit.unwrap_or(MOST),
            after: None,
        }
    }

    /// The page a token names. InvalidParameterException for a token the pool did not give.
    pub(super) fn after(self, token: Option<String>) -> Result<Self, ApiError> {
        let Some(token) = token else {
            return Ok(self);
        };
        let key = URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| ApiError::invalid_parameter("Invalid pagination token."))?;
        Ok(Self {
            after: Some(key),
            ..self
        })
    }

    /// The answer: the page under `member`, and `NextToken` when there is more. `items` come in the order of their keys.
    pub(super) fn answer<'a>(
        &self,
        member: &str,
        items: impl Iterator<Item = (&'a str, Value)>,
    ) -> Value {
        let mut rest =
            items.filter(|(key, _)| self.after.as_deref().is_none_or(|after| *key > after));
        let page: Vec<_> = rest.by_ref().take(self.limit).collect();
        let last = page.last().map(|(key, _)| *key);
        let next = last.filter(|_| rest.next().is_some());
        let mut answer = Map::new();
        answer.extend(next.map(|key| ("NextToken".to_owned(), URL_SAFE_NO_PAD.encode(key).into())));
        let page = page.into_iter().map(|(_, item)| item).collect();
        answer.insert(member.to_owned(), page);
        answer.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_page_by_page_to_its_end() {
        let keys = ["a", "b", "c", "d", "e"];
        let mut token = None;
        let mut read = Vec::new();
        for expected in [2, 2, 1] {
            let mut constraints = Constraints::default();
            let page = Page::new(&mut constraints, "limit", Some(2));
            let page = page.after(token).unwrap();
            let answer = page.answer("Items", keys.iter().map(|key| (*key, (*key).into())));
            let items = answer["Items"].as_array().unwrap();
            assert_eq!(items.len(), expected);
            read.extend(items.iter().map(|item| item.as_str().unwrap().to_owned()));
            token = answer["NextToken"].as_str().map(str::to_owned);
        }
        assert_eq!(read, keys);
        assert_eq!(token, None);
    }
}
