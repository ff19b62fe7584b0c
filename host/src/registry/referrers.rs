//! What refers to a manifest: as the registry tells it (OCI 1.1), or as an index under a tag has it where it cannot tell.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::artifact::{Descriptor, IMAGE_INDEX, ImageIndex};
use super::error::RegistryError;
use super::exchange::{Ask, Place};
use super::repository::{LARGEST_MANIFEST, Repository};
use crate::core::ContentDigest;

/// How many pages are read of what a registry tells.
const MOST_PAGES: usize = 8;

impl Repository {
    /// What refers to a manifest, as far as one kind of artifact is concerned; nothing where the registry cannot tell. Those that cannot answer in many ways: that
    /// there is nothing there, that it is not allowed, or with a page for people.
    pub async fn referrers(
        &mut self,
        digest: ContentDigest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let place = self.place(&format!("referrers/{digest}"))?;
        let mut next = place.with_query("artifactType", artifact_type);
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let Some(here) = next.take() else { break };
            let ask = Ask::get(here.clone(), "an index", LARGEST_MANIFEST);
            let accepted = HeaderValue::from_static(IMAGE_INDEX);
            let answer = self.ask(ask.header(header::ACCEPT, accepted)).await?;
            let is_told = answer.status == StatusCode::OK;
            let Some(index) = is_told.then(|| index_in(&answer.body)).flatten() else {
                break;
            };
            found.extend(index.descriptors());
            next = next_page(&here, &answer.headers);
        }
        Ok(found)
    }

    /// The index under a tag, if there is one. What else may be there is none: some registries take such a tag for the manifest with this digest.
    pub async fn index(&mut self, tag: &str) -> Result<Option<ImageIndex>, RegistryError> {
        let body = self.manifest_bytes(tag, None).await?;
        Ok(body.and_then(|body| index_in(&body)))
    }
}

fn index_in(body: &[u8]) -> Option<ImageIndex> {
    serde_json::from_slice(body).ok()
}

/// Where the next page is, at the same host.
fn next_page(here: &Place, headers: &HeaderMap) -> Option<Place> {
    let links = headers.get_all(header::LINK).iter();
    let links = links.filter_map(|links| links.to_str().ok());
    let mut places = links.flat_map(|links| links.split(',')).filter_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = |parameter: &str| matches!(parameter.trim(), "rel=next" | "rel=\"next\"");
        let is_next = parameters.split(';').any(is_next);
        here.resolve(url).filter(|_| is_next)
    });
    places.find(|place| place.speaks_tls == here.speaks_tls && place.is_beside(here))
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;

    use super::*;

    fn next(link: &'static str) -> Option<String> {
        let target = PathAndQuery::from_static("/v2/room/referrers/x");
        let here = Place::over_tls("a.example", target);
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_static(link));
        next_page(&here, &headers).map(|place| place.target.to_string())
    }

    #[test]
    fn the_next_page_is_at_the_same_host() {
        for link in [
            r#"</v2/x?n=2>; rel="next""#,
            r#"</v2/a>; rel="first", <https://a.example:443/v2/x?n=2>; a=b; rel=next"#,
        ] {
            assert_eq!(next(link).as_deref(), Some("/v2/x?n=2"), "{link}");
        }
        for link in [
            "",
            r#"</v2/x>; rel="first""#,
            r#"<https://b.example/v2/x>; rel="next""#,
            r#"<http://a.example/v2/x>; rel="next""#,
        ] {
            assert_eq!(next(link), None, "{link}");
        }
    }

    #[test]
    fn what_others_wrote_into_an_index_is_kept_and_not_in_the_way() {
        let text = format!(
            r#"{{"schemaVersion": 2, "manifests": [
                {{"mediaType": "x", "digest": "sha512:00", "size": 1}},
                {{"mediaType": "x", "digest": "{}", "size": 1}}]}}"#,
            ContentDigest::of(b"")
        );
        let mut index = index_in(text.as_bytes()).unwrap();
        let descriptor = Descriptor::of(b"", "x");
        index.name(&descriptor);
        assert_eq!(index.manifests.len(), 2);
        assert_eq!(index.manifests[0]["digest"], "sha512:00");
        assert_eq!(index.descriptors().collect::<Vec<_>>(), [descriptor]);
        assert!(index_in(br#"{"schemaVersion": 2, "layers": []}"#).is_none());
    }
}
