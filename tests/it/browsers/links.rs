//! K-29: a `direct` link is redeemed by whoever opens it as a page, and by programs.
use super::*;
use crate::support::protocols::each;

#[tokio::test]
async fn k29_what_is_fetched_for_a_picture_a_frame_or_a_preview_uses_nothing_up() {
    each(async |server| {
        let link = server.link("legacy").await;
        let browser = server.browser();
        for headers in [
            &[("sec-fetch-dest", "image")][..],
            &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
            &[("sec-fetch-mode", "no-cors")],
            &[("sec-fetch-dest", "document"), ("sec-purpose", "Prefetch;Prerender")],
            &[("purpose", "PREVIEW")],
            &[("x-purpose", "prefetch")],
            &[("x-moz", "Prefetch")],
        ] {
            let request = headers
                .iter()
                .fold(browser.request(Method::GET, &link), |r, (n, v)| r.header(*n, *v));
            let seen = browser.send(request).await;
            assert_eq!((seen.status, seen.body.as_str()), (200, ""), "{headers:?}");
            assert_eq!(seen.header("set-cookie"), None, "{headers:?}");
        }
        assert_eq!(server.db.count(NOTHING_RUNS).await, 0);
        let request = browser.request(Method::GET, &link).header("sec-fetch-dest", "document");
        let opened = browser.send(request.header("sec-fetch-mode", "navigate")).await;
        server.is_answered(&opened);
    })
    .await;
}
