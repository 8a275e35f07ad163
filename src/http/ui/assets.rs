//! The stylesheet, the scripts and the pictures: in the binary, under names that change with them.
use crate::crypto::hash::sha256;
use crate::http::extract::Anyone;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

#[derive(rust_embed::Embed)]
#[folder = "static/"]
struct StaticFiles;

struct Asset {
    name: String,
    /// `understudy.0f1e2d3c4b5a6978.css`: a browser may keep it for ever.
    file: String,
    bytes: Cow<'static, [u8]>,
    mime: &'static str,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let load = |name: Cow<'static, str>| {
        let bytes = StaticFiles::get(&name)?.data;
        let (stem, extension) = name.rsplit_once('.')?;
        let file = format!("{stem}.{}.{extension}", short_hash(&bytes));
        Some(Asset { mime: mime(extension), file, bytes, name: name.into_owned() })
    };
    StaticFiles::iter().filter_map(load).collect()
});

fn short_hash(bytes: &[u8]) -> String {
    sha256(bytes).iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn mime(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

/// Where `name` is served.
pub fn url(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    format!("/static/{}", asset.map_or(name, |asset| asset.file.as_str()))
}

/// A file, and the version in its name; the bytes live as long as the program.
pub fn embedded(name: &str) -> Option<(&'static [u8], &'static str)> {
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    let version = asset.file.rsplit('.').nth(1)?;
    Some((&asset.bytes, version))
}

pub async fn get(_: Anyone, file: web::Path<String>) -> HttpResponse {
    let Some(asset) = ASSETS.iter().find(|asset| asset.file == *file) else {
        return HttpResponse::NotFound()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish();
    };
    let bytes: &'static [u8] = &asset.bytes;
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.mime))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        // A picture opened by itself is a document, and may hold a script.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_pages_name_is_there_under_a_hashed_name() {
        for name in ["understudy.css", "form-post.js", "countdown.js", "farewell.js", "logo.svg"] {
            let (stem, extension) = name.rsplit_once('.').unwrap();
            let url = url(name);
            let rest = url.strip_prefix(&format!("/static/{stem}.")).unwrap();
            let hash = rest.strip_suffix(&format!(".{extension}")).unwrap();
            assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{url}");
        }
    }
}
