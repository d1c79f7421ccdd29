//! The page of the operator's choice at `/`: files of one directory, read once at the start (POSTROOM_PAGE_DIR).
//!
//! It is on the API's own origin, so that its cookies are of the same site and it needs no CORS. What the API itself has
//! is never hidden by it: it is asked only where there is no route, and never below the API's own names.

use crate::{
    etag,
    problem::Problem,
    server::{State, nothing_here},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::Data,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

/// A directory with more than this is no page, in bytes: somebody named the wrong one.
const MOST: usize = 64 << 20;

/// First segments of addresses that are the API's alone, also where it has nothing there.
const OURS: [&str; 6] = ["v1", "docs", "openapi.json", "healthz", "readyz", ".well-known"];

/// What a page may do: run its own scripts, and talk to this server alone. Pictures may come from elsewhere, since people
/// may ask for those of a mail, which the API holds back until then; and sanitised mail has style attributes (MAIL-6).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                      img-src 'self' data: https: http:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A page's files.
#[derive(Debug)]
pub struct Page {
    /// By their path without the slash in front.
    files: HashMap<String, PageFile>,
    /// What is shown at `/`, and at every address of the page's own making.
    index: PageFile,
}

#[derive(Debug, Clone)]
struct PageFile {
    bytes: Bytes,
    content_type: &'static str,
    cache_control: &'static str,
    tag: String,
}

/// Why a directory can't be served.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A file or directory can't be read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to begin with.
    #[error("there is no index.html in {}", .0.display())]
    NoIndex(PathBuf),
    /// It holds too much to be a page.
    #[error("{} holds more than {} MiB: is it the page's directory?", .0.display(), MOST >> 20)]
    TooLarge(PathBuf),
}

impl Page {
    /// Reads all files of a directory and of those in it.
    ///
    /// # Errors
    /// [`PageError`], where something can't be read, is too much, or `index.html` is missing.
    pub fn read(directory: &Path) -> Result<Self, PageError> {
        let mut files = HashMap::new();
        gather(directory, directory, &mut files)?;
        let index = files.remove("index.html").ok_or_else(|| PageError::NoIndex(directory.to_owned()))?;
        Ok(Self { files, index })
    }

    /// The file at an address; `index.html` for the page's own addresses, such as `/conversations/ID`, where somebody
    /// goes there with a browser.
    fn file(&self, path: &str, wants_html: bool) -> Option<&PageFile> {
        let path = path.trim_start_matches('/');
        let (first, last) = (path.split('/').next()?, path.rsplit('/').next()?);
        if OURS.contains(&first) {
            return None;
        }
        if path.is_empty() || path == "index.html" {
            return Some(&self.index);
        }
        self.files.get(path).or_else(|| (wants_html && !last.contains('.')).then_some(&self.index))
    }
}

fn gather(root: &Path, directory: &Path, files: &mut HashMap<String, PageFile>) -> Result<(), PageError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PageError::Read { path, source }
    };
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let entry = entry.map_err(failed(directory))?;
        let path = entry.path();
        if entry.file_type().map_err(failed(&path))?.is_dir() {
            gather(root, &path, files)?;
            continue;
        }
        let size = usize::try_from(fs::metadata(&path).map_err(failed(&path))?.len()).unwrap_or(usize::MAX);
        if files.values().map(|file| file.bytes.len()).sum::<usize>().saturating_add(size) > MOST {
            return Err(PageError::TooLarge(root.to_owned()));
        }
        let bytes = fs::read(&path).map_err(failed(&path))?;
        let names = path.strip_prefix(root).unwrap_or(&path).components();
        let name = names.map(|name| name.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        let file = PageFile::new(&name, bytes);
        files.insert(name, file);
    }
    Ok(())
}

impl PageFile {
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes);
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default()));
        let cache_control = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
        Self { bytes: bytes.into(), content_type: content_type(name), cache_control, tag }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = etag::none_match(request.headers(), &self.tag);
        let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer
            // Weak: the layer that compresses sends other bytes under it.
            .insert_header((header::ETAG, format!("W/{}", self.tag)))
            .insert_header((header::CACHE_CONTROL, self.cache_control))
            // With 304 as well: what a browser has kept gets the headers of that answer.
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
        if known {
            return answer.finish();
        }
        answer.content_type(self.content_type).body(self.bytes.clone())
    }
}

/// Whether a file has its content's hash in its name, as Vite names what it builds (`assets/index-B7x0pQ2a.js`): another
/// content has another name.
fn is_hashed(name: &str) -> bool {
    let Some(file) = name.strip_prefix("assets/") else { return false };
    let stem = file.split('.').next().unwrap_or_default();
    let hash = stem.get(stem.len().saturating_sub(8)..).unwrap_or_default();
    hash.len() == 8
        && stem.get(..stem.len().saturating_sub(8)).is_some_and(|rest| rest.ends_with('-'))
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("avif") => "image/avif",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("woff") => "font/woff",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// What is answered where the API has no route: the page's file, or the problem that it is without a page.
pub(crate) async fn or_nothing(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    if let Some(page) = &state.page
        && request.method() == Method::GET
        && let Some(file) = page.file(request.path(), wants_html(&request))
    {
        return Ok(file.answer(&request));
    }
    nothing_here(request, state).await
}

fn wants_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_by_its_content_is_kept_for_good() {
        for name in ["assets/index-B7x0pQ2a.js", "assets/a-b-_7x0pQ-a.css", "assets/index-B7x0pQ2a.js.map"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in
            ["index.html", "index-B7x0pQ2a.js", "assets/index.js", "assets/B7x0pQ2a.js", "assets/é-B7x0.js"]
        {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
